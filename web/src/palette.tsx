// One box from which every person and every screen can be reached.
import { useNavigate } from "@tanstack/react-router";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Filter, type LucideIcon, Plus, UserRound } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { enc, type Found, get, type Page } from "./api";
import { spots } from "./places";
import { cx, Dialog } from "./ui/kit";

export function useDelayed<T>(value: T, ms: number): T {
  const [late, set] = useState(value);
  useEffect(() => {
    const id = setTimeout(() => set(value), ms);
    return () => clearTimeout(id);
  }, [value, ms]);
  return late;
}

export const useFound = (q: string, limit: number) =>
  useQuery({
    queryKey: ["find", q, limit],
    queryFn: ({ signal }) => get<Page<Found>>(`/v1/profiles?q=${enc(q)}&limit=${limit}`, signal),
    enabled: q.trim() !== "",
    placeholderData: keepPreviousData,
  });

export const nameOf = (f: Found) => f.name ?? f.email ?? f.phone ?? f.user_id ?? f.id;

export function Palette({ open, close }: { open: boolean; close: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog open={open} close={close} title={t("palette.title")} top>
      <Inside close={close} />
    </Dialog>
  );
}

type Item = { id: string; label: string; note?: string; icon: LucideIcon; go: () => void };

function Inside({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [q, setQ] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const segments = useQuery({ queryKey: ["segments"], queryFn: ({ signal }) => get<Page<{ key: string; name: string }>>("/v1/segments?limit=200", signal), staleTime: 30_000 });
  const found = useFound(useDelayed(q, 120), 6);
  const words = q.trim().toLowerCase();
  const screens: Item[] = spots
    .filter((p) => t(p.label).toLowerCase().includes(words))
    .map((p) => ({ id: p.to, label: t(p.label), note: `g ${p.key}`, icon: p.icon, go: () => void navigate({ to: p.to as "/" }) }));
  const people: Item[] = words
    ? (found.data?.data ?? []).map((f) => ({
        id: f.id,
        label: nameOf(f),
        note: f.email ?? f.phone ?? f.matched[0]?.value,
        icon: UserRound,
        go: () => void navigate({ to: "/profiles/$ref", params: { ref: `id:${f.id}` } }),
      }))
    : [];
  const named: Item[] = words
    ? (segments.data?.data ?? [])
        .filter((s) => `${s.name} ${s.key}`.toLowerCase().includes(words))
        .slice(0, 5)
        .map((s) => ({ id: `segment ${s.key}`, label: s.name, note: t("form.segment"), icon: Filter, go: () => void navigate({ to: "/segments/$key", params: { key: s.key } }) }))
    : [];
  const acts: Item[] = [{ id: "new segment", label: t("segments.new"), note: "c", icon: Plus, go: () => void navigate({ to: "/segments/new" }) }].filter((i) => i.label.toLowerCase().includes(words));
  const items = words ? [...people, ...named, ...screens, ...acts] : [...screens, ...acts];
  const current = Math.min(at, items.length - 1);
  const pick = (i: Item) => {
    close();
    i.go();
  };
  const key = (e: KeyboardEvent) => {
    const step = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
    if (step) {
      e.preventDefault();
      setAt(Math.max(0, Math.min(items.length - 1, current + step)));
    } else if (e.key === "Enter" && items[current]) {
      e.preventDefault();
      pick(items[current]);
    }
  };
  return (
    <div>
      <input
        autoFocus
        role="combobox"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={items[current] ? `${list}-${current}` : undefined}
        aria-label={t("palette.open")}
        placeholder={t("palette.hint")}
        value={q}
        onChange={(e) => {
          setQ(e.target.value);
          setAt(0);
        }}
        onKeyDown={key}
        className="w-full border-b border-line bg-panel px-4 py-3 text-ink outline-none placeholder:text-soft"
      />
      <div role="listbox" id={list} aria-label={t("palette.title")} className="max-h-[50vh] overflow-auto p-1.5">
        {items.map((i, n) => (
          <div
            key={i.id}
            id={`${list}-${n}`}
            role="option"
            aria-selected={n === current}
            onMouseMove={() => setAt(n)}
            onClick={() => pick(i)}
            className={cx("flex min-h-10 cursor-pointer items-center gap-3 rounded-md px-3 py-1", n === current && "bg-accent-wash")}
          >
            <i.icon aria-hidden className="size-4 shrink-0 text-soft" />
            <span className="flex min-w-0 flex-1 justify-between gap-x-3 max-sm:flex-col sm:items-center">
              <span className="truncate font-medium sm:max-w-3/4 sm:shrink-0">{i.label}</span>
              <span className="truncate text-sm text-soft">{i.note}</span>
            </span>
          </div>
        ))}
      </div>
      <p role="status" className={cx("px-4 text-soft", items.length === 0 && "pb-4")}>
        {found.isError ? t("error.title") : words && !found.isFetching && items.length === 0 ? t("profiles.none") : ""}
      </p>
    </div>
  );
}
