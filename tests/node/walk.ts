// One walk through the service with @connectrpc/connect-node. Arguments: protocol (connect or grpcweb), base URL.
// Prints one JSON object with what it saw; tests/e2e/test_node.py says what that must be.
import { create } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { AccountsService, PublicAccountsService } from "./messages/accounts/v1/accounts_v1_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "./messages/google/rpc/error_details_pb.js";
import { TestAuthService } from "./messages/test/v1/test_v1_pb.js";
import { TokensService } from "./messages/tokens/v1/tokens_v1_pb.js";

const [protocol, baseUrl] = process.argv.slice(2);

// Node keeps no cookies; a server that acts for one user at a time does it like this.
let cookie = "";
const keepCookie: Interceptor = (next) => async (request) => {
  if (cookie) request.header.set("Cookie", cookie);
  const response = await next(request);
  cookie = response.header.get("Set-Cookie")?.split(";")[0] ?? cookie;
  return response;
};

const options = { baseUrl, httpVersion: "1.1" as const, interceptors: [keepCookie] };
const transport = protocol === "connect" ? createConnectTransport(options) : createGrpcWebTransport(options);
const publicAccounts = createClient(PublicAccountsService, transport);
const accounts = createClient(AccountsService, transport);
const tokens = createClient(TokensService, transport);
const pong = createClient(TestAuthService, transport);

async function refusal(call: Promise<unknown>) {
  try {
    await call;
  } catch (caught) {
    const error = ConnectError.from(caught);
    return {
      code: Code[error.code],
      reasons: error.findDetails(ErrorInfoSchema).map((info) => info.reason),
      fields: error.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations.map((each) => each.field)),
    };
  }
  throw new Error("the call was not refused");
}

async function names(headers?: HeadersInit) {
  const found: string[] = [];
  for await (const token of tokens.listTokens(create(EmptySchema), { headers })) {
    found.push(token.tokenMetadata!.name);
  }
  return found;
}

const ada = { email: `${protocol}@example.test`, password: "correct horse battery" };
const seen: Record<string, unknown> = {};
seen.stranger = await refusal(pong.pong({}));
seen.strangersStream = await refusal(names());
await publicAccounts.signUp(ada);
await publicAccounts.signIn(ada);
await pong.pong({});
seen.email = (await accounts.getAccount({})).data?.email;
const { tokenValue } = await tokens.createToken({ tokenMetadata: { name: "older" } });
await tokens.createToken({ tokenMetadata: { name: "newer" } });
seen.blankName = await refusal(tokens.createToken({ tokenMetadata: { name: " " } }));
cookie = "";
const headers = { Authorization: `Bearer ${tokenValue!.token}` };
seen.listed = await names(headers);
seen.program = await refusal(tokens.createToken({ tokenMetadata: { name: "third" } }, { headers }));
console.log(JSON.stringify(seen));
