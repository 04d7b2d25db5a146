// Made by "npm run db:dump" from the migrations. Do not edit.
import type { ColumnType } from "kysely";

export type Generated<T> = T extends ColumnType<infer S, infer I, infer U>
  ? ColumnType<S, I | undefined, U>
  : ColumnType<T, T | undefined, T>;

export type Timestamp = ColumnType<Date, Date | string, Date | string>;

export interface Account {
  account_id: string;
  account_key: Buffer;
  attended_at: Timestamp | null;
  created_at: Timestamp;
  list_hash: Buffer;
  list_version: number;
}

export interface Block {
  account_id: string;
  blocked_account_id: string;
  blocked_at: Timestamp;
}

export interface Contact {
  accepted_at: Timestamp | null;
  hidden: Generated<boolean>;
  high: string;
  low: string;
  requested_at: Timestamp;
  requested_by: string;
}

export interface Conversation {
  conversation_id: string;
  created_at: Generated<Timestamp>;
  direct_high: string | null;
  direct_low: string | null;
  kind: string;
}

export interface DeletedAccount {
  account_id: string;
  cleared: Generated<boolean>;
  course_at: Timestamp | null;
  deleted_at: Timestamp;
  end_page: number | null;
  has_waiting: Generated<boolean>;
  next_page: number | null;
}

export interface Device {
  account_id: string;
  created_at: Timestamp;
  device_id: string;
  gap_at: Timestamp | null;
  identity_key: Buffer;
  last_seen_at: Timestamp;
  registration_id: number;
  request_hash: Buffer;
  session_id: string | null;
}

export interface DeviceKeys {
  device_id: string;
  last_resort_key: Buffer;
  last_resort_key_id: number;
  last_resort_signature: Buffer;
  last_resort_used: Generated<number>;
  one_time_hash: Buffer;
  one_time_highest_id: number;
  one_time_kem_hash: Buffer;
  one_time_kem_highest_id: number;
  signed_key: Buffer;
  signed_key_id: number;
  signed_key_signature: Buffer;
}

export interface DeviceList {
  account_id: string;
  bytes: Buffer;
  created_at: Timestamp;
  signature: Buffer;
  version: number;
}

export interface Envelope {
  device_id: string;
  envelope: Buffer;
  envelope_id: number;
  message_id: string;
}

export interface Member {
  account_id: string;
  conversation_id: string;
  muted_until: Timestamp | null;
  read_at: Timestamp | null;
}

export interface Message {
  accepted_at: Generated<Timestamp>;
  content: Buffer;
  conversation_id: string;
  message_id: string;
  sender_account_id: string;
  sender_device_id: string;
}

export interface Node {
  name: string;
  node_id: string;
  seen_at: Generated<Timestamp>;
}

export interface OneTimeKemPrekey {
  device_id: string;
  key_id: number;
  public_key: Buffer;
  signature: Buffer;
}

export interface OneTimePrekey {
  device_id: string;
  key_id: number;
  public_key: Buffer;
}

export interface Presence {
  connection_id: string;
  device_id: string;
  node_id: string | null;
  seen_at: Generated<Timestamp>;
  told_at: Timestamp | null;
  told_envelope_id: Generated<number>;
  told_waiting: number | null;
  waiting_told: Generated<boolean>;
}

export interface Privacy {
  account_id: string;
  presence: string | null;
  receipts: string | null;
  updated_at: Timestamp;
  who_may_write_first: string | null;
}

export interface RateLimit {
  expire: number | null;
  key: string;
  points: number;
}

export interface RevokedSession {
  revoked_at: Timestamp;
  session_id: string;
}

export interface SocketIoAttachments {
  created_at: Generated<Timestamp | null>;
  id: Generated<number>;
  payload: Buffer | null;
}

export interface ChatDatabase {
  account: Account;
  block: Block;
  contact: Contact;
  conversation: Conversation;
  deleted_account: DeletedAccount;
  device: Device;
  device_keys: DeviceKeys;
  device_list: DeviceList;
  envelope: Envelope;
  member: Member;
  message: Message;
  node: Node;
  one_time_kem_prekey: OneTimeKemPrekey;
  one_time_prekey: OneTimePrekey;
  presence: Presence;
  privacy: Privacy;
  rate_limit: RateLimit;
  revoked_session: RevokedSession;
  socket_io_attachments: SocketIoAttachments;
}
