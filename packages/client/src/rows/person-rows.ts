import type { StoreReader, Transaction } from "@sotto/e2ee/store";
import { jsonTable } from "./json-table.ts";

export type KnownDevice = {
  readonly deviceId: string;
  /** Base64, as everything here. */
  readonly identityKey: string;
  readonly registrationId: number;
};

/** The newest device list of an account that its pinned account key has signed. */
export type KnownDeviceList = {
  readonly version: number;
  readonly hash: string;
  readonly devices: readonly KnownDevice[];
};

/** What this device knows of an account, its own included. */
export type Person = {
  readonly accountId: string;
  readonly username?: string;
  /** Pinned on first use; only `acceptIdentity` replaces it. */
  readonly accountKey?: string;
  readonly list?: KnownDeviceList;
  /** Another account key that the server has shown; while it is here nothing is sent to this account. */
  readonly offeredKey?: string;
};

const people = jsonTable<Person>("client-person");
const usernames = jsonTable<string>("client-username");

export function findPerson(reader: StoreReader, accountId: string): Promise<Person | undefined> {
  return people.get(reader, accountId);
}

export async function getPerson(reader: StoreReader, accountId: string): Promise<Person> {
  return (await people.get(reader, accountId)) ?? { accountId };
}

export async function findPersonByUsername(
  reader: StoreReader,
  username: string,
): Promise<Person | undefined> {
  const accountId = await usernames.get(reader, username);
  return accountId === undefined ? undefined : people.get(reader, accountId);
}

export function putPerson(tx: Transaction, person: Person): void {
  people.put(tx, person.accountId, person);
  if (person.username !== undefined) usernames.put(tx, person.username, person.accountId);
}

export function findDevice(person: Person | undefined, deviceId: string): KnownDevice | undefined {
  return person?.list?.devices.find((device) => device.deviceId === deviceId);
}
