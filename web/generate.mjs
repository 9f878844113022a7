// Writes the types of the API, as a kith of this source describes it, into
// src/api.gen.ts. What a screen asks is checked against them when it is built.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import openapiTS, { astToString } from "openapi-typescript";

/** asked are the calls of a path that a page makes, with the answers that are not refusals. */
function asked(row) {
  const out = {};
  for (const [method, call] of Object.entries(row)) {
    if (call["x-kith-key"] === "write" || method === "parameters") continue;
    const responses = Object.fromEntries(Object.entries(call.responses).filter(([code]) => code.startsWith("2")).map(([code, answer]) => [code, { ...answer, headers: undefined }]));
    out[method] = { ...call, responses };
  }
  return out;
}

const folder = mkdtempSync(join(tmpdir(), "kith-types-"));
const kith = spawn(process.argv[2], ["serve", "--data", join(folder, "data"), "--addr", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "ignore"] });
const ended = new Promise((done) => kith.once("exit", done));
try {
  const address = await new Promise((found, failed) => {
    let said = "";
    kith.once("error", failed);
    kith.once("exit", () => failed(new Error("kith ended before it listened")));
    kith.stdout.on("data", (part) => {
      said += part;
      const line = /kith listening on (http:\S+)/.exec(said);
      if (line) found(line[1]);
    });
  });
  const document = await (await fetch(`${address}/v1/openapi.json`)).json();
  document.info.version = "0"; // a version alone changes no type
  document.paths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => path.startsWith("/v1/")).map(([path, row]) => [path, asked(row)]).filter(([path, row]) => Object.keys(row).length > 0 && !path.startsWith("/v1/spaces/")));
  for (const part of ["responses", "parameters", "headers"]) delete document.components?.[part];
  const types = astToString(await openapiTS(document, { alphabetize: true }));
  writeFileSync(new URL("src/api.gen.ts", import.meta.url), `// Written by make ui-api from /v1/openapi.json; not to be edited.\n\n${types}`);
} finally {
  kith.kill("SIGTERM");
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
