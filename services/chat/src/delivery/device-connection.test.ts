import { limits } from "@sotto/contracts/limits";
import type { InboxEnvelope } from "@sotto/contracts/message-api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ConnectedDevice, DeviceConnection } from "./device-connection.ts";

const device: ConnectedDevice = {
  deviceId: "device",
  accountId: "account",
  connectionId: "connection",
  sessionId: "session",
  expiresAt: new Date(0),
};

function envelope(envelopeId: number, content = ""): InboxEnvelope {
  return {
    envelopeId,
    messageId: `m${envelopeId}`,
    conversationId: "conversation",
    senderAccountId: "sender",
    senderDeviceId: "sender-device",
    acceptedAt: "2026-01-01T00:00:00.000Z",
    content,
    envelope: "",
  };
}

/** A connection and what its device was told, in order. */
function connect(connectedAt = 1) {
  const told: (number | string)[] = [];
  const connection = new DeviceConnection(device, connectedAt, {
    envelopes: (envelopes) => told.push(...envelopes.map(({ envelopeId }) => envelopeId)),
    drained: () => told.push("drained"),
    gap: (gap) => told.push(`gap ${gap}`),
    keysLow: () => told.push("keys"),
    peopleChanged: () => told.push("people"),
    notificationsChanged: (unread) => told.push(`unread ${unread}`),
    typing: () => told.push("typing"),
    close: (reason) => told.push(`close ${reason}`),
    drop: () => told.push("drop"),
    unsentBytes: 0,
  });
  return { connection, told };
}

const nothing = { found: [], gone: [], more: false };

/** A connection whose mailbox was read at `tick` and found empty. */
function level(tick = 10) {
  const connected = connect();
  connected.connection.beginRead(tick);
  connected.connection.endRead(nothing);
  connected.told.length = 0;
  return connected;
}

describe("a message from memory", () => {
  test("is delivered when nothing older of its sender can be unread", () => {
    const { connection, told } = level();
    expect(connection.offer(envelope(5), 9)).toBe(true);
    connection.flush();
    expect(told).toEqual([5]);
  });

  test.each<[string, (connection: DeviceConnection) => void, number | undefined]>([
    ["the sender is not connected here", () => {}, undefined],
    ["the sender connected after the last read began", () => {}, 11],
    ["a read is wanted", (connection) => connection.requestRead(), 9],
    ["a read is under way", (connection) => connection.beginRead(12), 9],
    ["a gap is open", (connection) => connection.openGap("g"), 9],
    [
      "a read may have found it before its commit was answered",
      (connection) => {
        connection.beginRead(12);
        connection.endRead({ found: [envelope(1000)], gone: [], more: false });
        connection.acknowledged([1000]);
      },
      9,
    ],
    [
      "the window is full",
      (connection) => {
        for (let id = 1; id <= limits.deliveryWindow; id += 1) connection.offer(envelope(id), 9);
      },
      9,
    ],
    [
      "the window is full of bytes",
      (connection) => {
        const large = "A".repeat((limits.deliveryWindowBytes * 4) / 3 / 8);
        for (let id = 1; id <= 8; id += 1) connection.offer(envelope(id, large), 9);
      },
      9,
    ],
  ])("is left to a read when %s", (_why, prepare, senderConnectedAt) => {
    const { connection, told } = level();
    prepare(connection);
    told.length = 0;
    expect(connection.offer(envelope(1000), senderConnectedAt)).toBe(false);
    connection.flush();
    expect(told).not.toContain(1000);
  });

  test("is left to a read before the first read of the connection", () => {
    const { connection } = connect();
    expect(connection.offer(envelope(1), 0)).toBe(false);
  });
});

describe("a gap", () => {
  test("is told once, and holds back even what a read was finding just then", () => {
    const { connection, told } = connect();
    connection.beginRead(2);
    connection.openGap("g1");
    connection.openGap("g1");
    connection.endRead({ found: [envelope(1)], gone: [], more: false });
    expect(told).toEqual(["gap g1"]);
    expect(connection.wantsRead).toBe(false);
    connection.closeGap("g1");
    expect(connection.wantsRead).toBe(true);
    connection.beginRead(3);
    connection.endRead({ found: [envelope(1)], gone: [], more: false });
    expect(told).toEqual(["gap g1", 1]);
  });

  test("that is newer is not closed by acknowledging the older", () => {
    const { connection } = level();
    connection.openGap("g1");
    connection.openGap("g2");
    connection.closeGap("g1");
    expect(connection.offer(envelope(1), 9)).toBe(false);
  });
});

describe("the end of the backlog", () => {
  test("is told at once when nothing waited, and only once", () => {
    const { connection, told } = connect();
    connection.beginRead(2);
    connection.endRead(nothing);
    connection.beginRead(3);
    connection.endRead({ ...nothing, found: [envelope(1)] });
    connection.acknowledged([1]);
    expect(told).toEqual(["drained", 1]);
  });

  test("is told after the last envelope that waited is acknowledged, whatever came live meanwhile", () => {
    const { connection, told } = connect();
    connection.beginRead(2);
    connection.endRead({ found: [envelope(1)], gone: [], more: true });
    connection.acknowledged([1]);
    expect(told).toEqual([1]);
    connection.beginRead(3);
    connection.endRead({ found: [envelope(2)], gone: [], more: false });
    expect(connection.offer(envelope(3), 1)).toBe(true);
    connection.flush();
    connection.acknowledged([2]);
    expect(told).toEqual([1, 2, 3, "drained"]);
  });

  test("is told when what waited was acknowledged elsewhere", () => {
    const { connection, told } = connect();
    connection.beginRead(2);
    connection.endRead({ ...nothing, found: [envelope(1)] });
    connection.beginRead(3);
    connection.endRead({ ...nothing, gone: [1] });
    expect(told).toEqual([1, "drained"]);
  });
});

test("a closed connection is told nothing more", () => {
  const { connection, told } = level();
  expect(connection.offer(envelope(1), 9)).toBe(true);
  connection.close();
  connection.flush();
  connection.beginRead(20);
  connection.endRead({ ...nothing, found: [envelope(2)] });
  connection.openGap("g");
  expect(told).toEqual([]);
});

type Step =
  | { do: "send"; local: boolean }
  | { do: "begin read" }
  | { do: "end read" }
  | { do: "fail read" }
  | { do: "acknowledge"; which: number }
  | { do: "open gap" }
  | { do: "close gap" };

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("send" as const), local: fc.boolean() }) },
    { weight: 4, arbitrary: fc.constant({ do: "begin read" as const }) },
    { weight: 4, arbitrary: fc.constant({ do: "end read" as const }) },
    { weight: 1, arbitrary: fc.constant({ do: "fail read" as const }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("acknowledge" as const), which: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.constant({ do: "open gap" as const }) },
    { weight: 2, arbitrary: fc.constant({ do: "close gap" as const }) },
  ),
  { maxLength: 80 },
) as fc.Arbitrary<Step[]>;

/** A mailbox in memory and one connection to it, driven step by step as the server drives it. */
class Model {
  readonly #connected = connect(5);
  readonly connection = this.#connected.connection;
  readonly told = this.#connected.told;
  readonly acknowledged: number[] = [];
  readonly #stored: number[] = [];
  #sent = 0;
  #tick = 5;
  #reading: number[] | undefined;
  #gap = 0;
  #gapIsOpen = false;
  readonly #window: number;

  constructor(window: number) {
    this.#window = window;
  }

  get sent(): number {
    return this.#sent;
  }

  take(step: Step): void {
    switch (step.do) {
      case "send":
        this.#send(step.local);
        break;
      case "begin read":
        this.#beginRead();
        break;
      case "end read":
        this.#endRead();
        break;
      case "fail read":
        if (this.#reading) this.connection.failRead();
        this.#reading = undefined;
        break;
      case "acknowledge":
        this.#acknowledge(step.which);
        break;
      case "open gap":
        this.#gap += 1;
        this.#gapIsOpen = true;
        this.connection.openGap(String(this.#gap));
        break;
      case "close gap":
        this.#gapIsOpen = false;
        this.connection.closeGap(String(this.#gap));
        break;
    }
  }

  /** Reads and acknowledges until nothing waits any more. */
  finish(): void {
    this.#endRead();
    this.take({ do: "close gap" });
    for (let turn = 0; turn < 1000 && (this.#stored.length > 0 || this.connection.wantsRead); turn += 1) {
      this.#beginRead();
      this.#endRead();
      this.#acknowledge(0);
    }
  }

  delivered(): number[] {
    return this.told.filter((each): each is number => typeof each === "number");
  }

  get gapIsOpen(): boolean {
    return this.#gapIsOpen;
  }

  #send(local: boolean): void {
    this.#sent += 1;
    this.#stored.push(this.#sent);
    // A sender elsewhere is a sender that this node does not know: position undefined.
    this.connection.offer(envelope(this.#sent), local ? 1 : undefined);
    this.connection.flush();
  }

  #beginRead(): void {
    if (this.#reading || !this.connection.wantsRead) return;
    this.#tick += 1;
    this.connection.beginRead(this.#tick);
    this.#reading = [...this.#stored];
  }

  #endRead(): void {
    const read = this.#reading;
    if (!read) return;
    this.#reading = undefined;
    // What the second statement of a read still finds of what the first one listed.
    const fresh = read.filter((id) => !this.connection.inFlight.has(id));
    const take = fresh.slice(0, Math.min(this.#window, this.connection.room));
    this.connection.endRead({
      found: take.filter((id) => this.#stored.includes(id)).map((id) => envelope(id)),
      gone: [...this.connection.inFlight.keys()].filter((id) => !read.includes(id)),
      more: take.length < fresh.length,
    });
  }

  #acknowledge(which: number): void {
    const inFlight = this.delivered().filter((id) => this.#stored.includes(id));
    const id = inFlight[which % Math.max(1, inFlight.length)];
    if (id === undefined) return;
    this.#stored.splice(this.#stored.indexOf(id), 1);
    this.acknowledged.push(id);
    this.connection.acknowledged([id]);
  }
}

test("in any course of events: each envelope once, in order, never more than the window, drained once, none in a gap", () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 5 }), (course, window) => {
      const model = new Model(window);
      for (const step of course) {
        const before = model.delivered().length;
        const wasOpen = model.gapIsOpen;
        model.take(step);
        if (wasOpen && step.do !== "close gap") expect(model.delivered()).toHaveLength(before);
        expect(model.connection.inFlight.size).toBeLessThanOrEqual(limits.deliveryWindow);
      }
      model.finish();
      const delivered = model.delivered();
      expect(delivered).toEqual(Array.from({ length: model.sent }, (_, index) => index + 1));
      expect(model.acknowledged.toSorted((a, b) => a - b)).toEqual(delivered);
      expect(model.told.filter((each) => each === "drained")).toHaveLength(1);
    }),
    { numRuns: 3000 },
  );
});
