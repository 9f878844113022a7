import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// What the libraries make stands in files of its own, which change only with
// them; what several screens share stands in few files, so that there are few.
const groups: { name: string; test: RegExp; priority: number }[] = [
  { name: "react", test: /node_modules\/(react|react-dom|scheduler)\//, priority: 9 },
  { name: "data", test: /node_modules\/@tanstack\//, priority: 9 },
  { name: "language", test: /node_modules\/(i18next|react-i18next|html-parse-stringify|void-elements)\//, priority: 9 },
  { name: "icons", test: /node_modules\/lucide-react\//, priority: 9 },
  { name: "editor", test: /node_modules\/(@codemirror|@lezer|style-mod|w3c-keyname|crelt|@marijn)\//, priority: 9 },
  { name: "yaml", test: /node_modules\/yaml\//, priority: 9 },
  { name: "charts", test: /node_modules\/(@visx|d3-|internmap|classnames|balanced-match|reduce-css-calc|lodash)|\/src\/ui\/chart\.tsx$/, priority: 8 },
  { name: "picker", test: /node_modules\/@base-ui\/react\/(autocomplete|combobox|select)\/|\/src\/ui\/picker\.tsx$/, priority: 8 },
  { name: "parts", test: /node_modules\/(@base-ui|@floating-ui|tabbable|reselect|use-sync-external-store)\//, priority: 7 },
  { name: "segments", test: /\/src\/pages\/(segments?|builder|templates|course|memberships|traits)\.tsx$/, priority: 6 },
  { name: "customer", test: /\/src\/(ui\/graph|pages\/(customer|timeline|details|orders|consents|identity))\.tsx$/, priority: 6 },
  { name: "screens", test: /\/src\/pages\/(profiles|quarantine|jobs|settings|rules|sources|live|parts)\.tsx$/, priority: 6 },
  { name: "common", test: /\/src\/(ui\/(kit|toast)|api|data|format|prefs|i18n|places|palette|person|tray|signin|tree|conditions|kinds|kpis|pages\/(page|snippets|trace))\.tsx?$/, priority: 6 },
];

// The build must be the same on every machine: no clock, commit or version goes
// in.
export default defineConfig({
  base: "/ui/",
  plugins: [react(), tailwindcss()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { output: { codeSplitting: { includeDependenciesRecursively: false, groups } } },
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8420" } },
});
