import { describe, expect, it } from "vitest";
import { openTestDevice } from "../testing/test-device.ts";
import { openPair, textsOf } from "../testing/test-pair.ts";

describe("a changed account key", () => {
  it("is told, stops sending, holds what comes, and opens it when the user accepts", async () => {
    const { server, alice, bob, say, chat } = await openPair();
    await say("before");
    await bob.pump();
    const back = await bob.conversations.direct("alice");
    const before = await back.safetyNumber();
    // Alice has lost everything and starts anew, under the same account.
    const account = server.accounts.get(alice.accountId);
    account?.devices.clear();
    account?.lists.splice(0);
    const reset = await openTestDevice(server, { accountId: alice.accountId });
    const fresh = await reset.conversations.direct("bob");
    await (await fresh.send({ text: "it is me" })).accepted;
    expect(await textsOf(bob)).toEqual(["before"]);
    expect(bob.seen["identity-changed"]).toMatchObject([{ accountId: alice.accountId, username: "alice" }]);
    await expect(back.send({ text: "who?" })).rejects.toMatchObject({ code: "identity_changed" });
    expect(await back.safetyNumber()).toBe(before);
    await back.acceptIdentity();
    expect(await textsOf(bob)).toEqual(["before", "it is me"]);
    expect(await back.safetyNumber()).not.toBe(before);
    await (await back.send({ text: "hello again" })).accepted;
    expect(await textsOf(reset)).toEqual(["hello again"]);
    expect(chat.conversationId).toBe(fresh.conversationId);
  });
});

describe("device lists of others", () => {
  it("may not go back, fork or lose their signature; the known list stays in force", async () => {
    const { server, alice, bob, say } = await openPair();
    const account = server.accounts.get(bob.accountId);
    await say("one");
    await openTestDevice(server, { linkedBy: bob });
    await alice.people.refresh(bob.accountId);
    const known = await alice.people.get(bob.accountId);
    const [first, second] = account?.lists ?? [];
    if (account === undefined || first === undefined || second === undefined)
      throw new Error("two lists expected");
    const shown = [[first], [], [first, { ...second, signature: first.signature }]];
    for (const lists of shown) {
      account.lists = lists;
      await expect(alice.people.refresh(bob.accountId)).rejects.toMatchObject({
        code: "device_list_invalid",
      });
      expect(await alice.people.get(bob.accountId)).toEqual(known);
    }
    account.lists = [first, second];
    expect(await alice.people.refresh(bob.accountId)).toEqual(known);
  });
});
