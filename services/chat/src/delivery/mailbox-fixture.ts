// Mailboxes as rows, for tests of what happens to mail long after it was sent.
import { randomBytes } from "node:crypto";
import type { DomainEvent } from "@sotto/contracts/events";
import type { Resident } from "@sotto/testkit/population";
import type pg from "pg";
import { v7 } from "uuid";

/** Puts messages of `from` into the mailbox of `to`, as if they had been sent `ageSeconds` ago. Answers their ids, oldest first. */
export async function putMail(
  owner: pg.Pool,
  mail: {
    from: Resident;
    to: Resident;
    conversationId: string;
    count: number;
    ageSeconds: number;
    contentBytes?: number;
  },
): Promise<string[]> {
  const ids = Array.from({ length: mail.count }, () => v7());
  await owner.query(
    `insert into chat.message (message_id, conversation_id, sender_account_id, sender_device_id, accepted_at, content)
     select id, $2, $3, $4, now() - make_interval(secs => $5), $6 from unnest($1::uuid[]) id`,
    [
      ids,
      mail.conversationId,
      mail.from.accountId,
      mail.from.deviceId,
      mail.ageSeconds,
      randomBytes(mail.contentBytes ?? 40),
    ],
  );
  await owner.query(
    `insert into chat.envelope (device_id, envelope_id, message_id, envelope)
     select $2, nextval('chat.envelope_id'), id, $3 from unnest($1::uuid[]) with ordinality t (id, n) order by n`,
    [ids, mail.to.deviceId, randomBytes(20)],
  );
  return ids;
}

/** Message ids in a mailbox, oldest first. */
export async function listMail(owner: pg.Pool, { deviceId }: { deviceId: string }): Promise<string[]> {
  const { rows } = await owner.query<{ message_id: string }>(
    "select message_id from chat.envelope where device_id = $1 order by envelope_id",
    [deviceId],
  );
  return rows.map(({ message_id }) => message_id);
}

/** Events of one type in the outbox, oldest first. */
export async function listEvents<T extends DomainEvent["type"]>(
  owner: pg.Pool,
  type: T,
): Promise<DomainEvent<T>[]> {
  const { rows } = await owner.query<{ events: DomainEvent[] }>(
    "select events from outbox.event order by id",
  );
  return rows.flatMap(({ events }) => events).filter((event) => event.type === type) as DomainEvent<T>[];
}

/** One more device of the same account, bound to the same session. */
export async function addDevice(owner: pg.Pool, of: Resident): Promise<Resident> {
  const deviceId = v7();
  await owner.query(
    `insert into chat.device (account_id, device_id, registration_id, identity_key, session_id, request_hash, created_at, last_seen_at)
     select account_id, $2, registration_id, identity_key, session_id, request_hash, now(), now()
     from chat.device where device_id = $1`,
    [of.deviceId, deviceId],
  );
  return { ...of, deviceId };
}
