// What several screens read, each under one name so that it is read once.
import { useQuery } from "@tanstack/react-query";
import i18next, { type TFunction } from "i18next";
import { useCallback } from "react";
import { get, type Page, type Segment, type Source, sql, type Status } from "./api";
import { spaced } from "./format";

export const useStatus = () => useQuery({ queryKey: ["status"], queryFn: ({ signal }) => get<Status>("/v1/status", signal), refetchInterval: 5_000 });

export const useSources = () => useQuery({ queryKey: ["sources"], queryFn: ({ signal }) => get<Page<Source>>("/v1/sources?limit=200", signal), refetchInterval: 10_000 });

/** useSourceName calls a source as those who made it do; one that is gone keeps its key. */
export function useSourceName() {
  const all = useQuery({ queryKey: ["sources"], queryFn: ({ signal }) => get<Page<Source>>("/v1/sources?limit=200", signal), staleTime: 60_000 });
  return useCallback((key: string | null | undefined) => all.data?.data.find((s) => s.key === key)?.name ?? key ?? "", [all.data]);
}

export type Purpose = { key: string; name?: string; built_in?: boolean; updated_at?: string | null } & Record<string, unknown>;

export const usePurposes = () => useQuery({ queryKey: ["purposes"], queryFn: ({ signal }) => get<Page<Purpose>>("/v1/purposes?limit=200", signal), staleTime: 60_000 });

/** purposeName is what a purpose is called; those that kith brings along are called so in the reader's language. */
export const purposeName = (p: Purpose): string => (p.built_in ? i18next.t(`purpose.${p.key}`, { defaultValue: p.name ?? p.key }) : p.name || p.key);

/** usePurposeName names a purpose, and the channel where it was said of one. */
export function usePurposeName() {
  const all = usePurposes();
  return useCallback(
    (key: string, channel = "") => {
      const p = all.data?.data.find((x) => x.key === key);
      const name = p ? purposeName(p) : key;
      return channel && channel !== "*" ? `${name} / ${channel}` : name;
    },
    [all.data],
  );
}

export const useSegments = () => useQuery({ queryKey: ["segments"], queryFn: ({ signal }) => get<Page<Segment>>("/v1/segments?limit=200", signal) });

/** usePeopleTotal is how many profiles there are. */
export const usePeopleTotal = () =>
  useQuery({ queryKey: ["people-total"], queryFn: async ({ signal }) => Number((await sql("SELECT count(*) AS n FROM profiles", signal)).data[0]?.n ?? 0), staleTime: 30_000 });

/** lastUsed is when anything last came by any key of a source. */
export const lastUsed = (s: Source) =>
  s.write_keys
    .map((k) => k.last_used_at)
    .filter((x): x is string => !!x)
    .sort()
    .at(-1) ?? null;

/** keyOf makes a key of a name. */
export const keyOf = (name: string) =>
  name
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 64);

/** fieldName is what a reader calls a trait, a property or an identifier: the usual ones by a word of their language. */
export function fieldName(t: TFunction, field: string): string {
  const bare = spaced(field.replace(/^(traits|identifiers)\./, ""));
  return t(`field.${keyOf(bare)}`, { defaultValue: bare });
}
