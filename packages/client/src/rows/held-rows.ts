import type { InboxEnvelope } from "@sotto/contracts/message-api";
import type { Transaction } from "@sotto/e2ee/store";
import { jsonTable, numberKey } from "./json-table.ts";

/** Envelopes of senders whose account key changed, by account, in the order of storing. */
const held = jsonTable<InboxEnvelope>("client-held-envelope");

export function putHeld(tx: Transaction, envelope: InboxEnvelope): void {
  held.put(tx, `${envelope.senderAccountId}/${numberKey(envelope.envelopeId)}`, envelope);
}

export async function takeHeld(tx: Transaction, accountId: string): Promise<InboxEnvelope[]> {
  const rows = await held.list(tx, { from: `${accountId}/`, to: `${accountId}0` });
  for (const { key } of rows) held.delete(tx, key);
  return rows.map((row) => row.value);
}
