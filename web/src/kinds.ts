// What kind of happening something is, so that a timeline can be read by subject.
import { CreditCard, Eye, FileText, Group, Headset, KeyRound, type LucideIcon, Mail, MousePointerClick, PackageCheck, PackageX, Search, ShieldCheck, ShoppingCart, Smartphone, Tags, UserRoundPen, Waypoints } from "lucide-react";
import i18next from "i18next";
import type { KithEvent } from "./api";

export const subjects = ["orders", "web", "messages", "support", "identity", "consent", "segments", "other"] as const;
export type Subject = (typeof subjects)[number];

const rules: [RegExp, Subject][] = [
  [/\b(order|purchase|refund|invoice|payment|transaction|subscription)\b/i, "orders"],
  [/\b(e-?mail|sms|push|message|newsletter|unsubscribed?|campaign|notification)\b/i, "messages"],
  [/\b(ticket|call|case|complaint|chat|conversation|support)\b/i, "support"],
  [/\b(consent|preferences?)\b/i, "consent"],
  [/\b(signed (in|up|out)|log(ged|in|out))\b/i, "identity"],
  [/\b(viewed|added|removed|searched|clicked|checkout|cart|product|page|screen|session)\b/i, "web"],
];

/** subjectOf is the subject of an event, by its type and the words of its name. */
export function subjectOf(e: { type: string; event?: string }): Subject {
  if (e.type === "page" || e.type === "screen") return "web";
  if (e.type === "identify" || e.type === "alias" || e.type === "group") return "identity";
  return rules.find(([re]) => re.test(e.event ?? ""))?.[1] ?? "other";
}

const icons: Record<string, LucideIcon> = { page: FileText, screen: Smartphone, identify: UserRoundPen, group: Group, alias: Waypoints };
const bySubject: Record<Subject, LucideIcon> = { orders: PackageCheck, web: Eye, messages: Mail, support: Headset, identity: KeyRound, consent: ShieldCheck, segments: Tags, other: MousePointerClick };

export function eventIcon(e: Pick<KithEvent, "type" | "event">): LucideIcon {
  if (icons[e.type]) return icons[e.type];
  const name = e.event ?? "";
  if (/refund|cancel/i.test(name)) return PackageX;
  if (/search/i.test(name)) return Search;
  if (/cart|added/i.test(name)) return ShoppingCart;
  if (/checkout|payment/i.test(name)) return CreditCard;
  return bySubject[subjectOf(e)];
}

export const subjectIcon = (s: Subject) => bySubject[s];

const calls = ["page", "screen", "identify", "group", "alias", "track"];

/** callTitle says a type of call in words; what is none stays as it is. */
export const callTitle = (type: string): string => (calls.includes(type) ? i18next.t(`call.${type}`) : type);

/** eventTitle is what to call an event: its name, else what kind of call it is. */
export function eventTitle(e: Pick<KithEvent, "type" | "event" | "name">): string {
  if (e.event) return e.event;
  return e.name && (e.type === "page" || e.type === "screen") ? i18next.t(`called.${e.type}`, { name: e.name }) : callTitle(e.type);
}
