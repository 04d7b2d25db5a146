import type { AccountDevices, SignedDeviceList } from "@sotto/contracts/device-api";
import { getAccountKey } from "@sotto/e2ee/account";
import { deviceListHash, verifyDeviceList } from "@sotto/e2ee/device-list";
import { E2eeError } from "@sotto/e2ee/errors";
import { fromBase64, toBase64 } from "../bytes.ts";
import { type ClientContext, getOwnAccount } from "../client-context.ts";
import { findPerson, getPerson, type KnownDeviceList, type Person, putPerson } from "../rows/person-rows.ts";
import { SottoError } from "../sotto-error.ts";

type Deps = Pick<ClientContext, "store" | "transact" | "chat" | "events">;

/**
 * Knows the devices of accounts, from lists that the account's pinned key has signed and that follow one another.
 * Refreshes of one account never overlap.
 */
export class People {
  readonly #deps: Deps;
  readonly #underWay = new Map<string, Promise<Person>>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** As known here; asks the server only about accounts never seen. Errors: see `refresh`. */
  async get(accountId: string): Promise<Person> {
    const known = await findPerson(this.#deps.store, accountId);
    return known?.list === undefined ? this.refresh(accountId) : known;
  }

  /**
   * Asks for lists newer than the known one. A new account key is not believed: it becomes `offeredKey`, the event
   * `identity-changed` is emitted, and devices stay as they were. Throws `device_list_invalid` when a list is not
   * signed, goes back or forks; the known one stays in force then.
   */
  refresh(accountId: string): Promise<Person> {
    const underWay = this.#underWay.get(accountId);
    if (underWay !== undefined) return underWay;
    const refresh = this.#fetch(accountId).finally(() => this.#underWay.delete(accountId));
    this.#underWay.set(accountId, refresh);
    return refresh;
  }

  async #fetch(accountId: string): Promise<Person> {
    const { store, chat, transact, events } = this.#deps;
    const { deviceId, accountId: ownId } = await getOwnAccount(store);
    const version = (await findPerson(store, accountId))?.list?.version ?? 0;
    // One version back: the list in force is shown too, so that a server that fell behind or forked is noticed.
    const answer = await chat.accountDevices(deviceId, accountId, Math.max(0, version - 1));
    const person = await transact(async (tx) => {
      const known = await getPerson(tx, accountId);
      const ownKey = accountId === ownId ? toBase64(await getAccountKey(tx)) : undefined;
      const next = advancePerson(known, answer, ownKey);
      putPerson(tx, next);
      return next;
    });
    if (person.offeredKey !== undefined) {
      events.emit("identity-changed", { accountId, username: person.username });
    }
    return person;
  }

  /** Believes the account key that `identity-changed` was about; its device lists start anew. */
  async acceptIdentity(accountId: string): Promise<Person> {
    await this.#deps.transact(async (tx) => {
      const person = await getPerson(tx, accountId);
      if (person.offeredKey === undefined) return;
      const { offeredKey, list: _old, ...rest } = person;
      putPerson(tx, { ...rest, accountKey: offeredKey });
    });
    return this.refresh(accountId);
  }
}

/** What is known of a person after the server's answer. Pure. */
export function advancePerson(known: Person, answer: AccountDevices, ownKey: string | undefined): Person {
  const pinned = ownKey ?? known.accountKey ?? answer.accountKey;
  if (answer.accountKey !== pinned) return { ...known, offeredKey: answer.accountKey };
  const { offeredKey: _withdrawn, ...person } = known;
  return { ...person, accountKey: pinned, list: verifyChain(known, answer.deviceLists, pinned) };
}

function verifyChain(
  { accountId, list }: Person,
  signed: readonly SignedDeviceList[],
  accountKey: string,
): KnownDeviceList {
  let current = list;
  for (const wire of signed) {
    const bytes = fromBase64(wire.bytes);
    const signature = fromBase64(wire.signature);
    const verified = verifyOne({ accountId, bytes, signature, accountKey, current });
    if (verified.version === current?.version && current.hash === verified.hash) continue;
    current = verified;
  }
  if (current === undefined || signed.length === 0)
    throw invalid("the server shows no list in force", undefined);
  return current;
}

type Candidate = {
  readonly accountId: string;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly accountKey: string;
  readonly current: KnownDeviceList | undefined;
};

function verifyOne({ accountId, bytes, signature, accountKey, current }: Candidate): KnownDeviceList {
  const previous =
    current === undefined ? {} : { previous: { version: current.version, hash: fromBase64(current.hash) } };
  try {
    const input = { bytes, signature, accountKey: fromBase64(accountKey), accountId, ...previous };
    const { version, devices } = verifyDeviceList(input);
    if (current === undefined && version !== 1) throw invalid("the first list is missing", undefined);
    return {
      version,
      hash: toBase64(deviceListHash(bytes)),
      devices: devices.map((device) => ({ ...device, identityKey: toBase64(device.identityKey) })),
    };
  } catch (error) {
    if (error instanceof E2eeError) throw invalid(error.code, error);
    throw error;
  }
}

function invalid(why: string, cause: unknown): SottoError {
  return new SottoError(
    "device_list_invalid",
    `The server shows a device list that cannot be trusted: ${why}`,
    {
      cause,
    },
  );
}
