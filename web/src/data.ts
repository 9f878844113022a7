// What several screens read, each under one name so that it is read once.
import { useQuery } from "@tanstack/react-query";
import { get, type Page, type Segment, type Source, type Status } from "./api";

export const useStatus = () => useQuery({ queryKey: ["status"], queryFn: ({ signal }) => get<Status>("/v1/status", signal), refetchInterval: 5_000 });

export const useSources = () => useQuery({ queryKey: ["sources"], queryFn: ({ signal }) => get<Page<Source>>("/v1/sources?limit=200", signal), refetchInterval: 10_000 });

export const useSegments = () => useQuery({ queryKey: ["segments"], queryFn: ({ signal }) => get<Page<Segment>>("/v1/segments?limit=200", signal) });

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
