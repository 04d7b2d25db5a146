import { z } from "zod";
import { prekeyStock } from "./device-api.ts";
import { frameError } from "./errors.ts";
import { accountId, conversationId, deviceId } from "./ids.ts";
import { unreadCount } from "./in-app-api.ts";
import {
  acknowledged,
  acknowledgeGapRequest,
  acknowledgeRequest,
  inboxEnvelope,
  messageAccepted,
  readFrame,
  readMark,
  sendMessageRequest,
} from "./message-api.ts";
import { PROTOCOL_VERSION } from "./protocol-version.ts";

/** Path of the Engine.IO endpoint. */
export const SOCKET_PATH = "/api/chat/socket.io";

/** `auth` of the Socket.IO handshake. Browsers leave `token` out and send their cookie. */
export const handshakeAuth = z.object({
  token: z.string().max(4096).optional(),
  deviceId,
  protocolVersion: z.literal(PROTOCOL_VERSION),
});
export type HandshakeAuth = z.infer<typeof handshakeAuth>;

const typingRequest = z.strictObject({ conversationId, active: z.boolean() });
const renewRequest = z.strictObject({ token: z.string().min(1).max(4096) });
const nothing = z.object({});

/** Client to server: name, payload, and the value of a successful acknowledgement. */
export const clientEvents = {
  "message:send": { payload: sendMessageRequest, answer: messageAccepted },
  "inbox:ack": { payload: acknowledgeRequest, answer: acknowledged },
  "inbox:gap-ack": { payload: acknowledgeGapRequest, answer: nothing },
  "conversation:read": { payload: readFrame, answer: readMark },
  /** Never stored; reaches whoever is connected now. */
  "typing:set": { payload: typingRequest, answer: nothing },
  /** Replaces the token of this connection before it expires; a browser, whose token is in a cookie, reconnects instead. */
  "session:renew": { payload: renewRequest, answer: z.object({ expiresAt: z.iso.datetime() }) },
} as const;
export type ClientEvent = keyof typeof clientEvents;

/** Why the server closes a connection; sent as `session:closed` just before. */
export const closeReason = z.enum([
  "superseded",
  "token_expired",
  "session_revoked",
  "device_removed",
  "rate_limited",
  "server_shutdown",
]);
export type CloseReason = z.infer<typeof closeReason>;

/** Server to client. */
export const serverEvents = {
  /** In the order of storing; acknowledge only what has been durably processed. */
  "inbox:envelopes": z.object({ envelopes: z.array(inboxEnvelope).min(1) }),
  /** Once per connection: everything that waited when the connection was made has been acknowledged. */
  "inbox:drained": nothing,
  /** Something was dropped (expiry, overflow, restore). No envelope follows until `inbox:gap-ack`. */
  "inbox:gap": z.object({ gap: z.iso.datetime() }),
  "keys:low": prekeyStock,
  "typing:changed": z.object({ conversationId, accountId, active: z.boolean() }),
  /** Contacts, blocks or privacy settings of the account have changed: fetch them again. May be missed or come for nothing. */
  "people:changed": nothing,
  /** The account's list of notifications has changed; `unread` is what it held unread then. May be missed or come again. */
  "notifications:changed": unreadCount,
  "session:closed": z.object({ reason: closeReason }),
} as const;
export type ServerEvent = keyof typeof serverEvents;

export const refused = z.object({ ok: z.literal(false), error: frameError });

/** Every acknowledgement is one of these two. */
export type FrameAnswer<E extends ClientEvent> =
  | { ok: true; value: z.infer<(typeof clientEvents)[E]["answer"]> }
  | z.infer<typeof refused>;
