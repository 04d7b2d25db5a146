import type { InboxEnvelope } from "@sotto/contracts/message-api";
import type { ChatMetrics } from "../chat-metrics.ts";
import type { StoredBatch } from "../messages/message-queries.ts";
import type { Connections } from "./connections.ts";
import type { DeviceConnection } from "./device-connection.ts";

export type DeliverDeps = {
  connections: Connections;
  reader: { request(connection: DeviceConnection): void };
  link: { mail(deviceIds: Iterable<string>): void };
  figures: Pick<ChatMetrics, "deliveries">;
};

/** Delivers what was committed just now: to devices of this node at once, to the others by a hint to their nodes. */
export function deliverCommitted(deps: DeliverDeps, stored: StoredBatch): void {
  const acceptedAt = stored.acceptedAt.toISOString();
  const offered = new Set<DeviceConnection>();
  const elsewhere = new Set<string>();
  let position = 0;
  let delivered = 0;
  for (const row of stored.rows) {
    const senderConnectedAt = deps.connections.get(row.senderDeviceId)?.connectedAt;
    for (const { deviceId, envelope } of row.envelopes) {
      const envelopeId = stored.envelopeIds[position] as number;
      position += 1;
      const connection = deps.connections.get(deviceId);
      if (!connection) {
        elsewhere.add(deviceId);
        continue;
      }
      const { messageId, conversationId, senderAccountId, senderDeviceId, content } = row;
      const inbox: InboxEnvelope = {
        envelopeId,
        messageId,
        conversationId,
        senderAccountId,
        senderDeviceId,
        acceptedAt,
        content,
        envelope,
      };
      if (connection.offer(inbox, senderConnectedAt)) {
        offered.add(connection);
        delivered += 1;
      } else deps.reader.request(connection);
    }
  }
  for (const connection of offered) connection.flush();
  deps.figures.deliveries.inc({ way: "memory" }, delivered);
  if (elsewhere.size > 0) deps.link.mail(elsewhere);
}

/** New mail for these devices, accepted by any node: has the mailboxes of those connected here read. */
export function readMailboxes(
  deps: Pick<DeliverDeps, "connections" | "reader">,
  deviceIds: Iterable<string>,
): void {
  for (const deviceId of deviceIds) {
    const connection = deps.connections.get(deviceId);
    if (connection) deps.reader.request(connection);
  }
}
