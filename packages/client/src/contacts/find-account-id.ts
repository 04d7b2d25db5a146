import { accountId } from "@sotto/contracts/ids";
import { findAccountByName } from "../api/user-api.ts";
import type { ClientContext } from "../client-context.ts";
import { findPersonByUsername, getPerson, putPerson } from "../rows/person-rows.ts";
import { SottoError } from "../sotto-error.ts";

/**
 * The id of `person`, a username or an account id: no username has a hyphen, so that it cannot be both. The server knows
 * best whose a name is; accounts that it does not show, since they are deactivated, are known from before. Throws
 * `unknown_user`.
 */
export async function findAccountId(
  { store, transact, request }: Pick<ClientContext, "store" | "transact" | "request">,
  person: string,
): Promise<string> {
  const name = person.trim().toLowerCase();
  if (accountId.safeParse(name).success) return name;
  const found = await findAccountByName(request, name);
  if (found !== undefined) {
    const { accountId: id, username } = found;
    await transact(async (tx) => putPerson(tx, { ...(await getPerson(tx, id)), username }));
    return id;
  }
  const known = await findPersonByUsername(store, name);
  if (known !== undefined) return known.accountId;
  throw new SottoError("unknown_user", `There is no user ${name}`);
}
