// The parts that screens are made of, each in its states, for whoever makes one.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../api";
import { Chart, Overlap, Ranks, Spark } from "../ui/chart";
import { Graph } from "../ui/graph";
import { Badge, Button, Card, Code, Copy, Dialog, Empty, Exact, Facts, Field, Fold, Input, Num, Progress, Rows, Segmented, Select, Skeleton, Tabs, Tick, Trouble, When } from "../ui/kit";
import { Picker } from "../ui/picker";
import { say } from "../ui/toast";
import { Page } from "./page";

const wave = (n: number, of: number) => Math.round(60 + 40 * Math.sin(n / 3) + (n * of) / 10);
const days = Array.from({ length: 30 }, (_, n) => ({ key: `${n + 1}`, label: `${n + 1}`, short: `${n + 1}`, values: [wave(n, 12), wave(n + 4, 7)] }));

export function Parts() {
  const { t } = useTranslation();
  const [open, setOpen] = useState("");
  const [pick, setPick] = useState("");
  const [one, setOne] = useState("list");
  const [tick, setTick] = useState(true);
  const words = ["Order Completed", "Product Viewed", "Product Added"];
  return (
    <Page title={t("kit.title")} lead={t("kit.lead")}>
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <Card title={t("kit.buttons")}>
          <div className="flex flex-wrap gap-2">
            <Button kind="main">{t("save")}</Button>
            <Button>{t("cancel")}</Button>
            <Button kind="quiet">{t("more")}</Button>
            <Button kind="bad">{t("delete")}</Button>
            <Button small>{t("retry")}</Button>
            <Button disabled>{t("save")}</Button>
            <Button onClick={() => say(t("saved"), () => undefined)}>{t("kit.toast")}</Button>
            <Button onClick={() => setOpen("middle")}>{t("kit.dialog")}</Button>
            <Button onClick={() => setOpen("side")}>{t("kit.side")}</Button>
          </div>
        </Card>
        <Card title={t("kit.badges")}>
          <div className="flex flex-wrap items-center gap-2">
            {(["none", "accent", "good", "warn", "bad"] as const).map((tone) => (
              <Badge key={tone} tone={tone}>{t(`tone.${tone}`)}</Badge>
            ))}
            <Copy text="kith" /> <When at={new Date(Date.now() - 90_000).toISOString()} /> <Num n={1234567.89} /> <Exact at={new Date().toISOString()} /> <Exact exact={false} at={new Date().toISOString()} />
          </div>
        </Card>
        <Card title={t("kit.fields")}>
          <div className="grid gap-3 sm:grid-cols-2">
            <Field label={t("col.name")} hint={t("source.nameHint")}><Input defaultValue="Website" /></Field>
            <Field label={t("settings.language")}><Select options={[{ value: "en", label: "English" }, { value: "fr", label: "Français" }]} /></Field>
            <div><span className="mb-1 block text-sm font-medium">{t("builder.eventName")}</span><Picker label={t("builder.eventName")} value={pick} change={setPick} choices={words.map((value, n) => ({ value, n: 9000 - n * 2500 }))} /></div>
            <Tick label={t("source.enabled")} hint={t("source.enabledHint")} checked={tick} change={setTick} />
            <Segmented label={t("identity.view")} value={one} change={setOne} options={["list", "graph", "log"].map((v) => ({ value: v, label: t(`identity.${v}`) }))} />
          </div>
        </Card>
        <Card title={t("kit.states")} flush>
          <Skeleton lines={3} />
          <Empty title={t("segments.none")} action={<Button kind="main">{t("segments.new")}</Button>}>{t("segments.noneLead")}</Empty>
          <Trouble error={new Problem(503, "flush.timeout", "it did not in time; the work goes on", "3f9c2a", [])} retry={() => undefined} />
          <Trouble error={new Problem(0, "network", "", "", [])} />
          <div className="space-y-3 p-4">
            <Progress done={62} total={100} label={t("jobs.progress")} />
            <Progress done={0} total={null} label={t("jobs.progress")} />
          </div>
        </Card>
        <Card title={t("kit.bars")}><Chart label={t("kit.bars")} points={days.map((d) => ({ ...d, values: d.values.slice(0, 1) }))} series={[{ name: t("col.events") }]} /></Card>
        <Card title={t("kit.lines")}><Chart kind="lines" label={t("kit.lines")} points={days} series={[{ name: t("col.events") }, { name: t("segments.people") }]} /></Card>
        <Card title={t("kit.ranks")}>
          <Ranks label={t("kit.ranks")} rows={words.map((name, n) => ({ key: name, name, n: 9000 - n * 3100 }))} />
          <Spark values={days.map((d) => d.values[0])} className="mt-3 w-40" />
        </Card>
        <Card title={t("overlap.title")} flush>
          <Overlap label={t("overlap.title")} sets={words.map((name) => ({ key: name, name }))} regions={[{ in: words.slice(0, 1), size: 420 }, { in: words.slice(0, 2), size: 180 }, { in: words, size: 64 }, { in: words.slice(2), size: 12 }]} />
        </Card>
        <Card title={t("identity.graph")} flush>
          <Graph
            nodes={[{ id: "1", type: "email", value: "ana@example.com" }, { id: "2", type: "user_id", value: "u1" }, { id: "3", type: "anonymous_id", value: "0f3a…91" }, { id: "4", type: "device_id", value: "ipad-7" }]}
            edges={[{ a: "1", b: "2", count: 12, accepted: true, kinds: "identify" }, { a: "2", b: "3", count: 80, accepted: true, kinds: "event" }, { a: "2", b: "4", count: 2, accepted: false, kinds: "event" }]}
            marked={new Set(["4"])}
            mark={() => undefined}
          />
        </Card>
        <Card title={t("kit.tables")} flush>
          <Tabs
            label={t("kit.tables")}
            value="a"
            change={() => undefined}
            tabs={[
              {
                value: "a",
                label: t("nav.traits"),
                panel: <Rows label={t("kit.tables")} rows={words} id={(w) => w} columns={[{ head: t("col.name"), wide: true, cell: (w) => w }, { head: t("col.events"), right: true, cell: (w) => <Num n={w.length * 812} /> }]} />,
              },
              { value: "b", label: t("tab.raw"), panel: <p /> },
            ]}
          />
          <div className="space-y-3 p-4">
            <Facts facts={[[t("col.events"), <Num n={812} />], [t("col.lastSeen"), <When at={new Date().toISOString()} />]]} />
            <Fold summary={t("trace.technical")}>{() => <Code text="kith open" label={t("signin.command")} />}</Fold>
          </div>
        </Card>
      </div>
      <Dialog open={open !== ""} close={() => setOpen("")} title={t("kit.dialog")} side={open === "side"}>
        <p className="p-4">{t("kit.lead")}</p>
      </Dialog>
    </Page>
  );
}
