import { AppError, toAppError } from "@sotto/platform/app-error";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CommitQueueOptions,
  createCommitQueue,
  type PendingSend,
  type SendOutcome,
} from "./commit-queue.ts";

const ACCEPTED_AT = "2026-01-01T00:00:00.000Z";

function send(deviceId: string, messageId: string, content = "AAAA"): PendingSend {
  return {
    senderAccountId: "account",
    senderDeviceId: deviceId,
    request: { messageId, conversationId: "conversation", content, recipients: [] },
  };
}

const idsOf = (batch: readonly PendingSend[]) => batch.map(({ request }) => request.messageId);
const accept = ({ request }: PendingSend): SendOutcome => ({
  accepted: { messageId: request.messageId, acceptedAt: ACCEPTED_AT },
});

/** A store whose batches wait until the test lets them through. */
function steppedStore() {
  const begun: { ids: string[]; finish(outcomes?: SendOutcome[]): void; fail(error: unknown): void }[] = [];
  return {
    begun,
    store: (batch: readonly PendingSend[]) =>
      new Promise<SendOutcome[]>((resolve, reject) => {
        begun.push({
          ids: idsOf(batch),
          finish: (outcomes = batch.map(accept)) => resolve(outcomes),
          fail: reject,
        });
      }),
  };
}

function queue(options: Partial<CommitQueueOptions> & Pick<CommitQueueOptions, "store">) {
  return createCommitQueue({
    lanes: 1,
    maxBatch: 100,
    maxBatchBytes: 1_000_000,
    maxWaiting: 1000,
    maxWaitingBytes: 1_000_000,
    ...options,
  });
}

/** Lets everything run that is ready to. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

const dataError = (code: string) => Object.assign(new Error("bad data"), { code });

describe("group commit", () => {
  test("what arrives together is one batch, and what arrives meanwhile is the next", async () => {
    const { begun, store } = steppedStore();
    const { add } = queue({ store });
    const answers = ["m1", "m2"].map((id) => add(send("d0", id)));
    await settle();
    answers.push(...["m3", "m4", "m5"].map((id) => add(send("d0", id))));
    await settle();
    expect(begun.map(({ ids }) => ids)).toEqual([["m1", "m2"]]);
    begun[0]?.finish();
    await settle();
    expect(begun[1]?.ids).toEqual(["m3", "m4", "m5"]);
    begun[1]?.finish();
    expect((await Promise.all(answers)).map(({ messageId }) => messageId)).toEqual([
      "m1",
      "m2",
      "m3",
      "m4",
      "m5",
    ]);
  });

  test("a batch is bounded in messages and in size, but never empty", async () => {
    const { begun, store } = steppedStore();
    const { add } = queue({ store, maxBatch: 2, maxBatchBytes: 10 });
    void add(send("d0", "m1", "A".repeat(40)));
    for (const id of ["m2", "m3", "m4"]) void add(send("d0", id, "AAAA"));
    for (let batch = 0; batch < 3; batch += 1) {
      await settle();
      begun[batch]?.finish();
    }
    expect(begun.map(({ ids }) => ids)).toEqual([["m1"], ["m2", "m3"], ["m4"]]);
  });

  test("devices of different lanes do not wait for each other, a device keeps its lane", async () => {
    const { begun, store } = steppedStore();
    const { add } = queue({ store, lanes: 2 });
    void add(send("0000", "m1"));
    void add(send("0001", "n1"));
    await settle();
    void add(send("0000", "m2"));
    await settle();
    expect(begun.map(({ ids }) => ids)).toEqual([["m1"], ["n1"]]);
    begun[1]?.finish();
    await settle();
    expect(begun).toHaveLength(2);
    begun[0]?.finish();
    await settle();
    expect(begun[2]?.ids).toEqual(["m2"]);
  });

  test("a message that must be tried again goes before later ones of its device", async () => {
    const { begun, store } = steppedStore();
    const { add } = queue({ store });
    void add(send("d0", "m1"));
    void add(send("d0", "m2"));
    await settle();
    void add(send("d0", "m3"));
    begun[0]?.finish([accept(send("d0", "m1")), "retry"]);
    await settle();
    expect(begun[1]?.ids).toEqual(["m2", "m3"]);
  });
});

describe("a batch that the database refuses", () => {
  test("for what is in it is halved until only the culprit fails", async () => {
    const stored: string[] = [];
    const { add } = queue({
      store: async (batch) => {
        if (idsOf(batch).includes("poison")) throw dataError("22P05");
        stored.push(...idsOf(batch));
        return batch.map(accept);
      },
    });
    const ids = ["m1", "m2", "poison", "m3", "m4", "m5", "m6"];
    const answers = await Promise.allSettled(ids.map((id) => add(send("d0", id))));
    expect(answers.map(({ status }) => status)).toEqual(
      ids.map((id) => (id === "poison" ? "rejected" : "fulfilled")),
    );
    expect(stored).toEqual(ids.filter((id) => id !== "poison"));
  });

  test("and one that must be tried again keep the order of a device", async () => {
    const stored: string[] = [];
    let triedAgain = false;
    const { add } = queue({
      store: async (batch) => {
        if (idsOf(batch).includes("poison")) throw dataError("23514");
        if (idsOf(batch).includes("m1") && !triedAgain) {
          triedAgain = true;
          return batch.map(() => "retry");
        }
        stored.push(...idsOf(batch));
        return batch.map(accept);
      },
    });
    const answers = await Promise.allSettled(["m1", "m2", "m3", "poison"].map((id) => add(send("d0", id))));
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected"]);
    expect(stored).toEqual(["m1", "m2", "m3"]);
  });

  test.each(["08006", "57P01", "53300", undefined])(
    "because it is away (%s) fails as a whole, without halving",
    async (code) => {
      let calls = 0;
      const { add } = queue({
        store: async () => {
          calls += 1;
          throw Object.assign(new Error("away"), code === undefined ? {} : { code });
        },
      });
      const answers = await Promise.allSettled(["m1", "m2", "m3"].map((id) => add(send("d0", id))));
      expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
      expect(calls).toBe(1);
    },
  );

  test("because it is away answers all that wait at once, and takes what comes later", async () => {
    const { begun, store } = steppedStore();
    const { add, drain } = queue({ store, maxBatch: 2 });
    const answers = Array.from({ length: 7 }, (_, index) => add(send("d0", `m${index}`)).catch(() => "away"));
    await settle();
    begun[0]?.fail(dataError("22P05"));
    await settle();
    // The first half of the batch: the second half is refused with it.
    begun[1]?.fail(dataError("08006"));
    expect(await Promise.all(answers)).toEqual(Array(7).fill("away"));
    expect(begun.map(({ ids }) => ids)).toEqual([["m0", "m1"], ["m0"]]);
    await drain();
    const later = add(send("d0", "later"));
    await settle();
    begun[2]?.finish();
    expect(await later).toMatchObject({ messageId: "later" });
  });

  test.each(["40P01", "40001"])("because it lost a race (%s) is tried once more", async (code) => {
    let calls = 0;
    const { add } = queue({
      store: async (batch) => {
        calls += 1;
        if (calls === 1) throw dataError(code);
        return batch.map(accept);
      },
    });
    expect(await Promise.all(["m1", "m2"].map((id) => add(send("d0", id))))).toHaveLength(2);
    expect(calls).toBe(2);
  });

  test.each(["40P01", "40001", "57014"])("again and again (%s) fails alone, as unavailable", async (code) => {
    const { add } = queue({
      maxBatch: 1,
      store: async (batch) => {
        if (idsOf(batch).includes("m1")) throw dataError(code);
        return batch.map(accept);
      },
    });
    const [first, second] = await Promise.allSettled(["m1", "m2"].map((id) => add(send("d0", id))));
    expect(first).toMatchObject({ status: "rejected", reason: { code } });
    expect(toAppError((first as PromiseRejectedResult).reason).code).toBe("unavailable");
    expect(second).toMatchObject({ status: "fulfilled" });
  });

  test("does not stop the queue: what comes later is stored", async () => {
    let down = true;
    const { add } = queue({
      store: async (batch) => {
        if (down) throw new Error("away");
        return batch.map(accept);
      },
    });
    await expect(add(send("d0", "m1"))).rejects.toThrow("away");
    down = false;
    expect(await add(send("d0", "m1"))).toEqual({ messageId: "m1", acceptedAt: ACCEPTED_AT });
  });
});

describe("a queue that is full", () => {
  test.each([
    ["in messages", { maxWaiting: 2 }],
    ["in size", { maxWaitingBytes: 8 }],
  ])("%s answers overloaded at once, and takes more when there is room", async (_what, bound) => {
    const { begun, store } = steppedStore();
    const { add } = queue({ store, ...bound });
    const first = [add(send("d0", "m1")), add(send("d0", "m2"))];
    const refused = await add(send("d0", "m3")).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(AppError);
    expect(refused).toMatchObject({ code: "overloaded", retryAfterSeconds: 1 });
    await settle();
    begun[0]?.finish();
    await Promise.all(first);
    const again = add(send("d0", "m3"));
    await settle();
    begun[1]?.finish();
    expect(await again).toMatchObject({ messageId: "m3" });
  });

  test("is not filled for ever by messages that were refused or failed", async () => {
    let round = 0;
    const { add } = queue({
      maxWaiting: 1,
      store: async (batch) => {
        round += 1;
        if (round === 1) throw new Error("away");
        if (round === 2) return [{ refused: new AppError("not_found", "none") }];
        return batch.map(accept);
      },
    });
    await expect(add(send("d0", "m1"))).rejects.toThrow("away");
    await expect(add(send("d0", "m2"))).rejects.toThrow("none");
    expect(await add(send("d0", "m3"))).toMatchObject({ messageId: "m3" });
  });
});

test("draining waits until everything that was added has its answer", async () => {
  const { begun, store } = steppedStore();
  const commits = queue({ store, lanes: 2 });
  await commits.drain();
  void commits.add(send("0000", "m1"));
  void commits.add(send("0001", "n1"));
  let drained = false;
  const draining = commits.drain().then(() => {
    drained = true;
  });
  await settle();
  begun[0]?.finish();
  await settle();
  expect({ drained, depth: commits.depth }).toEqual({ drained: false, depth: 1 });
  begun[1]?.finish();
  await draining;
  expect(commits.depth).toBe(0);
});

test("whatever the store does, every message is answered once and each device's are stored in order", async () => {
  const fate = fc.constantFrom("fine", "fine", "fine", "poison", "retry once");
  const script = fc.array(
    fc.record({ device: fc.constantFrom("0000", "0001", "0002", "0003"), fate, pause: fc.boolean() }),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(
      script,
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 7 }),
      async (steps, lanes, maxBatch) => {
        const stored: PendingSend[] = [];
        const retried = new Set<string>();
        const { add, drain } = queue({
          lanes,
          maxBatch,
          store: async (batch) => {
            await new Promise((resolve) => setImmediate(resolve));
            if (idsOf(batch).some((id) => id.startsWith("poison"))) throw dataError("22001");
            // As in the database: one that must wait holds back whatever stands behind it in the batch.
            let held = false;
            return batch.map((each) => {
              const { messageId } = each.request;
              if (messageId.startsWith("retry once") && !retried.has(messageId)) {
                retried.add(messageId);
                held = true;
              }
              if (held) return "retry";
              stored.push(each);
              return accept(each);
            });
          },
        });
        const answers: Promise<unknown>[] = [];
        for (const [index, { device, fate: what, pause }] of steps.entries()) {
          answers.push(add(send(device, `${what} ${index}`)).catch(() => "failed"));
          if (pause) await new Promise((resolve) => setImmediate(resolve));
        }
        await drain();
        const outcomes = await Promise.all(answers);
        expect(outcomes.filter((outcome) => outcome === "failed")).toHaveLength(
          steps.filter((step) => step.fate === "poison").length,
        );
        const position = ({ request }: PendingSend) => Number(request.messageId.split(" ").at(-1));
        for (const device of ["0000", "0001", "0002", "0003"]) {
          const positions = stored.filter((each) => each.senderDeviceId === device).map(position);
          expect(positions).toEqual(positions.toSorted((a, b) => a - b));
        }
      },
    ),
    { numRuns: 200 },
  );
});
