// What to call a person, and the way to them.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { get, type Profile, refPath } from "./api";
import { cx } from "./ui/kit";

export const firstOf = (p: Profile, type: string) => p.identifiers.find((i) => i.type === type)?.value;

/** traitOf is the first of some traits that is a text. */
export const traitOf = (p: Profile, ...keys: string[]) => {
  for (const k of keys) {
    const v = p.traits[k]?.value;
    if (typeof v === "string" && v) return v;
  }
  return undefined;
};

/** nameOfProfile is what to call somebody: a name, else what they are known by. */
export function nameOfProfile(p: Profile): string {
  const whole = traitOf(p, "name") ?? [traitOf(p, "firstName", "first_name"), traitOf(p, "lastName", "last_name")].filter(Boolean).join(" ");
  return whole || traitOf(p, "email") || firstOf(p, "email") || firstOf(p, "phone") || firstOf(p, "user_id") || firstOf(p, "group_id") || p.id;
}

/** PersonLink names a person by what is known of them. */
export function PersonLink({ id, known }: { id: string; known?: string }) {
  const p = useQuery({
    queryKey: ["profile", `id:${id}`],
    queryFn: ({ signal }) => get<Profile>(`/v1/profiles/${refPath(`id:${id}`)}?verbose=1`, signal),
    enabled: !known,
    staleTime: 60_000,
  });
  const { t } = useTranslation();
  const name = p.data ? nameOfProfile(p.data) : id;
  const shown = known ?? (name === id ? t("person.anonymous", { id: id.slice(0, 8) }) : name);
  return (
    <Link to="/profiles/$ref" params={{ ref: `id:${id}` }} className={cx("font-medium text-accent hover:underline", /\S{25}/.test(shown) ? "break-all" : "break-words")}>
      {shown}
    </Link>
  );
}
