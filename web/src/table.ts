// Tables as people have them in files: separated by commas, semicolons or tabs,
// with or without a line of names on top.

const signs = [",", ";", "\t"];

/** separatorOf is what stands most often between the cells of the first line. */
function separatorOf(text: string): string {
  const line = text.slice(0, text.search(/\r?\n|$/));
  const often = (s: string) => line.split(s).length;
  return signs.reduce((best, s) => (often(s) > often(best) ? s : best));
}

/** readTable reads a table; a cell in quotes may hold anything, and lines without any content are no rows. */
export function readTable(file: string): string[][] {
  const text = file.replace(/^\uFEFF/, "");
  const between = separatorOf(text);
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const endCell = () => {
    row.push(cell.trim());
    cell = "";
  };
  const endRow = () => {
    endCell();
    if (row.some((c) => c !== "")) rows.push(row);
    row = [];
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (c === '"' && cell.trim() === "") {
      cell = "";
      quoted = true;
    } else if (c === between) endCell();
    else if (c === "\n") endRow();
    else cell += c;
  }
  endRow();
  return rows;
}

const inQuotes = (s: string) => `"${s.replaceAll('"', '""')}"`;

/** csv writes a table; a spreadsheet takes no cell of it for a formula. */
export const csv = (rows: string[][]) => rows.map((r) => r.map((c) => inQuotes(/^[=+\-@\t\r]/.test(c) && !/^[+-]?[\d\s().-]+$/.test(c) ? `'${c}` : c)).join(",")).join("\r\n") + "\r\n";

/** column writes the values of one column as an upload takes them, named by the type of identifiers that they are. */
export const column = (type: string, values: string[]) => [type, ...values].map(inQuotes).join("\n") + "\n";

const looks: [string, RegExp][] = [
  ["email", /^[^\s@]+@[^\s@]+\.[^\s@]+$/],
  ["phone", /^\+?[\d\s().-]{8,20}$/],
];
const words: [string, RegExp][] = [
  ["email", /e-?mail|courriel|adresse/i],
  ["phone", /phone|mobile|t[ée]l/i],
  ["user_id", /user|client|customer/i],
];

/** Guess is where the identifiers of a table seem to be, and of what type. */
export type Guess = { names: boolean; column: number; type: string };

/** guess looks at the names of the columns first, then at what stands in them. */
export function guess(rows: string[][], types: string[]): Guess {
  const [head = [], ...body] = rows;
  const known = (name: string) => types.find((x) => x === name.toLowerCase()) ?? words.find(([type, re]) => types.includes(type) && re.test(name))?.[0];
  const share = (n: number, re: RegExp) => body.slice(0, 200).filter((r) => re.test(r[n] ?? "")).length / Math.max(1, Math.min(200, body.length));
  const content = (n: number) => looks.find(([type, re]) => types.includes(type) && share(n, re) > 0.6)?.[0];
  const data = head.some((c) => c === "" || looks.some(([, re]) => re.test(c)) || /^\d+$/.test(c));
  const names = body.length > 0 && !data && (head.length > 1 || known(head[0]) !== undefined);
  const named = (n: number) => (names && types.includes(head[n].toLowerCase()) ? head[n].toLowerCase() : undefined);
  for (const typeOf of [named, content, (n: number) => (names ? known(head[n]) : undefined)]) {
    for (let n = 0; n < head.length; n++) {
      const type = typeOf(n);
      if (type) return { names, column: n, type };
    }
  }
  return { names, column: 0, type: looks.find(([x, re]) => types.includes(x) && re.test(head[0] ?? ""))?.[0] ?? types[0] ?? "user_id" };
}

/** keep hands a file to the reader. */
export function keep(name: string, content: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
