import fc from "fast-check";
import { expect, test } from "vitest";
import { createReadHorizon } from "./read-horizon.ts";

const BATCH = 3;

/** An outbox whose writers draw ids, and commit or give up, in any order. */
function createModel() {
  const horizon = createReadHorizon();
  const writers = new Map<string, bigint[]>();
  const visible = new Set<bigint>();
  const committed: bigint[] = [];
  const moved: bigint[] = [];
  let nextId = 1n;
  let nextWriter = 1;
  const pickWriter = (pick: number): string | undefined => [...writers.keys()][pick % writers.size];
  const read = (): number => {
    const found = [...visible]
      .filter((id) => id > horizon.from())
      .sort((a, b) => Number(a - b))
      .slice(0, BATCH);
    horizon.read(found[0]);
    for (const id of found) visible.delete(id);
    moved.push(...found);
    const last = found.at(-1);
    if (last !== undefined) horizon.deleted(last, found.length);
    return found.length;
  };
  return {
    committed,
    moved,
    read,
    horizon,
    writers,
    open: () => void writers.set(`writer/${nextWriter++}`, []),
    draw: (pick: number) => {
      writers.get(pickWriter(pick) ?? "")?.push(nextId++);
    },
    end: (pick: number, commits: boolean) => {
      const writer = pickWriter(pick) ?? "";
      const ids = commits ? (writers.get(writer) ?? []) : [];
      for (const id of ids) visible.add(id);
      committed.push(...ids);
      writers.delete(writer);
    },
    ask: () => horizon.wrote(new Set(writers.keys())),
  };
}

const step = fc.record({
  kind: fc.constantFrom("open", "draw", "draw", "commit", "roll back", "read", "read", "ask"),
  pick: fc.nat(9),
});

test("no row that is committed is ever passed over, in whatever order its writers end", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
      const model = createModel();
      for (const { kind, pick } of steps) {
        if (kind === "open") model.open();
        else if (kind === "draw") model.draw(pick);
        else if (kind === "read") model.read();
        else if (kind === "ask") model.ask();
        else model.end(pick, kind === "commit");
      }
      while (model.writers.size > 0) model.end(0, true);
      while (model.read() > 0);
      expect(model.moved.toSorted()).toEqual(model.committed.toSorted());
    }),
    { numRuns: 300 },
  );
});

test("moves on when every writer of that time has ended and a later read found nothing below", () => {
  const horizon = createReadHorizon();
  horizon.deleted(1000n, 1000);
  expect(horizon.wantsWriters()).toBe(true);
  horizon.wrote(new Set(["a", "b"]));
  expect(horizon.wantsWriters()).toBe(false);
  horizon.deleted(2000n, 1000);
  horizon.wrote(new Set(["b", "c"]));
  horizon.read(2500n);
  expect(horizon.from()).toBe(0n);
  horizon.wrote(new Set(["c"]));
  horizon.read(999n);
  expect(horizon.from()).toBe(0n);
  horizon.read(2500n);
  expect(horizon.from()).toBe(1000n);
});

test("begins at the start again after a minute of empty reads, in case the ids were wound back", () => {
  const horizon = createReadHorizon();
  horizon.deleted(1000n, 1000);
  horizon.wrote(new Set());
  horizon.read(undefined);
  expect(horizon.from()).toBe(1000n);
  for (let read = 2; read < 120; read++) horizon.read(undefined);
  expect(horizon.from()).toBe(1000n);
  horizon.read(undefined);
  expect(horizon.from()).toBe(0n);
});
