// People with several devices, their messages, and the two ways to send them: for tests of accepting.
import { randomBytes, randomUUID } from "node:crypto";
import type { FrameError } from "@sotto/contracts/errors";
import { DEVICE_HEADER, type MessageAccepted, type SendMessageRequest } from "@sotto/contracts/message-api";
import type { Resident } from "@sotto/testkit/population";
import type pg from "pg";
import type { Socket } from "socket.io-client";
import { v7 } from "uuid";
import { ask, type ChatNode, type ChatWorld, connect } from "../chat-node-fixture.ts";

/** Registers one more device of an account, as the owner of the database. */
export async function addDevice(owner: pg.Pool | pg.PoolClient, { accountId }: Resident): Promise<Resident> {
  const device: Resident = {
    accountId,
    deviceId: v7(),
    sessionId: randomUUID(),
    registrationId: 1 + (randomBytes(2).readUInt16BE() % 16_000),
  };
  await owner.query(
    `insert into chat.device (account_id, device_id, registration_id, identity_key, session_id, request_hash, created_at, last_seen_at)
     values ($1, $2, $3, $4, $5, $6, now(), now())`,
    [accountId, device.deviceId, device.registrationId, randomBytes(33), device.sessionId, randomBytes(32)],
  );
  return device;
}

/** A message with envelopes for exactly `recipients`; every account in `members` is named. */
export function compose(
  conversationId: string,
  members: readonly Resident[],
  recipients: readonly Resident[],
  messageId = v7(),
): SendMessageRequest {
  const accounts = [...new Set(members.map(({ accountId }) => accountId))];
  return {
    messageId,
    conversationId,
    content: randomBytes(60).toString("base64"),
    recipients: accounts.map((accountId) => ({
      accountId,
      devices: recipients
        .filter((device) => device.accountId === accountId)
        .map(({ deviceId, registrationId }) => ({
          deviceId,
          registrationId,
          envelope: randomBytes(30).toString("base64"),
        })),
    })),
  };
}

/** The answer to a send, whichever way it went. */
export type Sent = { accepted: MessageAccepted } | { refused: FrameError };

export async function sendBySocket(socket: Socket, request: SendMessageRequest): Promise<Sent> {
  const answer = await ask(socket, "message:send", request);
  return answer.ok ? { accepted: answer.value } : { refused: answer.error };
}

export async function sendByRequest(
  world: ChatWorld,
  node: ChatNode,
  sender: Resident,
  request: SendMessageRequest,
): Promise<Sent> {
  const response = await fetch(`${node.url}/api/chat/messages`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${await world.token(sender)}`,
      [DEVICE_HEADER]: sender.deviceId,
      "Content-Type": "application/json",
    },
    body: JSON.stringify(request),
  });
  const body = await response.json();
  return response.status === 201 ? { accepted: body } : { refused: body };
}

export async function openSocket(world: ChatWorld, node: ChatNode, resident: Resident): Promise<Socket> {
  return connect(await world.socket(node, resident));
}

/** How often a message is stored, and the devices that have an envelope of it. */
export async function findRows(owner: pg.Pool, messageId: string) {
  const messages = await owner.query("select from chat.message where message_id = $1", [messageId]);
  const envelopes = await owner.query<{ device_id: string }>(
    "select device_id from chat.envelope where message_id = $1 order by device_id",
    [messageId],
  );
  return { messages: messages.rowCount ?? 0, devices: envelopes.rows.map(({ device_id }) => device_id) };
}
