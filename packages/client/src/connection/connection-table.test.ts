import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
  connectionEvents,
  connectionStates,
  connectionTable,
} from "./connection-table.ts";

type World = { state: ConnectionState; sockets: number; timers: number; renewals: number };

const begin = (): World => ({ state: "signed-out", sockets: 0, timers: 0, renewals: 0 });

const run: { [Effect in ConnectionEffect]: (world: World) => void } = {
  "open-socket": (world) => {
    world.sockets += 1;
  },
  "drop-socket": (world) => {
    world.sockets -= 1;
  },
  "start-timer": (world) => {
    world.timers += 1;
  },
  "start-comeback": (world) => {
    world.timers += 1;
  },
  "stop-timer": (world) => {
    world.timers -= 1;
  },
  renew: (world) => {
    world.renewals += 1;
  },
  "reset-backoff": () => {},
};

/** What the world has used up when the event reaches the table. */
function spend(world: World, event: ConnectionEvent): void {
  if (event === "retry-due") world.timers = 0;
  if (event === "renewed" || event === "renew-failed") world.renewals = 0;
}

function happen(world: World, event: ConnectionEvent): void {
  spend(world, event);
  const step = connectionTable[world.state][event];
  if (step === null) return;
  world.state = step.to;
  for (const effect of step.effects) run[effect](world);
  // The driver forgets a renewal whose state it has left.
  if (world.state !== "renewing") world.renewals = 0;
}

/** Only what the world can make happen: a timer fires when one runs, a socket speaks when one is there. */
function isPossible(world: World, event: ConnectionEvent): boolean {
  if (event === "retry-due") return world.timers > 0;
  if (event === "renewed" || event === "renew-failed") return world.renewals > 0;
  const isOfSocket = !["signed-in", "signed-out", "close"].includes(event);
  return !isOfSocket || world.sockets > 0;
}

const life = fc.array(fc.constantFrom(...connectionEvents), { maxLength: 60 });

function live(
  events: readonly ConnectionEvent[],
  check: (world: World, event: ConnectionEvent) => void,
): World {
  const world = begin();
  for (const event of events) {
    if (!isPossible(world, event)) continue;
    happen(world, event);
    check(world, event);
  }
  return world;
}

describe("the connection table", () => {
  it("never has two sockets, timers or renewals, nor a negative number of them", () => {
    fc.assert(
      fc.property(life, (events) => {
        live(events, ({ sockets, timers, renewals }) => {
          for (const count of [sockets, timers, renewals]) expect([0, 1]).toContain(count);
        });
      }),
      { numRuns: 1000 },
    );
  });

  it("always has exactly one thing under way, or waits for the user", () => {
    fc.assert(
      fc.property(life, (events) => {
        live(events, ({ state, sockets, timers, renewals }) => {
          const isAtRest = ["signed-out", "superseded", "closed"].includes(state);
          expect(sockets + timers + renewals).toBe(isAtRest ? 0 : 1);
        });
      }),
      { numRuns: 1000 },
    );
  });

  it("reaches live from every state that is not closed, once the world is well again", () => {
    fc.assert(
      fc.property(life, (events) => {
        const world = live(events, () => {});
        if (world.state === "closed") return;
        for (const event of ["signed-in", "socket-open", "drained"] as const) happen(world, event);
        expect(world.state).toBe("live");
      }),
    );
  });

  it("gets back to live by itself after the network failed, without the user", () => {
    for (const state of ["connecting", "syncing", "live"] as const) {
      const world: World = { state, sockets: 1, timers: 0, renewals: 0 };
      for (const event of ["socket-lost", "retry-due", "socket-open", "drained"] as const)
        happen(world, event);
      expect(world.state).toBe("live");
    }
  });

  it("comes back by itself once it was displaced", () => {
    const world: World = { state: "live", sockets: 1, timers: 0, renewals: 0 };
    for (const event of ["displaced", "retry-due", "socket-open", "drained"] as const) happen(world, event);
    expect(world.state).toBe("live");
  });

  it("does not fight for the connection: superseded opens no socket until the user signs in", () => {
    for (const event of connectionEvents.filter((name) => name !== "signed-in")) {
      expect(connectionTable.superseded[event]?.effects ?? []).toEqual([]);
    }
  });

  it("does nothing after closed", () => {
    for (const event of connectionEvents) expect(connectionTable.closed[event]).toBeNull();
  });

  it("can be closed and signed out of in every other state", () => {
    for (const state of connectionStates.filter((name) => name !== "closed")) {
      expect(connectionTable[state].close?.to).toBe("closed");
      if (state !== "signed-out") expect(connectionTable[state]["signed-out"]?.to).toBe("signed-out");
    }
  });
});
