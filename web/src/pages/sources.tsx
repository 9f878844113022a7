// Where events come from, and how to send them.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, type Source } from "../api";
import { Badge, Button, Card, Code, Copy, Dialog, Empty, Field, Input, Select, Skeleton, Tabs, Trouble, When } from "../ui/kit";
import { keyOf, lastUsed, useSources } from "../data";
import { Page } from "./page";
import { kinds, snippet } from "./snippets";

export function Sources() {
  const { t } = useTranslation();
  const sources = useSources();
  const [adding, setAdding] = useState(false);
  const [rotating, setRotating] = useState<Source | null>(null);
  return (
    <Page
      title={t("nav.sources")}
      lead={t("sources.lead")}
      action={
        <Button kind="main" onClick={() => setAdding(true)}>
          <Plus aria-hidden className="size-4" />
          {t("sources.add")}
        </Button>
      }
    >
      {sources.isPending && <Skeleton lines={6} />}
      {sources.isError && <Trouble error={sources.error} retry={() => sources.refetch()} />}
      {sources.data?.data.length === 0 && <Card><Empty title={t("sources.none")}>{t("sources.noneLead")}</Empty></Card>}
      <div className="grid items-start gap-4 xl:grid-cols-2">
        {sources.data?.data.map((s) => <One key={s.key} s={s} rotate={() => setRotating(s)} />)}
      </div>
      <Dialog open={adding} close={() => setAdding(false)} title={t("sources.add")}>
        <Add done={() => setAdding(false)} />
      </Dialog>
      <Dialog open={!!rotating} close={() => setRotating(null)} title={t("source.rotate")}>
        {rotating && <Rotate s={rotating} done={() => setRotating(null)} />}
      </Dialog>
    </Page>
  );
}

function One({ s, rotate }: { s: Source; rotate: () => void }) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<string>("curl");
  const old = s.write_keys.filter((k) => k.value !== s.write_key && k.expires_at);
  return (
    <Card
      flush
      title={
        <span className="flex flex-wrap items-center gap-2">
          {s.name} <span className="font-mono text-sm font-normal text-soft">{s.key}</span>
          {!s.enabled && <Badge tone="warn">{t("source.off")}</Badge>}
        </span>
      }
      action={<span className="text-right text-sm text-soft">{lastUsed(s) ? <>{t("source.last")} <When at={lastUsed(s)} /></> : t("source.never")}</span>}
    >
      <div className="flex items-center gap-1 px-4 py-2">
        <span className="shrink-0 text-sm text-soft">{t("source.key")}</span>
        <span className="ml-2 min-w-0 truncate font-mono text-sm">{s.write_key}</span>
        <Copy text={s.write_key} label={`${s.name}: ${t("source.copyKey")}`} />
        <Button small className="ml-auto" aria-label={`${s.name}: ${t("source.rotateShort")}`} onClick={rotate}>
          <KeyRound aria-hidden className="size-3.5" />
          {t("source.rotateShort")}
        </Button>
      </div>
      {old.map((k) => (
        <p key={k.value} className="px-4 pb-2 text-sm text-soft">
          {t("source.old")} <span className="font-mono">{k.value.slice(0, 16)}…</span> {t("source.until")} <When at={k.expires_at} absolute />
        </p>
      ))}
      <Tabs label={`${s.name}: ${t("source.snippets")}`} value={kind} change={setKind} tabs={kinds.map((k) => ({ value: k, label: t(`snippet.${k}`), panel: <div className="p-3"><Code text={snippet(k, location.origin, s.write_key)} label={`${s.name}: ${k}`} /></div> }))} />
    </Card>
  );
}

function Add({ done }: { done: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const sources = useSources();
  const [name, setName] = useState("");
  const key = keyOf(name);
  const taken = sources.data?.data.some((s) => s.key === key);
  const add = useMutation({
    mutationFn: () => call("PUT", `/v1/sources/${enc(key)}`, { name: name.trim(), type: "http" }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["sources"] });
      done();
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    add.mutate();
  };
  return (
    <form onSubmit={submit} className="space-y-4 p-4">
      <Field label={t("col.name")} hint={key ? `${t("source.keyWillBe")} ${key}` : t("source.nameHint")}>
        <Input autoFocus value={name} onChange={(e) => setName(e.target.value)} maxLength={200} />
      </Field>
      {taken && <p role="alert" className="text-bad">{t("source.taken")}</p>}
      {add.isError && <Trouble error={add.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={done}>{t("cancel")}</Button>
        <Button kind="main" type="submit" disabled={!key || taken || add.isPending}>{t("sources.add")}</Button>
      </div>
    </form>
  );
}

function Rotate({ s, done }: { s: Source; done: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [overlap, setOverlap] = useState("24h");
  const rotate = useMutation({
    mutationFn: () => call("POST", `/v1/sources/${enc(s.key)}/rotate`, { overlap }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["sources"] });
      done();
    },
  });
  return (
    <div className="space-y-4 p-4">
      <p>{t("source.rotateLead", { name: s.name })}</p>
      <Field label={t("source.overlap")}>
        <Select value={overlap} onChange={(e) => setOverlap(e.target.value)} options={["1h", "24h", "7d", "30d"].map((v) => ({ value: v, label: v }))} />
      </Field>
      {rotate.isError && <Trouble error={rotate.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={done}>{t("cancel")}</Button>
        <Button kind="main" disabled={rotate.isPending} onClick={() => rotate.mutate()}>{t("source.rotate")}</Button>
      </div>
    </div>
  );
}
