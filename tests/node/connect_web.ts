// @connectrpc/connect in a page, where the browser keeps cookies.
import { createClient, type Transport } from "@connectrpc/connect";
import * as web from "@connectrpc/connect-web";
import { bearer, type Caller, type Options } from "./calls.ts";

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

export async function collect(
  transport: Transport,
  method: any,
  request: any,
  options: object,
  got: (message: any) => void,
) {
  const client: any = createClient(method.parent, transport);
  const answer = client[method.localName](request, options);
  if (method.methodKind === "unary") got(await answer);
  else for await (const message of answer) got(message);
}
