// Uploading a list: a file of identifiers becomes members of a segment.
import { Link, useNavigate } from "@tanstack/react-router";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Download, FileUp } from "lucide-react";
import { type DragEvent, type ReactNode, useId, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { call, enc, get, type Job, type Page as Part, Problem, send } from "../api";
import { keyOf, useSegments } from "../data";
import { num } from "../format";
import { column, csv, guess, keep, readTable } from "../table";
import { going } from "../tray";
import { Button, buttonLook, Card, cx, Field, Input, Num, Progress, Rows, Segmented, Select, Skeleton, Tick, Trouble } from "../ui/kit";
import { Page } from "./page";

type Rejected = { index: number; code: string; detail: string; row: string };
type Counts = { accepted: number; unknown: number; run?: string };
type Done = Counts & { key: string; rejected: Rejected[]; refused: number; mode: string; first: number };

const bytesMax = 64 << 20; // of one upload
const shownRows = 5;
const shownRejects = 8;

/** useTypes are the types of identifiers that a list may be of. */
function useTypes(account: boolean) {
  const q = useQuery({ queryKey: ["identity-settings"], queryFn: ({ signal }) => get<{ types: { type: string }[] }>("/v1/settings/identity", signal), enabled: !account, staleTime: 60_000 });
  return useMemo(() => {
    const all = account ? ["group_id"] : (q.data?.types.map((r) => r.type) ?? []);
    const first = ["email", "phone", "user_id"].filter((x) => all.includes(x));
    return [...first, ...all.filter((x) => !first.includes(x))];
  }, [q.data, account]);
}

/** NewList makes a segment whose members are those of a file. */
export function NewList() {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const [made, setMade] = useState("");
  const all = useSegments();
  const key = keyOf(name);
  const taken = key !== made && (key === "new" || !!all.data?.data.some((s) => s.key === key));
  const make = async () => {
    if (key !== made) await call("PUT", `/v1/segments/${enc(key)}`, { name: name.trim(), list: true });
    setMade(key);
    return key;
  };
  return (
    <Page title={t("upload.title")} lead={t("upload.lead")} action={<Link to="/segments/new" className={buttonLook()}>{t("upload.byCondition")}</Link>}>
      <div className="max-w-4xl space-y-4">
        <div className="max-w-xl">
          <Field label={t("col.name")} hint={key ? `${t("source.keyWillBe")} ${key}` : t("upload.nameHint")}>
            <Input value={name} autoFocus maxLength={200} disabled={!!made} onChange={(e) => setName(e.target.value)} />
          </Field>
          {taken && <p role="alert" className="mt-1 text-bad">{t("segments.taken")}</p>}
        </div>
        <Upload into={make} ready={!!key && !taken} fresh={!made} />
      </div>
    </Page>
  );
}

/** Upload takes a file into a list. into makes the list where it has to, and tells its key. */
export function Upload({ into, ready, fresh, account = false }: { into: () => Promise<string>; ready: boolean; fresh: boolean; account?: boolean }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const types = useTypes(account);
  const [file, setFile] = useState<{ name: string; rows: string[][] } | null>(null);
  const [bad, setBad] = useState("");
  const [choice, setChoice] = useState<{ names?: boolean; column?: number; type?: string }>({});
  const [mode, setMode] = useState("add");
  const [job, setJob] = useState<string | null>(null);
  const guessed = useMemo(() => guess(file?.rows ?? [], types), [file, types]);
  const at = { ...guessed, ...choice };
  const body = file ? (at.names ? file.rows.slice(1) : file.rows) : [];
  const take = async (f: File | undefined) => {
    if (!f) return;
    setChoice({});
    up.reset();
    if (f.size > bytesMax) return setBad(t("upload.tooLarge"));
    const rows = readTable(await f.text());
    setBad(rows.length === 0 ? t("upload.nothing") : "");
    setFile(rows.length === 0 ? null : { name: f.name, rows });
  };
  const up = useMutation({
    mutationFn: async (): Promise<Done> => {
      const key = await into();
      const sent = new Blob([column(at.type, body.map((r) => r[at.column] ?? ""))], { type: "text/csv" });
      const { status, data } = await send<(Counts & { rejected: Rejected[] }) | Job>(`/v1/segments/${enc(key)}/members?mode=${mode}`, sent);
      const rest = { key, mode, first: at.names ? 2 : 1 };
      if (status !== 202) {
        const d = data as Counts & { rejected: Rejected[] };
        return { ...d, ...rest, refused: d.rejected.length };
      }
      setJob((data as Job).id);
      const ended = await end((data as Job).id);
      return { ...(ended.result as Counts), ...rest, rejected: ended.rejected > 0 ? await rejects(ended.id) : [], refused: ended.rejected };
    },
    onSuccess: async () => {
      for (const k of ["segments", "segment", "members-of", "courses", "course-of"]) await client.invalidateQueries({ queryKey: [k] });
    },
    onSettled: () => setJob(null),
  });
  const names = file ? file.rows[0].map((c, n) => (at.names && c ? c : t("upload.columnN", { n: n + 1 }))) : [];
  return (
    <div className="space-y-4">
      {!up.isSuccess && <Drop take={take} name={file?.name} rows={body.length} />}
      {bad && <p role="alert" className="text-bad">{bad}</p>}
      {file && !up.isSuccess && (
        <Card title={t("upload.preview")} flush>
          <div className="grid gap-3 p-4 sm:grid-cols-2">
            <Field label={t("upload.column")}>
              <Select value={String(at.column)} onChange={(e) => setChoice({ ...choice, column: Number(e.target.value) })} options={names.map((label, n) => ({ value: String(n), label }))} />
            </Field>
            <Field label={t("upload.type")}>
              <Select value={at.type} onChange={(e) => setChoice({ ...choice, type: e.target.value })} options={types.map((x) => ({ value: x, label: t(`idtype.${x}`, { defaultValue: x }) }))} />
            </Field>
            <div className="sm:col-span-2">
              <Tick label={t("upload.names")} checked={at.names} change={(v) => setChoice({ ...choice, names: v })} />
            </div>
          </div>
          <First names={names} rows={body.slice(0, shownRows)} chosen={at.column} />
          {body.length > shownRows && <p className="border-t border-line px-4 py-2 text-sm text-soft">{t("upload.firstOf", { n: num(Math.min(shownRows, body.length), i18n.language), of: num(body.length, i18n.language) })}</p>}
        </Card>
      )}
      {file && !up.isSuccess && (
        <div className="space-y-3">
          {!fresh && (
            <div>
              <span className="mb-1 block text-sm font-medium">{t("upload.mode")}</span>
              <Segmented label={t("upload.mode")} value={mode} change={setMode} options={["add", "replace", "remove"].map((v) => ({ value: v, label: t(`upload.${v}`) }))} />
              <p className={cx("mt-1 text-sm", mode === "add" ? "text-soft" : "text-warn")}>{t(`uploadHint.${mode}`)}</p>
            </div>
          )}
          {up.isError && <Trouble error={up.error} />}
          {job && <Going id={job} />}
          <Button kind="main" disabled={!ready || up.isPending || body.length === 0} onClick={() => up.mutate()}>
            <FileUp aria-hidden className="size-4" />
            {t(mode === "remove" ? "upload.goRemove" : mode === "replace" ? "upload.goReplace" : "upload.go", { count: body.length, n: num(body.length, i18n.language) })}
          </Button>
          {!ready && <p className="text-sm text-soft">{t("upload.nameFirst")}</p>}
        </div>
      )}
      {up.data && (
        <Outcome
          d={up.data}
          again={() => {
            up.reset();
            setFile(null);
            setChoice({});
          }}
          open={() => void navigate({ to: "/segments/$key", params: { key: up.data.key }, search: { tab: "members" } })}
        />
      )}
    </div>
  );
}

/** end waits for a job. */
async function end(id: string): Promise<Job> {
  for (;;) {
    const j = await get<Job>(`/v1/jobs/${enc(id)}`);
    if (!going(j)) {
      if (j.state === "done") return j;
      const why = j.error as { code?: string; detail?: string } | null;
      throw new Problem(0, why?.code ?? `job.${j.state}`, why?.detail ?? "", "", []);
    }
    await new Promise((next) => setTimeout(next, 500));
  }
}

async function rejects(id: string): Promise<Rejected[]> {
  const all: Rejected[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const p: Part<Rejected> = await get<Part<Rejected>>(`/v1/jobs/${enc(id)}/rejects?limit=1000${cursor && `&cursor=${enc(cursor)}`}`);
    all.push(...p.data);
    cursor = p.next;
  }
  return all;
}

function Drop({ take, name, rows }: { take: (f: File | undefined) => void; name: string | undefined; rows: number }) {
  const { t, i18n } = useTranslation();
  const id = useId();
  const [over, setOver] = useState(false);
  const drop = (e: DragEvent) => {
    e.preventDefault();
    setOver(false);
    take(e.dataTransfer.files[0]);
  };
  return (
    <div
      onDragOver={(e) => {
        e.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      className={cx("flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border border-dashed px-4 py-5", over ? "border-accent bg-accent-wash" : "border-edge bg-panel")}
    >
      <FileUp aria-hidden className="size-7 shrink-0 text-accent" />
      <div className="min-w-0 flex-1 basis-60">
        <label htmlFor={id} className="font-semibold">{t("upload.file")}</label>
        <p className="text-sm text-soft">{name ? t("upload.chosen", { name, count: rows, n: num(rows, i18n.language) }) : t("upload.fileHint")}</p>
      </div>
      <span className={cx(buttonLook(), "relative focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent")}>
        {t(name ? "upload.chooseOther" : "upload.choose")}
        <input id={id} type="file" accept=".csv,.tsv,.txt,text/csv,text/tab-separated-values,text/plain" onChange={(e) => take(e.target.files?.[0])} className="absolute inset-0 cursor-pointer opacity-0" />
      </span>
    </div>
  );
}

/** First are the first rows of a file, the chosen column marked. */
function First({ names, rows, chosen }: { names: string[]; rows: string[][]; chosen: number }) {
  const { t } = useTranslation();
  return (
    <div className="relative overflow-x-auto border-t border-line" tabIndex={0} role="region" aria-label={t("upload.preview")}>
      <table className="w-full border-collapse text-left text-sm">
        <thead>
          <tr className="bg-sunken">
            {names.map((n, i) => (
              <th key={i} scope="col" className={cx("px-4 py-1.5 font-medium whitespace-nowrap", i === chosen ? "text-accent" : "text-soft")}>{n}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((r, n) => (
            <tr key={n} className="border-t border-line">
              {names.map((_, i) => (
                <td key={i} className={cx("max-w-72 truncate px-4 py-1.5", i === chosen ? "bg-accent-wash font-medium" : "text-soft")}>{r[i] ?? ""}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Going({ id }: { id: string }) {
  const { t } = useTranslation();
  const q = useQuery({ queryKey: ["job", id], queryFn: ({ signal }) => get<Job>(`/v1/jobs/${enc(id)}`, signal), refetchInterval: 700 });
  if (!q.data) return <Skeleton lines={1} />;
  return (
    <div className="max-w-md" role="status">
      <Progress done={q.data.accepted + q.data.rejected} total={q.data.total || null} label={t("jobs.progress")} />
      <p className="mt-1 text-sm text-soft"><Num n={q.data.accepted + q.data.rejected} /> / <Num n={q.data.total} /></p>
    </div>
  );
}

/** reasonOf is why a row was not taken, as the server says it in front of or behind its sentence. */
const reasonOf = (r: Rejected) => (r.code === "list.row" ? "empty" : (/nobody: (\w+)$/.exec(r.detail)?.[1] ?? r.code));

/** Outcome is what became of an upload, with the rows that were not taken. */
function Outcome({ d, again, open }: { d: Done; again: () => void; open: () => void }) {
  const { t, i18n } = useTranslation();
  const why = (r: Rejected) => t(`reject.${reasonOf(r)}`, { defaultValue: r.detail });
  const save = () => keep("kith-rejected.csv", csv([[t("upload.line"), t("col.value"), t("held.why")], ...d.rejected.map((r) => [String(r.index + d.first), r.row, why(r)])]));
  const tile = (label: string, n: number, note: ReactNode, tone?: string) => (
    <div className="rounded-md bg-sunken px-4 py-3">
      <dt className="text-sm text-soft">{label}</dt>
      <dd className={cx("text-2xl font-semibold", n > 0 && tone)}><Num n={n} /></dd>
      <dd className="text-sm text-soft">{note}</dd>
    </div>
  );
  return (
    <Card title={t(`uploadDone.${d.mode}`)}>
      <div className="space-y-4" role="status">
        <dl className="grid gap-3 sm:grid-cols-3">
          {tile(t("upload.matched"), d.accepted - d.unknown, t("upload.matchedLead"), "text-good")}
          {tile(t("upload.unknown"), d.unknown, t(d.mode === "remove" ? "upload.unknownLeft" : "upload.unknownLead"))}
          {tile(t("upload.invalid"), d.refused, t("upload.invalidLead"), "text-bad")}
        </dl>
      </div>
      {d.rejected.length > 0 && (
        <div className="mt-4 rounded-lg border border-line">
          <Rows
            label={t("upload.invalid")}
            rows={d.rejected.slice(0, shownRejects)}
            id={(r) => String(r.index)}
            columns={[
              { head: t("upload.line"), cell: (r) => <Num n={r.index + d.first} /> },
              { head: t("col.value"), wide: true, cell: (r) => <span className="font-mono text-sm break-all">{r.row || "–"}</span> },
              { head: t("held.why"), cell: (r) => <span className="sm:whitespace-nowrap">{why(r)}</span> },
            ]}
          />
          {d.rejected.length > shownRejects && <p className="border-t border-line px-4 py-2 text-sm text-soft">{t("upload.firstOf", { n: shownRejects, of: num(d.rejected.length, i18n.language) })}</p>}
        </div>
      )}
      <div className="mt-4 flex flex-wrap gap-2">
        <Button kind="main" onClick={open}>{t("upload.open")}</Button>
        {d.rejected.length > 0 && (
          <Button onClick={save}>
            <Download aria-hidden className="size-4" />
            {t("upload.download", { count: d.rejected.length, n: num(d.rejected.length, i18n.language) })}
          </Button>
        )}
        <Button onClick={again}>{t("upload.again")}</Button>
      </div>
    </Card>
  );
}
