import { findAccountByName } from "./api/user-api.ts";
import type { ClientContext } from "./client-context.ts";
import { findPerson, getPerson, putPerson } from "./rows/person-rows.ts";

/** Messages of somebody new are shown after this, with or without a name. */
const PATIENCE_MS = 3000;

type Deps = Pick<ClientContext, "clock" | "store" | "transact" | "request" | "events">;

/** Confirms with the server what unknown senders say they are called. A claim that is not confirmed is dropped. */
export async function learnNames(deps: Deps, claims: ReadonlyMap<string, string>): Promise<void> {
  const unknown: [string, string][] = [];
  for (const [accountId, username] of claims) {
    const person = await findPerson(deps.store, accountId);
    if (person?.username === undefined) unknown.push([accountId, username]);
  }
  if (unknown.length === 0) return;
  const { promise: patience, resolve: giveUp } = Promise.withResolvers<void>();
  const stop = deps.clock.after(PATIENCE_MS, giveUp);
  const lookUps = Promise.all(unknown.map(([accountId, username]) => lookUp(deps, accountId, username)));
  await Promise.race([lookUps, patience]);
  stop();
}

async function lookUp(deps: Deps, accountId: string, username: string): Promise<void> {
  try {
    const found = await findAccountByName(deps.request, username);
    if (found?.accountId !== accountId) return;
    await deps.transact(async (tx) => putPerson(tx, { ...(await getPerson(tx, accountId)), username }));
  } catch (error) {
    deps.events.emit("trouble", { error });
  }
}
