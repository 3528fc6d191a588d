// Stands in for a browser in Node: `node --import ./browser.mjs page.ts` runs page.ts as a page of the origin in
// PAGE_ORIGIN, with fetch and XMLHttpRequest. As the Fetch standard has it, cookies of another origin are kept and sent
// only with credentials, and an answer can be read only if its CORS headers allow it.
import XMLHttpRequest from "xhr2";

const origin = process.env.PAGE_ORIGIN;
const cookies = new Map();
const fetchFromServer = globalThis.fetch;
const ALWAYS_READABLE = ["cache-control", "content-language", "content-length", "content-type", "expires", "pragma"];

globalThis.fetch = async (input, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set("Origin", origin);
  if (init.credentials === "include" && cookies.size > 0) headers.set("Cookie", cookieHeader());
  const response = await fetchFromServer(input, { ...init, headers });
  if (init.credentials === "include") keep(response.headers.getSetCookie());
  const readable = readableHeaders(Object.fromEntries(response.headers));
  if (!readable) throw new TypeError("Failed to fetch: CORS");
  return new Response(response.body, { status: response.status, headers: readable });
};

// Methods that begin with _ are xhr2's own affair; the lock file holds its version.
globalThis.XMLHttpRequest = class extends XMLHttpRequest {
  withCredentials = false;

  _sendHxxpRequest() {
    this._headers.Origin = origin;
    if (this.withCredentials && cookies.size > 0) this._headers.Cookie = cookieHeader();
    return super._sendHxxpRequest();
  }

  _onHttpResponse(request, response) {
    if (this.withCredentials) keep(response.headers["set-cookie"] ?? []);
    const readable = readableHeaders(response.headers);
    if (!readable) return this._onHttpRequestError(request, new Error("CORS"));
    response.headers = readable;
    return super._onHttpResponse(request, response);
  }
};

function cookieHeader() {
  return [...cookies].map((pair) => pair.join("=")).join("; ");
}

function keep(lines) {
  for (const line of lines) {
    const [name, value] = line.split(";")[0].split("=", 2);
    cookies.set(name, value);
  }
}

// What CORS lets the page read of an answer's headers; undefined if it may read nothing of the answer.
function readableHeaders(headers) {
  if (headers["access-control-allow-origin"] !== origin) return undefined;
  const exposed = (headers["access-control-expose-headers"] ?? "").toLowerCase().split(/ *, */);
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => ALWAYS_READABLE.includes(name) || exposed.includes(name)),
  );
}
