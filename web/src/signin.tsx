// The door: a one-time link signs in by itself, the admin token by hand.
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { call, get, Problem, signedOut, type Who } from "./api";
import { choose, usePrefs } from "./prefs";
import { switchLanguage } from "./i18n";
import { Button, Code, Coded, Field, Input, Trouble } from "./ui/kit";

/** takeCode takes the code out of the address, where nobody needs it again. */
function takeCode(): string | null {
  const m = /^#code=([\w-]+)$/.exec(location.hash);
  if (!m) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return m[1];
}

let code = takeCode();
let refused: Problem | null = null;

async function whoAmI(): Promise<Who | null> {
  if (code) {
    const once = code;
    code = null;
    try {
      return await call<Who>("POST", "/v1/session", { code: once });
    } catch (e) {
      if (!(e instanceof Problem) || e.code === "network") throw e;
      refused = e;
    }
  }
  try {
    return await get<Who>("/v1/session");
  } catch (e) {
    if (e instanceof Problem && e.status === 401) return null;
    throw e;
  }
}

/** forget drops whatever was read for whoever was signed in. */
export const forget = (client: QueryClient) => client.removeQueries({ predicate: (q) => q.queryKey[0] !== "session" });

export const useWho = () => useQuery({ queryKey: ["session"], queryFn: whoAmI, staleTime: Infinity });

export function Gate({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [ended, setEnded] = useState(false);
  useEffect(() => {
    const out = () => {
      setEnded(true);
      forget(client);
      client.setQueryData(["session"], null);
    };
    signedOut.addEventListener("out", out);
    return () => signedOut.removeEventListener("out", out);
  }, [client]);
  const who = useWho();
  if (who.isPending) return null;
  if (who.isError) return <Trouble error={who.error} retry={() => who.refetch()} />;
  if (who.data) return <>{children}</>;
  return <SignIn ended={ended} />;
}

function SignIn({ ended }: { ended: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { language } = usePrefs();
  const [token, setToken] = useState("");
  const [error, setError] = useState<unknown>(refused);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = `${t("signin.title")} · kith`;
  }, [t]);
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    try {
      const who = await call<Who>("POST", "/v1/session", { token: token.trim() });
      setToken("");
      forget(client);
      client.setQueryData(["session"], who);
    } catch (x) {
      setError(x);
    } finally {
      setBusy(false);
    }
  };
  const other = language === "en" ? "fr" : "en";
  return (
    <main className="mx-auto flex min-h-screen max-w-md flex-col justify-center p-6">
      <div className="rounded-xl border border-line bg-panel p-6 shadow-sm">
        <Logo />
        <h1 className="mt-4 text-xl font-semibold">{t("signin.title")}</h1>
        <p className="mt-1 mb-3 text-soft">{ended ? t("signin.ended") : t("signin.lead")}</p>
        <Code text="kith open" label={t("signin.command")} />
        {error != null && (
          <div className="-mx-3">
            <Trouble error={error} />
          </div>
        )}
        <form onSubmit={submit} className="mt-5 space-y-3 border-t border-line pt-4">
          <Field label={t("signin.token")} hint={<Coded text={t("signin.tokenHint")} code="admin-token" />}>
            <Input type="password" autoComplete="off" value={token} onChange={(e) => setToken(e.target.value)} />
          </Field>
          <Button kind="main" type="submit" className="w-full" disabled={busy || !token.trim()}>
            {t("signin.go")}
          </Button>
        </form>
      </div>
      <div className="mt-3 text-center">
        <Button
          kind="quiet"
          small
          lang={other}
          onClick={() => {
            choose({ language: other });
            void switchLanguage(other);
          }}
        >
          {other === "fr" ? "Français" : "English"}
        </Button>
      </div>
    </main>
  );
}

export function Logo() {
  return (
    <span className="inline-flex items-center gap-2 text-lg font-semibold tracking-tight">
      <svg viewBox="0 0 32 32" aria-hidden className="size-7">
        <rect width="32" height="32" rx="8" className="fill-accent" />
        <circle cx="12" cy="16" r="6" className="fill-transparent stroke-on-accent" strokeWidth="2.5" />
        <circle cx="20" cy="16" r="6" className="fill-transparent stroke-on-accent" strokeWidth="2.5" />
      </svg>
      kith
    </span>
  );
}
