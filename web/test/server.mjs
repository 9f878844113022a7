// A running kith, asked as an operator's script would ask it: the truth that the
// screens are held against.

/** Server is one kith, by its address and admin token. */
export class Server {
  constructor({ url, token }) {
    this.url = url;
    this.token = token;
  }

  /** api calls the API and returns its answer; a refusal is an error. */
  async api(method, path, body) {
    const res = await fetch(this.url + path, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await res.text();
    if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** rows answers a question in SQL. */
  async rows(query) {
    return (await this.api("POST", "/v1/sql", { query })).data;
  }

  /** one is the first row. */
  async one(query) {
    return (await this.rows(query))[0];
  }

  /** flush returns when all that was accepted shows everywhere. */
  flush() {
    return this.api("POST", "/v1/flush?timeout=60s");
  }

  /** names are those that people and systems gave, which stand on pages of any language. */
  async names() {
    const lists = await Promise.all(["sources", "segments", "traits"].map((kind) => this.api("GET", `/v1/${kind}?limit=200`)));
    const events = await this.rows("SELECT DISTINCT name FROM events WHERE name IS NOT NULL LIMIT 500");
    return new Set([...lists.flatMap((l) => l.data), ...events].map((x) => x.name));
  }

  /** link signs a browser in, once. */
  async link() {
    return this.url + (await this.api("POST", "/v1/session/codes")).path;
  }

  /** source makes a source and returns what sends to it. */
  async source(key, name = key) {
    return this.sender((await this.api("PUT", `/v1/sources/${key}`, { name, type: "http" })).write_key);
  }

  /** sender sends events with a write key. */
  sender(key) {
    const headers = { "Content-Type": "application/json", Authorization: "Basic " + Buffer.from(key + ":").toString("base64") };
    return async (path, body) => {
      const res = await fetch(`${this.url}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      if (!res.ok) throw new Error(`sending ${path}: ${res.status} ${await res.text()}`);
      return res.json();
    };
  }

  /** known tells whether the API describes a route, so that no screen uses what is not in it. */
  async known() {
    if (!this.routes) {
      const { paths } = await this.api("GET", "/v1/openapi.json");
      this.routes = Object.entries(paths).map(([path, methods]) => {
        const form = path.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{page\}$/, ".*").replace(/\{[^}]+\}/g, "[^/]+");
        return { form: new RegExp(`^${form}$`), methods: Object.keys(methods).map((m) => m.toUpperCase()) };
      });
    }
    return (method, path) => this.routes.some((r) => r.form.test(path) && r.methods.includes(method));
  }
}
