import { defineConfig } from "vite";

// One script, one style sheet and one picture, all of our own, under names that change with what is in them.
export default defineConfig({
  base: "/assets/",
  build: {
    target: "es2022",
    outDir: "../app/console/assets",
    assetsDir: "",
    emptyOutDir: true,
    // A picture inside the page would be a data: URL, which the page's policy does not allow.
    assetsInlineLimit: 0,
    modulePreload: false,
    // A map would be as large as all the rest, and the source is in the repository.
    sourcemap: false,
  },
  // For `npx vite`, which serves the sources as they are edited, beside a service on its usual port.
  server: {
    host: "127.0.0.1",
    proxy: { "^/[a-z.]+v1\\.": "http://127.0.0.1:8000" },
  },
});
