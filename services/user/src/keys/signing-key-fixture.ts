import type { UserApp } from "../user-app-fixture.ts";
import { openSigningKeys } from "./open-signing-keys.ts";
import type { SigningKey } from "./signing-key.ts";
import { listSigningKeys } from "./signing-key-queries.ts";

/** The keys in the database, whole, oldest first. */
export async function readSigningKeys(user: Pick<UserApp, "context">): Promise<SigningKey[]> {
  const rows = openSigningKeys(user.context, await listSigningKeys(user.context.db));
  return rows.flatMap(({ key }) => key ?? []);
}
