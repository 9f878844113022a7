// Live events as they come, gathered so that the screen is drawn a few times a
// second however many there are.
import { useEffect, useRef, useState } from "react";
import type { KithEvent } from "./api";

export type Verdict = {
  outcome: string;
  position: string;
  source: string;
  message_id: string;
  type?: string;
  name?: string;
  received_at: string;
  profile_id?: string;
  code?: string;
  detail?: string;
};
export type Seen = { key: string; verdict: Verdict; event?: KithEvent };

export const seenMax = 300;
const drawEvery = 200;

/** gather puts what came before what is there; an event joins its verdict. */
export function gather(before: Seen[], verdicts: Verdict[], events: KithEvent[]): Seen[] {
  const fresh = verdicts.map((v) => ({ key: v.position, verdict: v })).reverse();
  const all: Seen[] = [...fresh, ...before].slice(0, seenMax);
  if (events.length === 0) return all;
  const by = new Map(events.map((e) => [`${e.source}/${e.messageId}`, e]));
  return all.map((s) => {
    const e = s.event ? undefined : by.get(`${s.verdict.source}/${s.verdict.message_id}`);
    return e && s.verdict.outcome === "folded" ? { ...s, event: e } : s;
  });
}

export type Live = { seen: Seen[]; count: number; lost: number; state: "opening" | "open" | "broken"; clear: () => void };

export function useLive(query: string, paused: boolean): Live {
  const [seen, setSeen] = useState<Seen[]>([]);
  const [count, setCount] = useState(0);
  const [lost, setLost] = useState(0);
  const [state, setState] = useState<Live["state"]>("opening");
  const held = useRef<{ verdicts: Verdict[]; events: KithEvent[]; lost: number }>({ verdicts: [], events: [], lost: 0 });
  useEffect(() => {
    if (paused) return;
    setState("opening");
    const stream = new EventSource(`/v1/live/events${query}`);
    stream.onopen = () => setState("open");
    stream.onerror = () => setState("broken");
    stream.addEventListener("verdict", (m) => held.current.verdicts.push(JSON.parse(m.data)));
    stream.addEventListener("event", (m) => held.current.events.push(JSON.parse(m.data)));
    stream.addEventListener("lost", (m) => (held.current.lost += Number(JSON.parse(m.data).count ?? 0)));
    const draw = setInterval(() => {
      const h = held.current;
      if (h.verdicts.length + h.events.length + h.lost === 0) return;
      held.current = { verdicts: [], events: [], lost: 0 };
      setSeen((s) => gather(s, h.verdicts, h.events));
      setCount((n) => n + h.verdicts.length);
      if (h.lost) setLost((n) => n + h.lost);
    }, drawEvery);
    return () => {
      clearInterval(draw);
      stream.close();
    };
  }, [query, paused]);
  return { seen, count, lost, state, clear: () => (setSeen([]), setCount(0), setLost(0)) };
}
