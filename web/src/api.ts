// The service's public RPCs, called like any page of its own origin may call them.

import { createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { learn } from "./clock.ts";
import { AccountsService, PublicAccountsService } from "./gen/accounts/v1/accounts_v1_pb.ts";
import { TokensService } from "./gen/tokens/v1/tokens_v1_pb.ts";

const tellsTheTime: Interceptor = (next) => async (request) => {
  const sent = Date.now();
  const response = await next(request);
  learn(response.header.get("date"), sent);
  return response;
};

const transport = createConnectTransport({ baseUrl: location.origin, interceptors: [tellsTheTime] });

export const publicAccounts = createClient(PublicAccountsService, transport);
export const accounts = createClient(AccountsService, transport);
export const tokens = createClient(TokensService, transport);
