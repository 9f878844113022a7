import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The build must be the same on every machine: no clock, commit or version goes
// in, and what the libraries make stands in files of its own, which change only
// with them.
export default defineConfig({
  base: "/ui/",
  plugins: [react(), tailwindcss()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      output: {
        manualChunks(id: string) {
          if (!id.includes("node_modules")) return undefined;
          if (/node_modules\/(react|react-dom|scheduler)\//.test(id)) return "react";
          if (/node_modules\/(@base-ui|@floating-ui|tabbable|reselect|use-sync-external-store)\//.test(id)) return "parts";
          if (/node_modules\/@tanstack\//.test(id)) return "data";
          if (/node_modules\/(i18next|react-i18next)\//.test(id)) return "language";
          return undefined;
        },
      },
    },
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8420" } },
});
