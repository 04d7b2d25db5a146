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

export interface Email {
  account_id: string | null;
  attempts: Generated<number>;
  content: Json;
  created_at: Timestamp;
  event_id: string;
  failed_at: Timestamp | null;
  id: string;
  kind: string;
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

export interface ProcessedEvent {
  consumer: string;
  event_id: string;
  processed_at: Timestamp;
}

export interface RateLimit {
  expire: number | null;
  key: string;
  points: number;
}

export interface NotifyDatabase {
  addressee: Addressee;
  email: Email;
  notification: Notification;
  processed_event: ProcessedEvent;
  rate_limit: RateLimit;
}
