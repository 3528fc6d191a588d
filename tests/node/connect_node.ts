// @connectrpc/connect in a server, where cookies are kept by hand.
import * as node from "@connectrpc/connect-node";
import { bearer, type Caller, type Options } from "./calls.ts";
import { collect } from "./connect_web.ts";

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
