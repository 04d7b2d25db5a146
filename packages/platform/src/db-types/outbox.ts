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

export interface Event {
  created_at: Generated<Timestamp>;
  events: Json;
  id: Generated<number>;
}

export interface Parked {
  event: Json;
  id: Generated<number>;
  parked_at: Generated<Timestamp>;
  reason: string;
}

export interface OutboxDatabase {
  event: Event;
  parked: Parked;
}
