import type { WirePrekeyBundle } from "@sotto/contracts/device-api";
import type { SendMessageRequest } from "@sotto/contracts/message-api";
import { sealContent } from "@sotto/e2ee/content";
import { encryptEnvelope } from "@sotto/e2ee/encrypt-envelope";
import { E2eeError } from "@sotto/e2ee/errors";
import { openBundleSession } from "@sotto/e2ee/open-session";
import { archiveSession, hasSession } from "@sotto/e2ee/sessions";
import type { Transaction } from "@sotto/e2ee/store";
import { fromBase64, toBase64 } from "../bytes.ts";
import { type ClientContext, getOwnAccount } from "../client-context.ts";
import type { People } from "../devices/people.ts";
import { findConversation } from "../rows/conversation-rows.ts";
import { findDevice, getPerson, type KnownDevice, type Person } from "../rows/person-rows.ts";
import { findQueuedSend, type QueuedSend, type SealedContent, updateQueuedSend } from "../rows/queue-rows.ts";
import { hasCode, SottoError } from "../sotto-error.ts";

type Deps = Pick<ClientContext, "clock" | "store" | "transact" | "chat"> & { readonly people: People };
type Recipients = SendMessageRequest["recipients"];
type Addressed = { readonly accountId: string; readonly device: KnownDevice };
type Claimed = { readonly accountId: string; readonly bundle: WirePrekeyBundle };
type Try = { readonly request: SendMessageRequest } | { readonly missing: readonly Addressed[] };

/** Sessions that vanish between claiming and preparing are claimed again, this often. */
const ROUNDS = 4;

/**
 * The request of a queued send. When this resolves, the request and the ratchet steps it took are durable: they were
 * one transaction. Claims prekeys for devices without a session. Throws `identity_changed`, `device_list_invalid`,
 * `prekeys_invalid`, and what the server answers to a claim.
 */
export async function prepareSend(deps: Deps, send: QueuedSend): Promise<SendMessageRequest> {
  if (send.request !== undefined) return send.request;
  const { deviceId } = await getOwnAccount(deps.store);
  await meetMembers(deps, send.conversationId);
  let claimed: Claimed[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const bundles = claimed;
    const result = await deps.transact((tx) => tryPrepare(tx, deps.clock.now(), send.number, bundles));
    if ("request" in result) return result.request;
    claimed = await claimFor(deps, deviceId, result.missing);
  }
  throw new SottoError("unavailable", "The server gives no prekeys for a device that it lists");
}

async function meetMembers({ store, people }: Deps, conversationId: string): Promise<void> {
  const conversation = await findConversation(store, conversationId);
  if (conversation === undefined) throw new SottoError("unknown_conversation", "No such conversation here");
  await Promise.all(conversation.members.map((accountId) => people.get(accountId)));
}

async function claimFor({ chat, people }: Deps, ownDeviceId: string, missing: readonly Addressed[]) {
  const byAccount = Map.groupBy(missing, ({ accountId }) => accountId);
  const claims = [...byAccount].map(async ([accountId, addressed]) => {
    const wanted = addressed.map(({ device }) => device.deviceId);
    const bundles = await chat.claimPrekeys(ownDeviceId, accountId, wanted).catch((error: unknown) => {
      // The account has none of these devices any more.
      if (hasCode(error, "not_found")) return [];
      throw error;
    });
    // Listed here, yet without keys there: our list may be old.
    if (bundles.length < wanted.length) await people.refresh(accountId);
    return bundles.map((bundle) => ({ accountId, bundle }));
  });
  return (await Promise.all(claims)).flat();
}

async function tryPrepare(
  tx: Transaction,
  now: number,
  number: number,
  claimed: readonly Claimed[],
): Promise<Try> {
  const send = await findQueuedSend(tx, number);
  const own = await getOwnAccount(tx);
  const conversation = await findConversation(tx, send?.conversationId ?? "");
  if (send === undefined || conversation === undefined) {
    throw new SottoError("unknown_conversation", "No such send here");
  }
  const members = await Promise.all(conversation.members.map((accountId) => getPerson(tx, accountId)));
  refuseChangedIdentity(members);
  for (const { accountId, bundle } of claimed) await openClaimed(tx, members, accountId, bundle);
  const addressed = members.flatMap((person) => devicesOf(person, own.deviceId));
  const missing = await withoutSession(tx, now, addressed);
  const sealed = send.sealed ?? (await seal(send, own.deviceId));
  if (missing.length > 0) {
    updateQueuedSend(tx, { ...send, sealed });
    return { missing };
  }
  const recipients = await wrapForAll(tx, now, { members, addressed, sealed, messageId: send.messageId });
  const { messageId, conversationId } = send;
  const request = { messageId, conversationId, content: sealed.content, recipients };
  updateQueuedSend(tx, { ...send, sealed, request });
  return { request };
}

function refuseChangedIdentity(members: readonly Person[]): void {
  const changed = members.find((person) => person.offeredKey !== undefined);
  if (changed === undefined) return;
  throw new SottoError("identity_changed", "The account key of a member changed and was not accepted", {
    details: { accountId: changed.accountId },
  });
}

function devicesOf({ accountId, list }: Person, ownDeviceId: string): Addressed[] {
  return (list?.devices ?? [])
    .filter((device) => device.deviceId !== ownDeviceId)
    .map((device) => ({ accountId, device }));
}

async function openClaimed(
  tx: Transaction,
  members: readonly Person[],
  accountId: string,
  bundle: WirePrekeyBundle,
): Promise<void> {
  const device = findDevice(
    members.find((person) => person.accountId === accountId),
    bundle.deviceId,
  );
  // Left the list since it was claimed: nothing is sent to it.
  if (device === undefined) return;
  if (bundle.registrationId !== device.registrationId)
    throw invalidPrekeys("another registration id", undefined);
  try {
    const address = { accountId, deviceId: device.deviceId };
    await openBundleSession(tx, address, fromWire(bundle), fromBase64(device.identityKey));
  } catch (error) {
    if (error instanceof E2eeError) throw invalidPrekeys(error.code, error);
    throw error;
  }
}

function invalidPrekeys(why: string, cause: unknown): SottoError {
  return new SottoError("prekeys_invalid", `The server gave prekeys that cannot be trusted: ${why}`, {
    cause,
  });
}

function fromWire(bundle: WirePrekeyBundle) {
  const { deviceId, registrationId, oneTimePrekey, kemIsLastResort } = bundle;
  return {
    deviceId,
    registrationId,
    identityKey: fromBase64(bundle.identityKey),
    signedPrekey: fromWireSigned(bundle.signedPrekey),
    kemPrekey: { ...fromWireSigned(bundle.kemPrekey), lastResort: kemIsLastResort },
    ...(oneTimePrekey === undefined
      ? {}
      : { oneTimePrekey: { keyId: oneTimePrekey.keyId, publicKey: fromBase64(oneTimePrekey.publicKey) } }),
  };
}

function fromWireSigned({ keyId, publicKey, signature }: WirePrekeyBundle["signedPrekey"]) {
  return { keyId, publicKey: fromBase64(publicKey), signature: fromBase64(signature) };
}

async function withoutSession(
  tx: Transaction,
  now: number,
  addressed: readonly Addressed[],
): Promise<Addressed[]> {
  const missing: Addressed[] = [];
  for (const { accountId, device } of addressed) {
    const pinned = { now, pinnedIdentityKey: fromBase64(device.identityKey) };
    const address = { accountId, deviceId: device.deviceId };
    if (!(await hasSession(tx, address, pinned))) missing.push({ accountId, device });
  }
  return missing;
}

async function seal(
  { messageId, conversationId, plain }: QueuedSend,
  senderDeviceId: string,
): Promise<SealedContent> {
  const sealed = await sealContent({ content: plain, messageId, conversationId, senderDeviceId });
  return {
    content: toBase64(sealed.content),
    contentKey: toBase64(sealed.contentKey),
    contentHash: toBase64(sealed.contentHash),
  };
}

type Wrap = {
  readonly members: readonly Person[];
  readonly addressed: readonly Addressed[];
  readonly sealed: SealedContent;
  readonly messageId: string;
};

/** Every member is named, also one without devices. */
async function wrapForAll(
  tx: Transaction,
  now: number,
  { members, addressed, sealed, messageId }: Wrap,
): Promise<Recipients> {
  const payload = {
    contentKey: fromBase64(sealed.contentKey),
    contentHash: fromBase64(sealed.contentHash),
    messageId,
  };
  const recipients: Recipients = members.map(({ accountId }) => ({ accountId, devices: [] }));
  for (const { accountId, device } of addressed) {
    const address = { accountId, deviceId: device.deviceId };
    const pinnedIdentityKey = fromBase64(device.identityKey);
    const { envelope, registrationId } = await encryptEnvelope(tx, address, payload, now, {
      pinnedIdentityKey,
    });
    recipients
      .find((recipient) => recipient.accountId === accountId)
      ?.devices.push({ deviceId: device.deviceId, registrationId, envelope: toBase64(envelope) });
  }
  return recipients;
}

/** Gives up what was prepared for another device set, and the sessions with devices that have new keys. */
export async function unprepare(
  tx: Transaction,
  number: number,
  stale: readonly { accountId: string; deviceId: string }[],
): Promise<void> {
  for (const address of stale) await archiveSession(tx, address);
  const send = await findQueuedSend(tx, number);
  if (send === undefined) return;
  const { request: _outdated, ...kept } = send;
  updateQueuedSend(tx, kept);
}
