import type { InboxEnvelope } from "@sotto/contracts/message-api";
import { openContent } from "@sotto/e2ee/content";
import { decryptEnvelope } from "@sotto/e2ee/decrypt-envelope";
import { E2eeError } from "@sotto/e2ee/errors";
import type { Transaction } from "@sotto/e2ee/store";
import { fromBase64 } from "../bytes.ts";
import { type MessageContent, messageContent } from "../message-content.ts";
import { findDevice, findPerson } from "../rows/person-rows.ts";

/** Why an envelope could not be opened: a code of e2ee, or one of ours. */
export class EnvelopeProblem extends Error {
  readonly code: string;
  constructor(code: string, cause?: unknown) {
    super(code, { cause });
    this.code = code;
  }
}

/**
 * Decrypts one envelope and opens its content, all checks included: the sending device must be on the signed list of
 * its account, under the identity key that the list names; envelope, content and message id must belong together.
 * Throws EnvelopeProblem; the caller's nested transaction then takes every ratchet step back.
 */
export async function openEnvelope(
  tx: Transaction,
  envelope: InboxEnvelope,
  options: { readonly keepUsedPrekeys: boolean },
): Promise<MessageContent> {
  const { senderAccountId: accountId, senderDeviceId: deviceId, messageId, conversationId } = envelope;
  const person = await findPerson(tx, accountId);
  if (person?.offeredKey !== undefined) throw new EnvelopeProblem("identity_changed");
  const device = findDevice(person, deviceId);
  if (device === undefined) throw new EnvelopeProblem("unknown_device");
  try {
    const payload = await decryptEnvelope(
      tx,
      { accountId, deviceId },
      fromBase64(envelope.envelope),
      fromBase64(device.identityKey),
      options,
    );
    if (payload.messageId !== messageId) throw new EnvelopeProblem("bad_envelope");
    const { contentKey, contentHash } = payload;
    const content = fromBase64(envelope.content);
    const place = { messageId, conversationId, senderDeviceId: deviceId };
    return parseContent(await openContent({ ...place, content, contentKey, contentHash }));
  } catch (error) {
    if (error instanceof E2eeError) throw new EnvelopeProblem(error.code, error);
    throw error;
  }
}

function parseContent(opened: object): MessageContent {
  const parsed = messageContent.safeParse(opened);
  if (!parsed.success) throw new EnvelopeProblem("unsupported_content", parsed.error);
  return parsed.data;
}
