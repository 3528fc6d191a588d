// better-auth on Node's own HTTP server and SQLite, as its documentation sets them up; only the rate limit is off.
// node server.js PORT DATABASE CACHE: CACHE is "on" for its cookie cache, five minutes as in the documentation.
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";

const [port, file, cache] = process.argv.slice(2);

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret: "a secret of the benchmark, 32 characters and more",
  database: new DatabaseSync(file),
  emailAndPassword: { enabled: true },
  session: { cookieCache: { enabled: cache === "on", maxAge: 5 * 60 } },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
});
await (await getMigrations(auth.options)).runMigrations();

const handle = toNodeHandler(auth);
createServer((request, response) => {
  if (request.url !== "/ping") return handle(request, response);
  response.setHeader("Content-Type", "application/json");
  response.end("{}");
}).listen(Number(port), "127.0.0.1");
