import { describe, expect, it } from "vitest";
import { createPerson, deliver, payload, receive, send } from "./person.ts";

describe("a session", () => {
  it("carries messages both ways and hands over exactly the payload", async () => {
    const [alice, bob] = [await createPerson(), await createPerson()];
    const message = payload();
    expect(await receive(bob, alice, await send(alice, bob, message))).toEqual(message);
    for (let round = 0; round < 3; round++) {
      await deliver(bob, alice);
      await deliver(alice, bob);
    }
  });

  it("repeats the KEM ciphertext until the first reply, and no longer", async () => {
    const [alice, bob] = [await createPerson(), await createPerson()];
    const first = await send(alice, bob);
    const second = await send(alice, bob);
    expect(first[1]).toBe(1);
    expect(second[1]).toBe(1);
    await receive(bob, alice, second);
    await receive(bob, alice, first);
    await receive(alice, bob, await send(bob, alice));
    const third = await send(alice, bob);
    expect(third[1]).toBe(2);
    expect(third.length).toBeLessThan(300);
    await receive(bob, alice, third);
  });

  it("settles when both sides start at once", async () => {
    const [alice, bob] = [await createPerson(), await createPerson()];
    const [toBob, toAlice] = [await send(alice, bob), await send(bob, alice)];
    await receive(bob, alice, toBob);
    await receive(alice, bob, toAlice);
    for (let round = 0; round < 4; round++) {
      const [a, b] = [await send(alice, bob), await send(bob, alice)];
      await receive(alice, bob, b);
      await receive(bob, alice, a);
    }
    await deliver(alice, bob);
    await deliver(bob, alice);
  });

  it("works with no one-time keys at all", async () => {
    const [alice, bob] = [await createPerson(0), await createPerson(0)];
    await deliver(alice, bob);
    await deliver(bob, alice);
    expect(bob.published.lastResortUses).toBe(1);
  });
});
