// Stands in for a browser in Node: `node --import ./browser.mjs page.ts` runs page.ts as a page of the origin in
// PAGE_ORIGIN. As the Fetch standard has it, cookies of another origin are kept and sent only with credentials
// "include", and an answer can be read only if its CORS headers allow it.
const origin = process.env.PAGE_ORIGIN;
const cookies = new Map();
const fetchFromServer = globalThis.fetch;

globalThis.fetch = async (input, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set("Origin", origin);
  if (init.credentials === "include" && cookies.size > 0) {
    headers.set("Cookie", [...cookies].map((pair) => pair.join("=")).join("; "));
  }
  const response = await fetchFromServer(input, { ...init, headers });
  if (response.headers.get("Access-Control-Allow-Origin") !== origin) {
    throw new TypeError("Failed to fetch: CORS");
  }
  if (init.credentials === "include") {
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(";")[0].split("=", 2);
      cookies.set(name, value);
    }
  }
  return response;
};
