// @connectrpc/connect in a server, where cookies are kept by hand, and in a page, where the browser keeps them.
import { createClient, type Transport } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import * as web from "@connectrpc/connect-web";
import { bearer, type Caller, type Options } from "./caller.ts";

export function connectNode({ protocol, codec, http, baseUrl }: Options): Caller {
  const options = { baseUrl, httpVersion: http as "1.1" | "2", useBinaryFormat: codec === "binary" };
  const transport = {
    Connect: () => node.createConnectTransport(options),
    "gRPC-Web": () => node.createGrpcWebTransport(options),
    gRPC: () => node.createGrpcTransport(options),
  }[protocol]!();
  let cookie = "";
  return (method, request, { session, token }, timeoutMs, got) => {
    const headers = { ...bearer(token), ...(session && cookie ? { Cookie: cookie } : {}) };
    const keep = (answered: Headers) => {
      cookie = answered.get("Set-Cookie")?.split(";")[0] ?? cookie;
    };
    return collect(transport, method, request, { headers, timeoutMs, onHeader: keep }, got);
  };
}

export function connectWeb({ protocol, codec, baseUrl }: Options): Caller {
  return (method, request, { session, token }, timeoutMs, got) => {
    const credentials = session ? "include" : "omit";
    const options = {
      baseUrl,
      useBinaryFormat: codec === "binary",
      fetch: (input: RequestInfo | URL, init?: RequestInit) => fetch(input, { ...init, credentials }),
    };
    const transport =
      protocol === "Connect" ? web.createConnectTransport(options) : web.createGrpcWebTransport(options);
    return collect(transport, method, request, { headers: bearer(token), timeoutMs }, got);
  };
}

async function collect(transport: Transport, method: any, request: any, options: object, got: (message: any) => void) {
  const client: any = createClient(method.parent, transport);
  const answer = client[method.localName](request, options);
  if (method.methodKind === "unary") got(await answer);
  else for await (const message of answer) got(message);
}
