import type { DeviceStore, StoreReader, Transactor } from "@sotto/e2ee/store";
import type { AuthorizedRequest, ChatApi } from "./api/chat-api.ts";
import type { ClientEvents } from "./client-events.ts";
import type { Clock } from "./clock.ts";
import type { EventEmitter } from "./event-emitter.ts";
import { findOwnAccount, type OwnAccount } from "./rows/account-rows.ts";
import { SottoError } from "./sotto-error.ts";

/** What the parts of one open client share. */
export type ClientContext = {
  readonly clock: Clock;
  readonly store: DeviceStore;
  readonly transact: Transactor["transact"];
  readonly chat: ChatApi;
  /** For routes that `chat` does not cover. */
  readonly request: AuthorizedRequest;
  readonly events: EventEmitter<ClientEvents>;
  /** UUIDv7, increasing within this process. */
  uuid(): string;
};

/** The account of this store; throws `not_signed_in` before the first registration or sign-in. */
export async function getOwnAccount(reader: StoreReader): Promise<OwnAccount> {
  const account = await findOwnAccount(reader);
  if (account === undefined) throw new SottoError("not_signed_in", "Register or sign in first");
  return account;
}
