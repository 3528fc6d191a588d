// Makes the calls that come in on standard input, a JSON object a line, and answers each with a line of its own;
// tests/e2e/clients/call.py says what is in them. Arguments: client, protocol, codec, version of HTTP, base URL.
import { createInterface } from "node:readline";
import { createRegistry, type DescMethod, fromJson, type Message, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNode, connectWeb } from "./connect.ts";
import { grpcWeb } from "./grpc_web.ts";
import { file_accounts_v1_accounts_v1 } from "./messages/accounts/v1/accounts_v1_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "./messages/google/rpc/error_details_pb.js";
import { file_test_v1_test_v1 } from "./messages/test/v1/test_v1_pb.js";
import { file_tokens_v1_tokens_v1 } from "./messages/tokens/v1/tokens_v1_pb.js";

export type Options = { protocol: string; codec: string; http: string; baseUrl: string };
export type Credential = { session: boolean; token: string };
// Calls `got` with each message, in order. Fails with a ConnectError.
export type Caller = (
  method: DescMethod,
  request: Message,
  credential: Credential,
  timeoutMs: number | undefined,
  got: (message: Message) => void,
) => Promise<void>;

export const bearer = (token: string): Record<string, string> => (token ? { Authorization: `Bearer ${token}` } : {});

const [client, protocol, codec, http, baseUrl] = process.argv.slice(2);
const call = { connectNode, connectWeb, grpcWeb }[client]({ protocol, codec, http, baseUrl });
const registry = createRegistry(file_accounts_v1_accounts_v1, file_test_v1_test_v1, file_tokens_v1_tokens_v1);

for await (const line of createInterface(process.stdin)) {
  const { rpc, message, session, token, timeoutMs } = JSON.parse(line);
  const [service, name] = rpc.split("/");
  const method = registry.getService(service)!.methods.find((each) => each.name === name)!;
  const messages: unknown[] = [];
  let refused = null;
  try {
    await call(method, fromJson(method.input, message), { session, token }, timeoutMs ?? undefined, (answer) => {
      messages.push(toJson(method.output, answer));
    });
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    refused = refusal(error);
  }
  console.log(JSON.stringify({ messages, refused }));
}
process.exit(); // connections that are kept open for the next call would keep the process

function refusal(error: ConnectError) {
  return {
    code: Code[error.code].replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase(),
    reasons: error.findDetails(ErrorInfoSchema).map((info) => info.reason),
    fields: error.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations.map((each) => each.field)),
  };
}
