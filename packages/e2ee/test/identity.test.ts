import { describe, expect, it } from "vitest";
import { concat, u32, utf8 } from "../src/bytes.ts";
import { signWithIdentity, verifyWithIdentity } from "../src/identity.ts";
import { createTransactor } from "../src/store.ts";
import { verifyXeddsa } from "../src/xeddsa.ts";
import { expectCode } from "./expect-code.ts";
import { MemoryStore } from "./memory-store.ts";
import { createPerson } from "./person.ts";

describe("a signature by the device's identity key", () => {
  it("holds for its context and data only", async () => {
    const { transactor, registration } = await createPerson(0);
    const data = utf8("device\nsession");
    const context = "sotto/device-session/1";
    const signature = await transactor.transact((tx) => signWithIdentity(tx, context, data));
    const { identityKey } = registration;
    expect(verifyWithIdentity(identityKey, context, data, signature)).toBe(true);
    expect(verifyWithIdentity(identityKey, "sotto/other/1", data, signature)).toBe(false);
    expect(verifyWithIdentity(identityKey, context, utf8("device\nother"), signature)).toBe(false);
    expect(verifyWithIdentity(identityKey.slice(1), context, data, signature)).toBe(false);
    const wire = concat(utf8(context), Uint8Array.of(0), data);
    expect(verifyXeddsa(identityKey.slice(1), wire, signature)).toBe(true);
  });

  it("cannot be had for what this package signs itself", async () => {
    const { transactor } = await createPerson(0);
    const sign = (context: string) =>
      transactor.transact((tx) => signWithIdentity(tx, context, new Uint8Array(32)));
    await expectCode(sign("sotto/kem-prekey/1"), "bad_input");
    await expectCode(sign(""), "bad_input");
    await expectCode(sign("\u0005"), "bad_input");
    await expectCode(sign("a\0b"), "bad_input");
    await expectCode(
      createTransactor(new MemoryStore()).transact((tx) => signWithIdentity(tx, "a", utf8("b"))),
      "no_device",
    );
  });
});

describe("a registration", () => {
  it("carries signatures over exactly the documented bytes", async () => {
    const { registration } = await createPerson(2);
    const key = registration.identityKey.slice(1);
    const { signedPrekey, lastResortKemPrekey, oneTimeKemPrekeys } = registration;
    expect(registration.identityKey[0]).toBe(5);
    expect(verifyXeddsa(key, signedPrekey.publicKey, signedPrekey.signature)).toBe(true);
    for (const { keyId, publicKey, signature } of [lastResortKemPrekey, ...oneTimeKemPrekeys]) {
      const wire = concat(utf8("sotto/kem-prekey/1"), Uint8Array.of(0), u32(keyId), publicKey);
      expect(publicKey.length).toBe(1184);
      expect(verifyXeddsa(key, wire, signature)).toBe(true);
    }
  });

  it("holds no private key", async () => {
    const { registration, store } = await createPerson(1);
    const published = JSON.stringify(registration, (_name, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value,
    );
    for (const table of [
      "e2ee-device",
      "e2ee-signed-prekey",
      "e2ee-one-time-prekey",
      "e2ee-one-time-kem-prekey",
    ]) {
      for (const row of await store.list(table)) {
        const stored = JSON.parse(Buffer.from(row.value).toString("utf8"));
        const secret: string = (stored.privateKey ?? stored.seed).$;
        expect(secret.length).toBeGreaterThan(40);
        expect(published).not.toContain(secret);
      }
    }
  });
});
