import { ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AccountsService, PublicAccountsService } from "./messages/accounts/v1/accounts_v1_pb.js";
import { TokensService } from "./messages/tokens/v1/tokens_v1_pb.js";

const transport = createConnectTransport({
  baseUrl: import.meta.env.VITE_GATEPOST ?? "http://127.0.0.1:8000",
  fetch: (input, init) => fetch(input, { ...init, credentials: "include" }), // the session is a cookie
});
const find = document.querySelector.bind(document) as (selector: string) => HTMLElement;
const [form, list, status] = [find("form") as HTMLFormElement, find("ul"), find("[role=status]")];

async function show(act: () => Promise<unknown>) {
  await act().then(
    () => (status.textContent = "Done."),
    (error) => (status.textContent = ConnectError.from(error).rawMessage),
  );
}

async function signIn() {
  const fields = Object.fromEntries(new FormData(form)) as { email: string; password: string };
  await createClient(PublicAccountsService, transport).signIn(fields);
  list.replaceChildren();
  for await (const token of createClient(TokensService, transport).listTokens({})) {
    list.append(Object.assign(document.createElement("li"), { textContent: token.tokenMetadata?.name }));
  }
}

async function signOut() {
  await createClient(AccountsService, transport).signOut({});
  list.replaceChildren();
}

form.onsubmit = (event) => (event.preventDefault(), show(signIn));
find("#out").onclick = () => show(signOut);
