import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encryptEnvelope } from "../src/encrypt-envelope.ts";
import { claimStore } from "../src/ownership.ts";
import { createTransactor, type Transaction } from "../src/store.ts";
import { expectCode } from "./expect-code.ts";
import { MemoryStore } from "./memory-store.ts";
import { createPerson, deliver, payload, receive, START, send } from "./person.ts";

const value = Uint8Array.of(1);

function keys(rows: readonly { key: string }[]): string[] {
  return rows.map(({ key }) => key);
}

describe("a transaction", () => {
  it("reads its own writes, and commits them at once at the end", async () => {
    const store = new MemoryStore();
    const { transact } = createTransactor(store);
    await transact(async (tx) => {
      tx.put("t", "b", value);
      tx.put("t", "a", value);
      tx.delete("t", "b");
      expect(await tx.get("t", "a")).toEqual(value);
      expect(await tx.get("t", "b")).toBeUndefined();
      expect(keys(await tx.list("t"))).toEqual(["a"]);
      expect(store.commits).toBe(0);
    });
    expect(store.commits).toBe(1);
    expect(keys(await store.list("t"))).toEqual(["a"]);
  });

  it("writes nothing when it throws, and the next one runs", async () => {
    const store = new MemoryStore();
    const { transact } = createTransactor(store);
    const failing = transact(async (tx) => {
      tx.put("t", "a", value);
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(store.commits).toBe(0);
    await transact(async (tx) => expect(await tx.get("t", "a")).toBeUndefined());
  });

  it("runs alone: the next one sees all of it or nothing", async () => {
    const { transact } = createTransactor(new MemoryStore());
    const increment = () =>
      transact(async (tx) => {
        const count = (await tx.get("t", "count"))?.[0] ?? 0;
        await Promise.resolve();
        tx.put("t", "count", Uint8Array.of(count + 1));
      });
    await Promise.all(Array.from({ length: 20 }, increment));
    await transact(async (tx) => expect(await tx.get("t", "count")).toEqual(Uint8Array.of(20)));
  });

  it("takes over what a nested one wrote only when that one succeeds", async () => {
    const store = new MemoryStore();
    await createTransactor(store).transact(async (tx) => {
      tx.put("t", "outer", value);
      const failing = tx.nested(async (inner) => {
        expect(await inner.get("t", "outer")).toEqual(value);
        inner.put("t", "failed", value);
        inner.delete("t", "outer");
        throw new Error("no");
      });
      await expect(failing).rejects.toThrow("no");
      await tx.nested(async (inner) => inner.put("t", "kept", value));
    });
    expect(keys(await store.list("t"))).toEqual(["kept", "outer"]);
  });

  it("refuses a write that comes after its end, and keeps bytes that are changed later", async () => {
    const store = new MemoryStore();
    const { transact } = createTransactor(store);
    const bytes = Uint8Array.of(1);
    const ended = await transact(async (tx: Transaction) => {
      tx.put("t", "a", bytes);
      bytes[0] = 9;
      return tx;
    });
    expect(() => ended.put("t", "b", value)).toThrow("transaction_closed");
    expect(await store.get("t", "a")).toEqual(value);
  });

  it("lists exactly what the store would list after the commit", async () => {
    const key = fc.constantFrom("a", "b", "c", "d", "e", "f");
    const write = fc.record({ key, isDelete: fc.boolean() });
    const range = fc.record(
      { from: key, to: key, limit: fc.integer({ min: 1, max: 4 }) },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(key), fc.array(write), range, async (before, writes, asked) => {
        const store = new MemoryStore();
        await store.commit(before.map((name) => ({ table: "t", key: name, value })));
        const listed = await createTransactor(store).transact(async (tx) => {
          for (const { key: name, isDelete } of writes)
            isDelete ? tx.delete("t", name) : tx.put("t", name, value);
          return tx.list("t", asked);
        });
        expect(listed).toEqual(await store.list("t", asked));
      }),
      { numRuns: 200 },
    );
  });
});

describe("D6: a second owner of the same store", () => {
  it("stops the first, so that no ratchet key encrypts twice", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    await deliver(alice, bob);
    const otherTab = { ...alice, transactor: createTransactor(alice.store.otherTab()) };
    const fromOther = await send(otherTab, bob);
    await expectCode(send(alice, bob), "store_taken");
    await receive(bob, alice, fromOther);
  });

  it("is kept out by a lock where the platform has one", async () => {
    const first = await claimStore("alice", navigator.locks);
    await expectCode(claimStore("alice", navigator.locks), "store_taken");
    const other = await claimStore("bob", navigator.locks);
    other.release();
    first.release();
    await expect.poll(() => claimStore("alice", navigator.locks).then(() => "taken")).toBe("taken");
  });

  it("shares one queue when it asks for the same store object", () => {
    const store = new MemoryStore();
    expect(createTransactor(store)).toBe(createTransactor(store));
  });

  it("cannot arise inside a transaction: encryptions begun at once use different keys", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    await deliver(alice, bob);
    const envelopes = await alice.transactor.transact((tx) =>
      Promise.all([1, 2, 3].map(() => encryptEnvelope(tx, bob.address, payload(), START))),
    );
    for (const { envelope } of envelopes) await receive(bob, alice, envelope);
  });
});

describe("ratchet state and the caller's rows", () => {
  it("commit together, so that a message whose commit failed can be received again", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    const envelope = await send(alice, bob);
    const before = bob.store.dump();
    bob.store.beforeCommit = () => {
      throw new Error("disk full");
    };
    await expect(receive(bob, alice, envelope)).rejects.toThrow("disk full");
    expect(bob.store.dump()).toBe(before);
    bob.store.beforeCommit = () => {};
    await receive(bob, alice, envelope);
  });
});
