import { createServer, type Server as HttpServer } from "node:http";
import { SOCKET_PATH } from "@sotto/contracts/socket-events";
import { Server, type Socket as ServerSocket } from "socket.io";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClientEvents } from "../client-events.ts";
import { type Clock, systemClock } from "../clock.ts";
import { createEventEmitter } from "../event-emitter.ts";
import type { StoredSession } from "../rows/account-rows.ts";
import type { SottoError } from "../sotto-error.ts";
import { Connection, type ConnectionHandlers } from "./connection.ts";

let http: HttpServer;
let io: Server;
let url = "";
let sockets: ServerSocket[] = [];
let open: Connection[] = [];

beforeEach(async () => {
  http = createServer();
  io = new Server(http, { path: SOCKET_PATH });
  sockets = [];
  io.on("connection", (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  url = typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : "";
});

afterEach(async () => {
  for (const connection of open) connection.happen("close");
  open = [];
  await io.close();
});

/** Timers fire ten times too early, so that backoff costs the test little. */
const quickClock = {
  ...systemClock,
  after: (delayMs: number, run: () => void) => systemClock.after(delayMs / 10, run),
};

/** A clock that only `pass` moves. `delays`: how far off the timers are that are set, in ms. */
function steppedClock() {
  let now = 0;
  const timers = new Map<object, { readonly at: number; readonly run: () => void }>();
  const clock: Clock = {
    now: () => now,
    after(delayMs, run) {
      const id = {};
      timers.set(id, { at: now + delayMs, run });
      return () => void timers.delete(id);
    },
    random: () => 0.5,
  };
  const pass = (ms: number) => {
    now += ms;
    for (const [id, { at, run }] of timers) {
      if (at <= now && timers.delete(id)) run();
    }
  };
  return { clock, pass, delays: () => [...timers.values()].map(({ at }) => at - now) };
}

type World = {
  readonly token?: () => string;
  readonly clock?: Clock;
  readonly current?: () => StoredSession;
};

function connect(handlers: Partial<ConnectionHandlers> = {}, world: World = {}) {
  const { token = () => "token", clock = quickClock, current = () => undefined } = world;
  const events = createEventEmitter<ClientEvents>();
  const statuses: string[] = [];
  const troubles: unknown[] = [];
  events.on("status", ({ status }) => statuses.push(status));
  events.on("trouble", ({ error }) => troubles.push(error));
  const session = {
    get current() {
      return current();
    },
    token: async () => token(),
    renewInMs: () => 3_600_000,
  };
  const deviceId = async () => "0198c0de-0000-7000-8000-000000000001";
  const connection = new Connection(
    { clock, events, session, url, deviceId },
    {
      opened: () => {},
      unreachable: () => {},
      expelled: () => {},
      renew: async () => {},
      "inbox:envelopes": () => {},
      "inbox:drained": () => {},
      "inbox:gap": () => {},
      "keys:low": () => {},
      "typing:changed": () => {},
      "people:changed": () => {},
      "notifications:changed": () => {},
      ...handlers,
    },
  );
  open.push(connection);
  connection.happen("signed-in");
  return { connection, statuses, troubles };
}

async function latestSocket(count: number): Promise<ServerSocket> {
  await expect.poll(() => sockets.length, { timeout: 5000 }).toBe(count);
  const socket = sockets.at(-1);
  if (socket === undefined) throw new Error("no socket");
  return socket;
}

describe("a connection", () => {
  it("is live when the backlog is through, and comes back by itself when it was lost", async () => {
    const { connection, statuses } = connect();
    (await latestSocket(1)).emit("inbox:drained", {});
    await expect.poll(() => connection.status).toBe("live");
    sockets[0]?.disconnect(true);
    (await latestSocket(2)).emit("inbox:drained", {});
    await expect.poll(() => connection.status).toBe("live");
    expect(statuses).toEqual(["connecting", "syncing", "live", "offline", "connecting", "syncing", "live"]);
  });

  it("gets the token that the session has by then, before its own ends, without a break", async () => {
    const { clock, pass } = steppedClock();
    let token = "first";
    const { connection, statuses, troubles } = connect({}, { clock, token: () => token });
    const socket = await latestSocket(1);
    const renewed: unknown[] = [];
    socket.on("session:renew", (payload: unknown, answer: (value: object) => void) => {
      renewed.push(payload);
      answer({ ok: true, value: { expiresAt: "2026-01-01T00:10:00.000Z" } });
    });
    await expect.poll(() => connection.status).toBe("syncing");
    token = "proved meanwhile";
    pass(3_600_000);
    await expect.poll(() => renewed).toEqual([{ token }]);
    expect([statuses, troubles]).toEqual([["connecting", "syncing"], []]);
  });

  it("that was superseded comes back once after 20 s; superseded again within a minute it stays away", async () => {
    const { clock, delays, pass } = steppedClock();
    const { connection } = connect({}, { clock });
    const supersede = async (count: number) => {
      const socket = await latestSocket(count);
      await expect.poll(() => connection.status).toBe("syncing");
      socket.emit("session:closed", { reason: "superseded" });
      socket.disconnect(true);
      await expect.poll(() => connection.status).not.toBe("syncing");
    };
    await supersede(1);
    expect(connection.status).toBe("offline");
    pass(19_999);
    expect(connection.status).toBe("offline");
    pass(5_001);
    // A minute later it is a story of its own.
    await expect.poll(() => connection.status).toBe("syncing");
    pass(60_000);
    await supersede(2);
    expect(connection.status).toBe("offline");
    pass(25_000);
    await expect.poll(() => connection.status).toBe("syncing");
    pass(59_999);
    await supersede(3);
    expect(connection.status).toBe("superseded");
    expect(delays()).toEqual([]);
    pass(3_600_000);
    expect(connection.status).toBe("superseded");
    expect(sockets).toHaveLength(3);
    connection.happen("signed-in");
    await supersede(4);
    expect(connection.status).toBe("offline");
  });

  it("tells with which session the connection was made that the server ended", async () => {
    let sessionId = "first";
    const current = () => ({ sessionId, accessToken: "", refreshToken: "", renewAt: 0 });
    const expelled: unknown[] = [];
    connect({ expelled: (_error, ended) => expelled.push(ended) }, { current });
    const socket = await latestSocket(1);
    sessionId = "second";
    socket.emit("session:closed", { reason: "session_revoked" });
    await expect.poll(() => expelled).toEqual(["first"]);
  });

  it("renews a refused token once, and comes back with the new one", async () => {
    let token = "old";
    io.use((socket, next) => {
      if (socket.handshake.auth.token === "new") return next();
      next(Object.assign(new Error("expired"), { data: { code: "token_expired" } }));
    });
    const renewals: string[] = [];
    const renew = async (refusal: SottoError) => {
      renewals.push(refusal.code);
      token = "new";
    };
    const { connection } = connect({ renew }, { token: () => token });
    (await latestSocket(1)).emit("inbox:drained", {});
    await expect.poll(() => connection.status).toBe("live");
    expect(renewals).toEqual(["token_expired"]);
  });

  it("does not renew in a loop when every token is refused", async () => {
    let attempts = 0;
    io.use((_socket, next) => {
      attempts += 1;
      next(Object.assign(new Error("no"), { data: { code: "unauthenticated" } }));
    });
    let renewals = 0;
    const renew = async () => {
      renewals += 1;
    };
    connect({ renew });
    await expect.poll(() => attempts, { timeout: 5000 }).toBeGreaterThan(3);
    expect(renewals).toBe(1);
  });

  it("tells when the server ended the session or removed the device", async () => {
    const expelled: string[] = [];
    connect({ expelled: (error) => expelled.push(error.message) });
    (await latestSocket(1)).emit("session:closed", { reason: "device_removed" });
    await expect.poll(() => expelled).toEqual(["The server ended the session: device_removed"]);
  });

  it("is made by WebSocket alone: without a browser's cookies, polling would reach another node", async () => {
    await io.close();
    const asked: (string | undefined)[] = [];
    http = createServer();
    io = new Server(http, { path: SOCKET_PATH, transports: ["polling"] });
    http.prependListener("request", (request) => asked.push(request.url));
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const address = http.address();
    url = typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : "";
    let failures = 0;
    connect({
      unreachable: () => {
        failures += 1;
      },
    });
    await expect.poll(() => failures, { timeout: 5000 }).toBeGreaterThan(1);
    expect(asked.filter((path) => path?.includes("transport=polling"))).toEqual([]);
  });

  it("ignores frames that are not as agreed, and tells of them", async () => {
    const gaps: unknown[] = [];
    const { troubles } = connect({ "inbox:gap": (payload) => gaps.push(payload) });
    const socket = await latestSocket(1);
    socket.emit("inbox:gap", { gap: "yesterday" });
    socket.emit("inbox:gap");
    socket.emit("inbox:gap", { gap: "2026-01-01T00:00:00.000Z" });
    await expect.poll(() => gaps).toEqual([{ gap: "2026-01-01T00:00:00.000Z" }]);
    expect(troubles).toMatchObject([{ code: "bad_answer" }, { code: "bad_answer" }]);
  });

  it("hands on answers, refusals and answers that are not as agreed", async () => {
    const { connection } = connect();
    const socket = await latestSocket(1);
    await expect.poll(() => connection.socket).toBeDefined();
    const answers: unknown[] = [
      { ok: true, value: { deleted: 1 } },
      { ok: false, error: { code: "rate_limited", retryAfterSeconds: 3 } },
      { ok: true, value: {} },
    ];
    socket.on("inbox:ack", (_payload, answer: (value: unknown) => void) => answer(answers.shift()));
    const call = () => connection.socket?.call("inbox:ack", { envelopeIds: [1] });
    expect(await call()).toEqual({ deleted: 1 });
    await expect(call()).rejects.toMatchObject({ code: "rate_limited", retryAfterSeconds: 3 });
    await expect(call()).rejects.toMatchObject({ code: "bad_answer" });
  });
});
