// People with devices, as rows: for tests and measurements of what happens after registration.
import { randomBytes, randomUUID } from "node:crypto";
import type pg from "pg";
import { v7 } from "uuid";

export type Resident = {
  readonly accountId: string;
  readonly deviceId: string;
  readonly sessionId: string;
  readonly registrationId: number;
};

/**
 * Inserts `count` accounts with one device each, by the owner of the database. Their keys are noise: nothing can be
 * decrypted, but everything can be stored and delivered.
 */
export async function populate(owner: pg.Pool | pg.Client, count: number): Promise<Resident[]> {
  const residents = Array.from({ length: count }, () => ({
    accountId: v7(),
    deviceId: v7(),
    sessionId: randomUUID(),
    registrationId: 1 + (randomBytes(2).readUInt16BE() % 16_000),
  }));
  const accounts = residents.map(({ accountId }) => accountId);
  await owner.query(
    `insert into chat.account (account_id, account_key, list_version, list_hash, created_at)
     select id, $2, 1, $2, now() from unnest($1::uuid[]) id`,
    [accounts, randomBytes(32)],
  );
  await owner.query(
    `insert into chat.device (account_id, device_id, registration_id, identity_key, session_id, request_hash, created_at, last_seen_at)
     select a, d, r, $5, s, $6, now(), now() from unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[]) t (a, d, r, s)`,
    [
      accounts,
      residents.map(({ deviceId }) => deviceId),
      residents.map(({ registrationId }) => registrationId),
      residents.map(({ sessionId }) => sessionId),
      randomBytes(33),
      randomBytes(32),
    ],
  );
  return residents;
}

/** Inserts a direct conversation for each pair; the ids are in the order of the pairs. */
export async function introduce(
  owner: pg.Pool | pg.Client,
  pairs: readonly (readonly [Resident, Resident])[],
): Promise<string[]> {
  const ids = pairs.map(() => v7());
  const low = pairs.map(([a, b]) => (a.accountId < b.accountId ? a : b).accountId);
  const high = pairs.map(([a, b]) => (a.accountId < b.accountId ? b : a).accountId);
  await owner.query(
    `insert into chat.conversation (conversation_id, kind, direct_low, direct_high)
     select i, 'direct', l, h from unnest($1::uuid[], $2::uuid[], $3::uuid[]) t (i, l, h)`,
    [ids, low, high],
  );
  await owner.query(
    `insert into chat.member (conversation_id, account_id)
     select i, unnest(array[l, h]) from unnest($1::uuid[], $2::uuid[], $3::uuid[]) t (i, l, h)`,
    [ids, low, high],
  );
  return ids;
}

export type Sealed = { contentBytes?: number; envelopeBytes?: number; messageId?: string };

/** A message in a direct conversation between two residents with one device each. */
export function composeMessage(
  conversationId: string,
  sender: Resident,
  recipient: Resident,
  { contentBytes = 200, envelopeBytes = 100, messageId = v7() }: Sealed = {},
) {
  return {
    messageId,
    conversationId,
    content: randomBytes(contentBytes).toString("base64"),
    recipients: [
      { accountId: sender.accountId, devices: [] },
      {
        accountId: recipient.accountId,
        devices: [
          {
            deviceId: recipient.deviceId,
            registrationId: recipient.registrationId,
            envelope: randomBytes(envelopeBytes).toString("base64"),
          },
        ],
      },
    ],
  };
}
