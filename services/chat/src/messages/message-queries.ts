import type pg from "pg";
import { ACCOUNT_LOCK_CLASS } from "../devices/account-lock.ts";
import type { Roster } from "./device-match.ts";

/**
 * The statements of the accepting path. They are prepared by name on the pool's own connections, take whole
 * batches as arrays, and are the same ones that the benchmark's floor times.
 */

export type MessageRow = {
  messageId: string;
  conversationId: string;
  senderAccountId: string;
  senderDeviceId: string;
  /** Base64, as it came over the wire. */
  content: string;
  /** Envelopes that the sender made; those for whoever has blocked the sender are not stored. */
  addressed: number;
  envelopes: readonly { deviceId: string; envelope: string }[];
};

/** What was stored of a batch, in its order; ids of the new mailbox rows, in the order of the envelopes of `rows`. */
export type StoredBatch = {
  readonly rows: readonly MessageRow[];
  readonly acceptedAt: Date;
  readonly envelopeIds: readonly number[];
};

export type StoredMessage = {
  messageId: string;
  conversationId: string;
  senderDeviceId: string;
  acceptedAt: Date;
  content: Buffer;
};

/**
 * Begins the transaction and takes the shared form of the accounts' locks, so that no device set can change until
 * the commit. One round trip: the text holds nothing but numbers made here. Sorted, so that batches cannot deadlock.
 */
export async function beginLocked(client: pg.PoolClient, lockKeys: ReadonlySet<number>): Promise<void> {
  const keys = [...lockKeys].sort((a, b) => a - b).join(",");
  await client.query(
    `begin; select pg_advisory_xact_lock_shared(${ACCOUNT_LOCK_CLASS}, k) from unnest('{${keys}}'::int[]) k`,
  );
}

/**
 * By primary keys alone. Blocks are looked up here, in the storing transaction: what is stored after a block has been
 * answered was stored in its knowledge. As scalar subqueries: for a join the planner may use half of the key, and go
 * through all that one account has blocked; for `exists` it may hash the whole table.
 */
const FIND_ROSTERS = `
select c.n::int, m.account_id, d.device_id, d.registration_id,
  case when m.account_id <> c.sender_account_id then (
    select true from chat.block b where b.account_id = m.account_id and b.blocked_account_id = c.sender_account_id
  ) end,
  case when m.account_id <> c.sender_account_id then (
    select true from chat.block b where b.account_id = c.sender_account_id and b.blocked_account_id = m.account_id
  ) end
from unnest($1::uuid[], $2::uuid[]) with ordinality c (conversation_id, sender_account_id, n)
join chat.member m on m.conversation_id = c.conversation_id
left join chat.device d on d.account_id = m.account_id`;

type RosterColumns = [number, string, string | null, number, true | null, true | null];

/** A conversation as one of its senders sees it. */
export type SenderRoster = {
  readonly members: Roster;
  /** Members that have blocked the sender. */
  readonly blockers: ReadonlySet<string>;
  /** Whether the sender has blocked a member. */
  readonly isBlocking: boolean;
};

export type ConversationSender = { readonly conversationId: string; readonly senderAccountId: string };

/** Members, their devices and their blocks, in the order of `senders`; undefined where there is no such conversation. */
export async function findRosters(
  client: pg.PoolClient,
  senders: readonly ConversationSender[],
): Promise<(SenderRoster | undefined)[]> {
  const { rows } = await client.query<RosterColumns>({
    name: "find-rosters",
    text: FIND_ROSTERS,
    values: [
      arrayLiteral(senders.map(({ conversationId }) => conversationId)),
      arrayLiteral(senders.map(({ senderAccountId }) => senderAccountId)),
    ],
    rowMode: "array",
  });
  const rosters = senders.map(() => undefined as ReturnType<typeof emptyRoster> | undefined);
  for (const [position, accountId, deviceId, registrationId, isBlocker, isBlocked] of rows) {
    rosters[position - 1] ??= emptyRoster();
    const roster = rosters[position - 1] as ReturnType<typeof emptyRoster>;
    const devices = getOrInsert(roster.members, accountId, () => new Map<string, number>());
    if (deviceId !== null) devices.set(deviceId, registrationId);
    if (isBlocker) roster.blockers.add(accountId);
    if (isBlocked) roster.isBlocking = true;
  }
  return rosters;
}

function emptyRoster() {
  return { members: new Map<string, Map<string, number>>(), blockers: new Set<string>(), isBlocking: false };
}

function getOrInsert<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

/**
 * Contents and envelopes travel as one binary parameter and are cut out of it by position: `pg` would send an array
 * of byte strings as hexadecimal text. Ids are drawn in the order of the input, which is the order of each sender.
 * Messages go in by their ids: two batches with the same repeats in different orders would wait for each other.
 * Of a message that is stored already nothing is written. Which ones those are is looked at only when there are any.
 */
const INSERT_BATCH = `
with input as (
  select * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::int[], $7::int[])
    as m (message_id, conversation_id, sender_account_id, sender_device_id, start, length)
), stored as (
  insert into chat.message (message_id, conversation_id, sender_account_id, sender_device_id, content)
  select message_id, conversation_id, sender_account_id, sender_device_id, substring($1::bytea from start for length)
  from input order by message_id
  on conflict do nothing
  returning message_id
), result as materialized (
  select count(*) as number, count(*) = cardinality($2::uuid[]) as complete from stored
), drawn as materialized (
  select nextval('chat.envelope_id') as envelope_id, e.*
  from unnest($8::uuid[], $9::uuid[], $10::int[], $11::int[]) as e (device_id, message_id, start, length)
  where (select complete from result) or e.message_id = any (array(select message_id from stored))
), mailed as (
  insert into chat.envelope (device_id, envelope_id, message_id, envelope)
  select device_id, envelope_id, message_id, substring($1::bytea from start for length) from drawn
), event as (
  insert into outbox.event (events)
  select case when complete then $12::jsonb else (
    select jsonb_agg(event order by position) from jsonb_array_elements($12::jsonb) with ordinality e (event, position)
    where (event -> 'data' ->> 'messageId')::uuid = any (array(select message_id from stored))
  ) end
  from result where number > 0
)
select now(), case when not complete then array(select message_id::text from stored) end, (select array_agg(envelope_id) from drawn)
from result`;

type InsertedRow = [acceptedAt: Date, onlyStored: string[] | null, envelopeIds: number[] | null];

/**
 * Inserts a batch: messages, mailbox rows, and one outbox row with all events. A message whose id is stored already is
 * left as it is, and is not in the answer.
 */
export async function insertBatch(
  client: pg.PoolClient,
  batch: readonly MessageRow[],
  eventsJson: string,
): Promise<StoredBatch> {
  const { rows } = await client.query<InsertedRow>({
    name: "insert-batch",
    text: INSERT_BATCH,
    values: [...packBatch(batch), eventsJson],
    rowMode: "array",
  });
  const [acceptedAt, onlyStored, envelopeIds] = rows[0] as InsertedRow;
  const isStored = new Set(onlyStored);
  return {
    rows: onlyStored === null ? batch : batch.filter(({ messageId }) => isStored.has(messageId)),
    acceptedAt,
    envelopeIds: (envelopeIds ?? []).map(Number),
  };
}

/** The parameters of INSERT_BATCH but the last. */
function packBatch(batch: readonly MessageRow[]): unknown[] {
  const packer = createPacker(packedSize(batch));
  const messages = {
    ids: [] as string[],
    conversations: [] as string[],
    accounts: [] as string[],
    devices: [] as string[],
  };
  const contents = { starts: [] as number[], lengths: [] as number[] };
  const envelopes = {
    devices: [] as string[],
    messages: [] as string[],
    starts: [] as number[],
    lengths: [] as number[],
  };
  for (const row of batch) {
    messages.ids.push(row.messageId);
    messages.conversations.push(row.conversationId);
    messages.accounts.push(row.senderAccountId);
    messages.devices.push(row.senderDeviceId);
    packer.append(row.content, contents);
    for (const { deviceId, envelope } of row.envelopes) {
      envelopes.devices.push(deviceId);
      envelopes.messages.push(row.messageId);
      packer.append(envelope, envelopes);
    }
  }
  return [
    packer.bytes(),
    arrayLiteral(messages.ids),
    arrayLiteral(messages.conversations),
    arrayLiteral(messages.accounts),
    arrayLiteral(messages.devices),
    arrayLiteral(contents.starts),
    arrayLiteral(contents.lengths),
    arrayLiteral(envelopes.devices),
    arrayLiteral(envelopes.messages),
    arrayLiteral(envelopes.starts),
    arrayLiteral(envelopes.lengths),
  ];
}

/**
 * An array as PostgreSQL writes it. For ids and numbers only, which need no quotes: the driver's own way looks at every
 * character of every element, which is dear for a thousand ids in a batch.
 */
function arrayLiteral(elements: readonly (string | number)[]): string {
  return `{${elements.join(",")}}`;
}

function packedSize(batch: readonly MessageRow[]): number {
  let characters = 0;
  for (const row of batch) {
    characters += row.content.length;
    for (const { envelope } of row.envelopes) characters += envelope.length;
  }
  return Math.ceil((characters * 3) / 4);
}

function createPacker(size: number) {
  const buffer = Buffer.allocUnsafe(size);
  let used = 0;
  return {
    /** Decodes into the buffer; positions count from 1, as SQL does. */
    append(base64: string, into: { starts: number[]; lengths: number[] }): void {
      const length = buffer.write(base64, used, "base64");
      into.starts.push(used + 1);
      into.lengths.push(length);
      used += length;
    },
    bytes: () => buffer.subarray(0, used),
  };
}

const FIND_STORED = `
select message_id as "messageId", conversation_id as "conversationId", sender_device_id as "senderDeviceId",
  accepted_at as "acceptedAt", content
from chat.message where message_id = any($1::uuid[])`;

/** Messages that are stored already, by id; for the rare repeat. */
export async function findStored(
  client: pg.PoolClient,
  messageIds: readonly string[],
): Promise<Map<string, StoredMessage>> {
  const { rows } = await client.query<StoredMessage>({
    name: "find-stored",
    text: FIND_STORED,
    values: [messageIds],
  });
  return new Map(rows.map((row) => [row.messageId, row]));
}
