import { describe, expect, it } from "vitest";
import { column, csv, guess, readTable } from "../table";

const types = ["email", "phone", "user_id", "crm_id"];

describe("tables", () => {
  it("reads what people have in files", () => {
    expect(readTable("\uFEFFname,email\r\nAna,ana@shop.example\r\n\r\n\"Lee, Bo\",\"a \"\"b\"\"\nc\"\r\n")).toEqual([["name", "email"], ["Ana", "ana@shop.example"], ["Lee, Bo", 'a "b"\nc']]);
    expect(readTable("a;b\n1;2,5\n")).toEqual([["a", "b"], ["1", "2,5"]]);
    expect(readTable("a\tb\n1\t")).toEqual([["a", "b"], ["1", ""]]);
    expect(readTable("one@shop.example\ntwo@shop.example")).toEqual([["one@shop.example"], ["two@shop.example"]]);
    expect(readTable(" \n\n")).toEqual([]);
    expect(readTable('5" nails,x')).toEqual([['5" nails', "x"]]);
  });
  it("writes what reads back", () => {
    const rows = [["a", 'b "c"'], ["d,e", "f\ng"], ["+33 1 99 00 00 01", "-2.5"]];
    expect(readTable(csv(rows))).toEqual(rows);
    expect(csv([["=HYPERLINK(1)", "@x", "-a"]])).toBe('"\'=HYPERLINK(1)","\'@x","\'-a"\r\n');
    expect(column("email", ["a@b.c", ""])).toBe('"email"\n"a@b.c"\n""\n');
  });
  it("guesses where the identifiers are, and of what type", () => {
    expect(guess([["id", "user_id", "E-mail"], ["1", "u1", "x"]], types)).toEqual({ names: true, column: 1, type: "user_id" });
    expect(guess([["First name", "Contact"], ["Ana", "ana@shop.example"], ["Bo", "bo@shop.example"]], types)).toEqual({ names: true, column: 1, type: "email" });
    expect(guess([["Nom", "Téléphone"], ["Ana", "?"]], types)).toEqual({ names: true, column: 1, type: "phone" });
    expect(guess([["ana@shop.example"], ["bo@shop.example"]], types)).toEqual({ names: false, column: 0, type: "email" });
    expect(guess([["+33 1 99 00 00 01"]], types)).toEqual({ names: false, column: 0, type: "phone" });
    expect(guess([["u1"], ["u2"]], ["user_id"])).toEqual({ names: false, column: 0, type: "user_id" });
    expect(guess([["acme"], ["initech"]], ["group_id"])).toEqual({ names: false, column: 0, type: "group_id" });
    expect(guess([], types)).toEqual({ names: false, column: 0, type: "email" });
  });
});
