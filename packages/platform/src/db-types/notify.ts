// Made by "npm run db:dump" from the migrations. Do not edit.
import type { ColumnType } from "kysely";

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

export interface Addressee {
  account_id: string;
  active: boolean;
  as_of: Timestamp;
  email: string;
  email_verified: boolean;
  language: string | null;
  username: string;
}

export interface Attention {
  account_id: string;
  attended_at: Timestamp | null;
  digest_due_at: Timestamp | null;
  digested_at: Timestamp | null;
  is_digested: Generated<boolean>;
}

export interface Email {
  account_id: string | null;
  attempts: Generated<number>;
  content: Json;
  created_at: Timestamp;
  event_id: string;
  failed_at: Timestamp | null;
  id: string;
  kind: string;
  language: string | null;
  last_error: string | null;
  next_attempt_at: Timestamp;
  recipient: string;
  sent_at: Timestamp | null;
}

export interface Notification {
  account_id: string;
  created_at: Timestamp;
  data: Json;
  notification_id: string;
  read_at: Timestamp | null;
  type: string;
}

export interface Preferences {
  account_id: string;
  email_digest: Generated<boolean>;
  push: Generated<boolean>;
  quiet_from: number | null;
  quiet_to: number | null;
  time_zone: string | null;
  updated_at: Timestamp;
}

export interface ProcessedEvent {
  consumer: string;
  event_id: string;
  processed_at: Timestamp;
}

export interface Push {
  account_id: string;
  attempts: Generated<number>;
  created_at: Timestamp;
  device_id: string;
  event_id: string;
  id: string;
  last_error: string | null;
  next_attempt_at: Timestamp;
  outcome: string | null;
  settled_at: Timestamp | null;
  type: string;
}

export interface PushSubscription {
  account_id: string;
  auth: Buffer;
  created_at: Timestamp;
  device_id: string;
  endpoint: string;
  failing_since: Timestamp | null;
  host: string;
  p256dh: Buffer;
  server_key: Buffer;
  session_id: string;
}

export interface RateLimit {
  expire: number | null;
  key: string;
  points: number;
}

export interface SuppressedAddress {
  address: string;
  reason: string;
  since: Timestamp;
}

export interface Waiting {
  account_id: string;
  as_of: Timestamp;
  device_id: string;
  event_id: string;
  push_due_at: Timestamp | null;
  told_at: Timestamp;
  waiting: number;
}

export interface NotifyDatabase {
  addressee: Addressee;
  attention: Attention;
  email: Email;
  notification: Notification;
  preferences: Preferences;
  processed_event: ProcessedEvent;
  push: Push;
  push_subscription: PushSubscription;
  rate_limit: RateLimit;
  suppressed_address: SuppressedAddress;
  waiting: Waiting;
}
