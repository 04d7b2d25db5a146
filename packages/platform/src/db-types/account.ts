// Made by "npm run db:dump" from the migrations. Do not edit.
import type { ColumnType } from "kysely";

export type ArrayType<T> = ArrayTypeImpl<T> extends (infer U)[]
  ? U[]
  : ArrayTypeImpl<T>;

export type ArrayTypeImpl<T> = T extends ColumnType<infer S, infer I, infer U>
  ? ColumnType<S[], I[], U[]>
  : T[];

export type Generated<T> = T extends ColumnType<infer S, infer I, infer U>
  ? ColumnType<S, I | undefined, U>
  : ColumnType<T, T | undefined, T>;

export type Json = JsonValue;

export type JsonArray = JsonValue[];

export type JsonObject = {
  [x: string]: JsonValue | undefined;
};

export type JsonPrimitive = boolean | number | string | null;

export type JsonValue = JsonArray | JsonObject | JsonPrimitive;

export type Timestamp = ColumnType<Date, Date | string, Date | string>;

export interface Account {
  account_id: string;
  created_at: Timestamp;
  deletes_at: Timestamp | null;
  display_name: string | null;
  email: string;
  email_verified_at: Timestamp | null;
  language: string | null;
  operator_role: string | null;
  password_hash: string;
  state: Generated<string>;
  state_since: Generated<Timestamp>;
  suspended_reason: string | null;
  username: string;
}

export interface AuditEntry {
  account_id: string;
  actor_account_id: string | null;
  address: string | null;
  at: Timestamp;
  audit_id: string;
  client: string | null;
  details: Json;
  session_id: string | null;
  type: string;
}

export interface MailToken {
  account_id: string;
  email: string;
  expires_at: Timestamp;
  purpose: string;
  token_hash: Buffer;
}

export interface Passkey {
  account_id: string;
  backed_up: boolean;
  created_at: Timestamp;
  credential_id: Buffer;
  last_used_at: Timestamp | null;
  name: string;
  passkey_id: string;
  public_key: Buffer;
  sign_count: number;
  transports: string[];
}

export interface RateLimit {
  expire: number | null;
  key: string;
  points: number;
}

export interface RecoveryCode {
  account_id: string;
  code_hash: Buffer;
}

export interface Session {
  account_id: string;
  authenticated_at: Timestamp;
  client: string | null;
  created_at: Timestamp;
  last_used_at: Timestamp;
  refresh_key: Buffer;
  refresh_successor_hashes: ArrayType<Buffer>;
  refresh_used_hash: Buffer | null;
  revoked_at: Timestamp | null;
  session_id: string;
}

export interface SigningKey {
  created_at: Timestamp;
  kid: string;
  public_x: string;
  retires_at: Timestamp | null;
  sealed_private: Buffer;
  signs_from: Timestamp;
}

export interface Totp {
  account_id: string;
  confirmed_at: Timestamp | null;
  created_at: Timestamp;
  last_step: Generated<number>;
  sealed_secret: Buffer;
}

export interface UsedChallenge {
  challenge_id: string;
  expires_at: Timestamp;
}

export interface AccountDatabase {
  account: Account;
  audit_entry: AuditEntry;
  mail_token: MailToken;
  passkey: Passkey;
  rate_limit: RateLimit;
  recovery_code: RecoveryCode;
  session: Session;
  signing_key: SigningKey;
  totp: Totp;
  used_challenge: UsedChallenge;
}
