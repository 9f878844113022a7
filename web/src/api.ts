// The one way to the server: its public API, by the session's cookie. Which paths
// there are and what they answer comes from the server's own description.
import type { components, paths } from "./api.gen";

type Schemas = components["schemas"];
type Filled<P extends string> = P extends `${infer A}{${string}}${infer B}` ? `${A}${string}${Filled<B>}` : P;
type Described = Filled<keyof paths & string>;

/** Address is a path that the server describes, with or without a query. */
export type Address = Described | `${Described}?${string}`;

/** Place is one mistake in a document, named by a JSON pointer. */
export type Place = { pointer: string; code: string; detail: string };

/** Problem is an answer that says why something did not work. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly requestId: string,
    readonly places: Place[],
  ) {
    super(detail);
  }
}

export const signedOut = new EventTarget();

function ask(method: string, path: string, body: unknown, signal?: AbortSignal, accept = "application/json") {
  const headers: Record<string, string> = { Accept: accept };
  if (method !== "GET") headers["X-Kith-Request"] = "1";
  if (body !== undefined) headers["Content-Type"] = body instanceof Blob ? body.type : "application/json";
  return fetch(path, {
    method,
    headers,
    body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
    signal,
    credentials: "same-origin",
    cache: "no-store",
  });
}

async function problemOf(res: Response): Promise<Problem> {
  let p: { code?: string; detail?: string; request_id?: string; errors?: Place[] } = {};
  try {
    p = await res.json();
  } catch {
    // a proxy answered in its own words; the status is all there is
  }
  return new Problem(res.status, p.code ?? `http.${res.status}`, p.detail ?? res.statusText, p.request_id ?? "", p.errors ?? []);
}

async function checked(method: string, path: string, body?: unknown, signal?: AbortSignal, accept?: string): Promise<Response> {
  let res: Response;
  try {
    res = await ask(method, path, body, signal, accept);
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Problem(0, "network", "", "", []);
  }
  if (res.ok) return res;
  const problem = await problemOf(res);
  if (problem.status === 401 && path !== "/v1/session") signedOut.dispatchEvent(new Event("out"));
  throw problem;
}

export async function call<T>(method: "GET" | "POST" | "PUT" | "DELETE", path: Address, body?: unknown, signal?: AbortSignal): Promise<T> {
  const res = await checked(method, path, body, signal);
  if (res.status === 204) return undefined as T;
  return (await res.json()) as T;
}

export const get = <T>(path: Address, signal?: AbortSignal) => call<T>("GET", path, undefined, signal);

/** send hands over what is not JSON, and tells with which status it was taken. */
export async function send<T>(path: Address, body: Blob, signal?: AbortSignal): Promise<{ status: number; data: T }> {
  const res = await checked("POST", path, body, signal);
  return { status: res.status, data: (await res.json()) as T };
}

/** text asks for an answer that is not JSON. */
export async function text(method: "GET" | "POST", path: Address, body: unknown, accept: string): Promise<string> {
  return (await checked(method, path, body, undefined, accept)).text();
}

/** enc makes a part of a path. */
export const enc = encodeURIComponent;

/** refPath is the address of a person named as type:value. */
export function refPath(ref: string): `${string}:${string}` {
  const at = ref.indexOf(":");
  return at < 0 ? `id:${enc(ref)}` : `${enc(ref.slice(0, at))}:${enc(ref.slice(at + 1))}`;
}

export type Page<T> = { data: T[]; next: string | null };
export type Who = { name: string; workspace: string };
export type Status = Schemas["Status"];
export type Found = {
  id: string;
  name: string | null;
  email: string | null;
  phone: string | null;
  user_id: string | null;
  first_seen: string;
  last_seen: string;
  events: number;
  matched: { field: string; value: string }[];
};
export type Identifier = { type: string; value: string; first_seen: string; last_seen: string; sources: string[] };
export type Trait = { value: unknown; timestamp: string; source: string; message_id: string; policy: string };
export type Consent = { purpose: string; channel: string; state: string; at: string };
export type Profile = {
  id: string;
  identifiers: Identifier[];
  traits: Record<string, Trait>;
  computed: Record<string, unknown>;
  segments: { key: string; since: string | null }[];
  consents: Consent[];
  accounts: string[];
  first_seen: string;
  last_seen: string;
  events: number;
};
export type KithEvent = {
  type: string;
  messageId: string;
  event?: string;
  name?: string;
  category?: string;
  properties?: Record<string, unknown>;
  traits?: Record<string, unknown>;
  context?: Record<string, unknown>;
  timestamp: string;
  received_at: string;
  source?: string;
  node_id?: string;
  profile_id?: string;
  groupId?: string;
};
export type Named = { type: string; value: string };
export type Why = {
  a: Named & { profile_id: string | null; blocked: string | null };
  b: Named & { profile_id: string | null; blocked: string | null };
  together: boolean;
  path: {
    a: Named;
    b: Named;
    verdict: string;
    kind: string;
    kinds: string[];
    source: string;
    sources: string[];
    first_seen: string;
    last_seen: string;
    count: number;
    messages: { message_id: string; source: string; timestamp: string }[];
    rule: string;
  }[];
  why_not: unknown;
};
export type Where = Record<string, unknown>;
export type Segment = {
  key: string;
  name: string;
  scope?: string;
  where?: Where;
  list?: boolean;
  size?: number;
  as_of?: string;
  status?: string;
  exact?: boolean;
  updated_at: string;
  version: number;
};
export type Explained = {
  condition: Record<string, unknown>;
  verdict: boolean;
  value: unknown;
  events: { message_id: string; source: string; timestamp: string }[];
  more_events: boolean;
  next_change: string | null;
  children: Explained[];
};
export type Source = Schemas["Source"];
export type Job = Schemas["Job"];
export type Table = { columns: { name: string; type: string }[]; data: Record<string, unknown>[]; rows: number; truncated: boolean; as_of: string };

export const sql = (query: string, signal?: AbortSignal) => call<Table>("POST", "/v1/sql", { query }, signal);
