import { accounts } from "./api.ts";
import { notices } from "./notices.ts";
import { go } from "./routes.ts";
import { session } from "./session.ts";

/** End the session, or all of the account, and leave for the sign-in. */
export async function signOut({ everywhere = false } = {}): Promise<void> {
  await accounts.signOut({ everywhere });
  notices.later(everywhere ? "You are signed out everywhere." : "You are signed out.");
  go("sign-in");
  session.ended();
}
