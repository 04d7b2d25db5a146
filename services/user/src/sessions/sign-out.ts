import type { UserContext } from "../context.ts";
import { revokeSession } from "./revoke-session.ts";

/** Ends a session: its refresh tokens are dead at once, and the user service refuses its access token. */
export async function signOut(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  sessionId: string,
): Promise<void> {
  await context.db.transaction().execute((tx) => revokeSession(tx, context, sessionId));
}
