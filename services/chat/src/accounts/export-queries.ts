import type { Executor } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql } from "kysely";

/** What the server knows of a message that waits for a device. */
export type WaitingMessage = {
  messageId: string;
  conversationId: string;
  senderAccountId: string;
  deviceId: string;
  acceptedAt: Date;
  contentBytes: number;
  envelopeBytes: number;
};

/** One page of a device's mailbox, in the order of storing, and where the next one begins; by the primary key. */
export async function listWaitingMessages(
  db: Executor<ChatDatabase>,
  deviceId: string,
  { after, limit }: { after: number; limit: number },
): Promise<{ messages: WaitingMessage[]; next: number | undefined }> {
  const { rows } = await sql<WaitingMessage & { envelopeId: number }>`
    select e.envelope_id as "envelopeId", e.message_id as "messageId", m.conversation_id as "conversationId",
      m.sender_account_id as "senderAccountId", e.device_id as "deviceId", m.accepted_at as "acceptedAt",
      octet_length(m.content) as "contentBytes", octet_length(e.envelope) as "envelopeBytes"
    from (
      select * from chat.envelope where device_id = ${deviceId}::uuid and envelope_id > ${after}
      order by envelope_id limit ${limit}
    ) e
    join chat.message m on m.message_id = e.message_id
    order by e.envelope_id`.execute(db);
  const messages = rows.map(({ envelopeId: _, ...message }) => message);
  return { messages, next: rows.length < limit ? undefined : rows.at(-1)?.envelopeId };
}
