import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importAccount } from "../src/account.ts";
import { openContent, sealContent } from "../src/content.ts";
import { signDeviceList } from "../src/device-list.ts";
import { envelopeHeader } from "../src/envelope.ts";
import { encodePayload } from "../src/payload.ts";
import { deriveLayerKeys } from "../src/pq-layer.ts";
import { createTransactor } from "../src/store.ts";
import { MemoryStore } from "./memory-store.ts";

const document = readFileSync(new URL("../../../docs/e2ee.md", import.meta.url), "utf8");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
const place = {
  messageId: "0190a5d0-0000-7000-8000-000000000001",
  conversationId: "0190a5d0-0000-7000-8000-000000000002",
  senderDeviceId: "0190a5d0-0000-7000-8000-000000000003",
};
const initiation = {
  baseKey: Uint8Array.of(5, ...filled(32, 3)),
  kemKeyId: 7,
  kemCiphertext: filled(1088, 4),
};

/** The values that docs/e2ee.md gives to whoever writes another client. */
async function vectors(): Promise<Record<string, string>> {
  const sealed = await sealContent({
    ...place,
    content: { body: "hi" },
    random: (length) => filled(length, length),
  });
  expect(await openContent({ ...place, ...sealed })).toEqual({ body: "hi" });
  const layer = deriveLayerKeys(filled(32, 9), {
    initiatorIdentity: Uint8Array.of(5, ...filled(32, 1)),
    responderIdentity: Uint8Array.of(5, ...filled(32, 2)),
    kemPublicKey: filled(1184, 6),
    initiation,
  });
  const list = await createTransactor(new MemoryStore()).transact(async (tx) => {
    await importAccount(tx, filled(32, 8));
    const device = { deviceId: place.senderDeviceId, identityKey: initiation.baseKey, registrationId: 1 };
    return signDeviceList(tx, {
      version: 1,
      accountId: place.messageId,
      devices: [device],
      previousHash: null,
    });
  });
  return {
    contentHash: hex(sealed.contentHash),
    contentStart: hex(sealed.content.slice(0, 64)),
    payload: hex(encodePayload({ ...place, contentKey: filled(32, 1), contentHash: filled(32, 2) })),
    fromInitiator: hex(layer.fromInitiator),
    fromResponder: hex(layer.fromResponder),
    headerHash: sha256(envelopeHeader(initiation, filled(24, 5), 100)),
    listHash: sha256(list.bytes),
    listSignature: hex(list.signature),
  };
}

describe("the test vectors of docs/e2ee.md", () => {
  it("are what this package computes", async () => {
    const text = document.replaceAll(/\s/g, "");
    const missing = Object.entries(await vectors()).filter(([, value]) => !text.includes(`\`${value}\``));
    expect(missing).toEqual([]);
  });
});
