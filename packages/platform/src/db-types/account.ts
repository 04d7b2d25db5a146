// Made by "npm run db:dump" from the migrations. Do not edit.
import type { ColumnType } from "kysely";

export type ArrayType<T> = ArrayTypeImpl<T> extends (infer U)[]
  ? U[]
  : ArrayTypeImpl<T>;

export type ArrayTypeImpl<T> = T extends ColumnType<infer S, infer I, infer U>
  ? ColumnType<S[], I[], U[]>
  : T[];

export type Timestamp = ColumnType<Date, Date | string, Date | string>;

export interface Account {
  account_id: string;
  created_at: Timestamp;
  email: string;
  password_hash: string;
  username: string;
}

export interface Session {
  account_id: string;
  created_at: Timestamp;
  last_used_at: Timestamp;
  refresh_key: Buffer;
  refresh_successor_hashes: ArrayType<Buffer>;
  refresh_used_hash: Buffer | null;
  revoked_at: Timestamp | null;
  session_id: string;
}

export interface AccountDatabase {
  account: Account;
  session: Session;
}
