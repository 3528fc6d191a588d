// Makes the calls that come in on standard input, a JSON object a line, and answers each with a line of its own.
// Arguments: client, protocol, codec, version of HTTP, base URL.
import { createInterface } from "node:readline";
import { answer } from "./calls.ts";
import { connectNode } from "./connect_node.ts";
import { connectWeb } from "./connect_web.ts";
import { grpcWeb } from "./grpc_web.ts";

const [client, protocol, codec, http, baseUrl] = process.argv.slice(2);
const caller = { connectNode, connectWeb, grpcWeb }[client]!({ protocol, codec, http, baseUrl });

for await (const line of createInterface(process.stdin)) {
  console.log(JSON.stringify(await answer(caller, JSON.parse(line))));
}
process.exit(); // connections that are kept open for the next call would keep the process
