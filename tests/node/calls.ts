// One call, as tests/e2e/clients/call.py describes it, and its answer, in a server and in a page alike.
import { createRegistry, type DescMethod, fromJson, type Message, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
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
export type Call = Credential & { rpc: string; message: any; timeoutMs: number | null };

export const bearer = (token: string): Record<string, string> => (token ? { Authorization: `Bearer ${token}` } : {});

const registry = createRegistry(file_accounts_v1_accounts_v1, file_test_v1_test_v1, file_tokens_v1_tokens_v1);

// Tells `arrived` of each message besides.
export async function answer(
  caller: Caller,
  { rpc, message, session, token, timeoutMs }: Call,
  arrived: (message: unknown) => void = () => {},
) {
  const [service, name] = rpc.split("/");
  const method = registry.getService(service)!.methods.find((each) => each.name === name)!;
  const messages: unknown[] = [];
  let refused = null;
  try {
    await caller(method, fromJson(method.input, message), { session, token }, timeoutMs ?? undefined, (answer) => {
      messages.push(toJson(method.output, answer));
      arrived(messages.at(-1));
    });
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    refused = refusal(error);
  }
  return { messages, refused };
}

function refusal(error: ConnectError) {
  return {
    code: Code[error.code].replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase(),
    reasons: error.findDetails(ErrorInfoSchema).map((info) => info.reason),
    fields: error.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations.map((each) => each.field)),
  };
}
