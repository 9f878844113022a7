import "./app.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Problem } from "./api";
import { startLanguage } from "./i18n";
import { landing } from "./places";
import { apply, prefs } from "./prefs";
import { makeRouter } from "./router";
import { Gate } from "./signin";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      retry: (n, e) => n < 2 && !(e instanceof Problem && e.status >= 400 && e.status < 500),
    },
  },
});

apply();
await startLanguage();

// Whoever opens the interface without naming a screen begins where their work does.
if (/^\/ui\/?$/.test(location.pathname) && !location.search && landing(prefs().work) !== "/") {
  history.replaceState(null, "", `/ui${landing(prefs().work)}`);
}

const router = makeRouter();
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Gate>
        <RouterProvider router={router} />
      </Gate>
    </QueryClientProvider>
  </StrictMode>,
);
