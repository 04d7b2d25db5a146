import fc from "fast-check";
import { expect, test } from "vitest";
import { findReusedIds, highestKeyId } from "./prekey-replacement.ts";

const keyOf = (keyId: number, value = keyId) => ({ keyId, publicKey: Buffer.of(value % 251, value % 241) });

/** A store that follows the rules, and checks with every accepted upload what they are for. */
function createStore() {
  const claimed = new Set<number>();
  const values = new Map<number, Buffer>();
  let stored: ReturnType<typeof keyOf>[] = [];
  let highest = 0;
  return {
    claim(): void {
      const key = stored.shift();
      if (key) claimed.add(key.keyId);
    },
    upload(keys: ReturnType<typeof keyOf>[]): void {
      if (findReusedIds(keys, stored, highest).length > 0) return;
      for (const { keyId, publicKey } of keys) {
        expect(claimed.has(keyId)).toBe(false);
        expect(values.get(keyId) ?? publicKey).toEqual(publicKey);
        values.set(keyId, publicKey);
      }
      stored = keys;
      highest = highestKeyId(keys, highest);
    },
  };
}

test("whatever is uploaded and claimed in whatever order, no id is stored after its claim or with another key", () => {
  const key = fc.record({ keyId: fc.integer({ min: 1, max: 30 }), value: fc.nat(3) });
  const upload = fc.uniqueArray(key, { selector: ({ keyId }) => keyId, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(fc.option(upload), { maxLength: 40 }), (steps) => {
      const store = createStore();
      for (const keys of steps) {
        if (keys === null) store.claim();
        else store.upload(keys.map(({ keyId, value }) => keyOf(keyId, value)));
      }
    }),
  );
});

test("keys that are stored unchanged may be uploaded again beside new ones", () => {
  const stored = [keyOf(5), keyOf(6)];
  expect(findReusedIds([keyOf(6), keyOf(7)], stored, 6)).toEqual([]);
  expect(findReusedIds([keyOf(4), keyOf(6, 99), keyOf(7)], stored, 6)).toEqual([4, 6]);
});
