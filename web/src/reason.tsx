// Why the server refused something, in the reader's language. The server speaks
// English; what it refuses has fixed codes, and those that an interface can meet have
// French words in a file that is loaded when one is needed.
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { plain } from "./format";

type Words = Record<string, string>;

/** What the server says of a refusal; a job keeps it as it was. */
export type Refusal = { code?: string; detail?: string };

/** refusalOf reads the error of a job. */
export const refusalOf = (e: unknown): Refusal => (typeof e === "object" && e !== null && "detail" in e ? (e as Refusal) : { detail: plain(e) });

/** Reason says why, and beneath it what the server said, which names the place. */
export function Reason({ code, detail }: Refusal) {
  const { i18n } = useTranslation();
  const french = i18n.language === "fr";
  const [words, setWords] = useState<Words>();
  useEffect(() => {
    if (french) void import("./lang/refusals.fr.json").then((m) => setWords(m.default));
  }, [french]);
  const said = french && code ? words?.[code] : undefined;
  if (!said) return <span lang="en">{detail}</span>;
  return (
    <>
      <span>{said}</span>
      {detail && <span lang="en" className="block text-sm text-soft">{detail}</span>}
    </>
  );
}
