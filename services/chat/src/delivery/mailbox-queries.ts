import type { InboxEnvelope } from "@sotto/contracts/message-api";
import type pg from "pg";

/** Statements of the delivering path, prepared by name; each has the primary key of chat.envelope as its index. */

export type MailboxKey = { deviceId: string; envelopeId: number };

const LIST_WAITING = `
select d.device_id, array(
  select e.envelope_id from chat.envelope e where e.device_id = d.device_id order by e.envelope_id limit d.most
)
from unnest($1::uuid[], $2::int[]) d (device_id, most)`;

/** Ids of the oldest envelopes of each device, `most` of them, in the order of storing. */
export async function listWaiting(
  pool: pg.Pool,
  devices: readonly { deviceId: string; most: number }[],
): Promise<Map<string, number[]>> {
  const { rows } = await pool.query<[string, string[]]>({
    name: "list-waiting",
    text: LIST_WAITING,
    values: [devices.map(({ deviceId }) => deviceId), devices.map(({ most }) => most)],
    rowMode: "array",
  });
  return new Map(rows.map(([deviceId, ids]) => [deviceId, ids.map(Number)]));
}

/** Lengths are told without reading large values: only what is answered is fetched. */
const GET_ENVELOPES = `
select device_id, envelope_id, message_id, conversation_id, sender_account_id, sender_device_id, accepted_at, content,
  envelope
from (
  select k.device_id, e.envelope_id, e.message_id, m.conversation_id, m.sender_account_id, m.sender_device_id,
    m.accepted_at, m.content, e.envelope, k.position, k.room_bytes, octet_length(m.content) + octet_length(e.envelope) as bytes,
    sum(octet_length(m.content) + octet_length(e.envelope)) over (partition by k.device_id order by k.position) as upto
  from unnest($1::uuid[], $2::bigint[], $3::bigint[]) with ordinality k (device_id, envelope_id, room_bytes, position)
  join chat.envelope e on e.device_id = k.device_id and e.envelope_id = k.envelope_id
  join chat.message m on m.message_id = e.message_id
) found
where upto - bytes < room_bytes
order by position`;

/** An envelope that is to be read, for a device that takes more as long as less than `roomBytes` stand before it. */
export type WantedEnvelope = MailboxKey & { roomBytes: number };

type EnvelopeRow = [string, number, string, string, string, string, Date, Buffer, Buffer];

/**
 * The named envelopes with their contents, in the order of `wanted`. Left out are those acknowledged meanwhile, and those
 * before which a device's room is used up.
 */
export async function getEnvelopes(
  pool: pg.Pool,
  wanted: readonly WantedEnvelope[],
): Promise<{ deviceId: string; envelope: InboxEnvelope }[]> {
  const { rows } = await pool.query<EnvelopeRow>({
    name: "get-envelopes",
    text: GET_ENVELOPES,
    values: [
      wanted.map(({ deviceId }) => deviceId),
      wanted.map(({ envelopeId }) => envelopeId),
      wanted.map(({ roomBytes }) => roomBytes),
    ],
    rowMode: "array",
  });
  return rows.map((row) => ({ deviceId: row[0], envelope: toInboxEnvelope(row) }));
}

function toInboxEnvelope(row: EnvelopeRow): InboxEnvelope {
  const [
    ,
    envelopeId,
    messageId,
    conversationId,
    senderAccountId,
    senderDeviceId,
    acceptedAt,
    content,
    envelope,
  ] = row;
  return {
    envelopeId,
    messageId,
    conversationId,
    senderAccountId,
    senderDeviceId,
    acceptedAt: acceptedAt.toISOString(),
    content: content.toString("base64"),
    envelope: envelope.toString("base64"),
  };
}

const DELETE_ENVELOPES = `
delete from chat.envelope e
using unnest($1::uuid[], $2::bigint[]) k (device_id, envelope_id)
where e.device_id = k.device_id and e.envelope_id = k.envelope_id
returning e.device_id`;

/** Deletes acknowledged envelopes; the answer counts the deleted ones of each device. */
export async function deleteEnvelopes(
  pool: pg.Pool,
  keys: readonly MailboxKey[],
): Promise<Map<string, number>> {
  const { rows } = await pool.query<[string]>({
    name: "delete-envelopes",
    text: DELETE_ENVELOPES,
    values: [keys.map(({ deviceId }) => deviceId), keys.map(({ envelopeId }) => envelopeId)],
    rowMode: "array",
  });
  const deleted = new Map<string, number>();
  for (const [deviceId] of rows) deleted.set(deviceId, (deleted.get(deviceId) ?? 0) + 1);
  return deleted;
}
