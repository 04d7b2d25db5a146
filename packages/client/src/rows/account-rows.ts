import type { RegisterDeviceRequest } from "@sotto/contracts/device-api";
import type { StoreReader, Transaction } from "@sotto/e2ee/store";
import { jsonTable } from "./json-table.ts";

/** Who this store belongs to. Once written, the account and device of a store never change. */
export type OwnAccount = {
  readonly accountId: string;
  readonly username: string;
  readonly deviceId: string;
  /** The keys to upload, until the server has confirmed them. */
  readonly registration?: RegisterDeviceRequest;
  /** The session that the server has bound the device to. */
  readonly boundSessionId?: string;
};

export type StoredSession = {
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** By this clock, in ms since the epoch. */
  readonly renewAt: number;
};

const accounts = jsonTable<OwnAccount>("client-account");
const sessions = jsonTable<StoredSession>("client-session");
const SELF = "self";

export function findOwnAccount(reader: StoreReader): Promise<OwnAccount | undefined> {
  return accounts.get(reader, SELF);
}

export function putOwnAccount(tx: Transaction, account: OwnAccount): void {
  accounts.put(tx, SELF, account);
}

export function findSession(reader: StoreReader): Promise<StoredSession | undefined> {
  return sessions.get(reader, SELF);
}

export function putSession(tx: Transaction, session: StoredSession): void {
  sessions.put(tx, SELF, session);
}

export function deleteSession(tx: Transaction): void {
  sessions.delete(tx, SELF);
}
