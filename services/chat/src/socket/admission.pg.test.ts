import { randomUUID } from "node:crypto";
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from "@sotto/contracts/access-token";
import type { FrameError } from "@sotto/contracts/errors";
import { SOCKET_PATH } from "@sotto/contracts/socket-events";
import { accessCookieName } from "@sotto/platform/access-cookie";
import { systemClock } from "@sotto/platform/clock";
import type { Resident } from "@sotto/testkit/population";
import { generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { io, type Socket } from "socket.io-client";
import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type ChatNode, type ChatWorld, connect, startChatWorld, until } from "../chat-node-fixture.ts";
import { recordConnection } from "../delivery/presence-queries.ts";
import { revokeSession } from "../delivery/revoke-session.ts";
import { sweepConnections } from "../delivery/sweep.ts";
import { addDevice } from "../messages/message-world-fixture.ts";
import { disconnected, rawWebSocket } from "./socket-world-fixture.ts";

let world: ChatWorld;
let one: ChatNode;
let two: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  one = await world.startNode({ NODE_NAME: "one" });
  two = await world.startNode({ NODE_NAME: "two" });
});
afterAll(() => world.close());

async function somebody(): Promise<Resident> {
  return (await world.people(1))[0] as Resident;
}

/** The error that a handshake is refused with. */
async function refusal(resident: Resident, auth: Record<string, unknown>): Promise<FrameError | undefined> {
  const socket = await world.socket(one, resident, auth);
  return connect(socket).then(
    () => undefined,
    (error: Error & { data?: FrameError }) => error.data,
  );
}

const claims = (resident: Resident) => ({ sid: resident.sessionId });

function unsigned(resident: Resident): string {
  return new UnsecuredJWT(claims(resident))
    .setIssuer(TOKEN_ISSUER)
    .setAudience(TOKEN_AUDIENCE)
    .setSubject(resident.accountId)
    .setIssuedAt()
    .setExpirationTime("10 minutes")
    .encode();
}

async function signedWith(resident: Resident, change: { audience?: string; issuer?: string; alg?: string }) {
  const { privateKey } = await generateKeyPair("EdDSA");
  const key =
    change.alg === "HS256" ? new TextEncoder().encode("a shared secret of 32 characters") : privateKey;
  return new SignJWT(claims(resident))
    .setProtectedHeader({ alg: change.alg ?? "EdDSA", kid: randomUUID() })
    .setIssuer(change.issuer ?? TOKEN_ISSUER)
    .setAudience(change.audience ?? TOKEN_AUDIENCE)
    .setSubject(resident.accountId)
    .setIssuedAt()
    .setExpirationTime("10 minutes")
    .sign(key);
}

describe("a handshake is refused", () => {
  test("without a token, with an empty one and with one that is none", async () => {
    const resident = await somebody();
    for (const token of [undefined, "", "nonsense", "a.b.c", "x".repeat(4096)]) {
      expect(await refusal(resident, { token })).toMatchObject({ code: "unauthenticated" });
    }
  });

  test("with a token that nobody signed, or that another key signed", async () => {
    const resident = await somebody();
    expect(await refusal(resident, { token: unsigned(resident) })).toMatchObject({ code: "unauthenticated" });
    for (const change of [{}, { alg: "HS256" }]) {
      const token = await signedWith(resident, change);
      expect(await refusal(resident, { token })).toMatchObject({ code: "unauthenticated" });
    }
  });

  test("with a token of ours for another audience or from another issuer", async () => {
    const resident = await somebody();
    const genuine = { accountId: resident.accountId, sessionId: resident.sessionId };
    for (const change of [{ audience: "another-api" }, { issuer: "another" }]) {
      const token = await world.tokens.sign(genuine.accountId, genuine.sessionId, change);
      expect(await refusal(resident, { token })).toMatchObject({ code: "unauthenticated" });
    }
  });

  test("with a token that has expired", async () => {
    const resident = await somebody();
    const token = await world.tokens.sign(resident.accountId, resident.sessionId, { lifetimeSeconds: -1 });
    expect(await refusal(resident, { token })).toMatchObject({ code: "token_expired" });
  });

  test("for a device that is unknown, somebody else's, or bound to another session", async () => {
    const [resident, other] = (await world.people(2)) as [Resident, Resident];
    for (const deviceId of [v7(), other.deviceId]) {
      expect(await refusal(resident, { deviceId })).toMatchObject({ code: "device_unproven" });
    }
    const token = await world.tokens.sign(resident.accountId, randomUUID());
    expect(await refusal(resident, { token })).toMatchObject({ code: "device_unproven" });
    const tablet = await addDevice(world.owner, resident);
    expect(await refusal(resident, { deviceId: tablet.deviceId })).toMatchObject({ code: "device_unproven" });
  });

  test("for a device that was removed", async () => {
    const resident = await somebody();
    await world.owner.query("delete from chat.device where device_id = $1", [resident.deviceId]);
    expect(await refusal(resident, {})).toMatchObject({ code: "device_unproven" });
  });

  test("in a protocol that is not spoken, and with anything that is no handshake", async () => {
    const resident = await somebody();
    for (const protocolVersion of [0, 2, "1", null]) {
      expect(await refusal(resident, { protocolVersion })).toMatchObject({ code: "protocol_unsupported" });
    }
    for (const auth of [
      { deviceId: 1 },
      { deviceId: "" },
      { token: 5 },
      { token: {} },
      { token: "x".repeat(4097) },
    ]) {
      expect(await refusal(resident, auth)).toMatchObject({ code: "bad_request" });
    }
  });
});

test("a browser connects with its cookie, and a garbled cookie header is no more than no cookie", async () => {
  const resident = await somebody();
  const name = accessCookieName(one.context.publicOrigin);
  const dial = (cookie: string) =>
    connect(
      io(one.url, {
        path: SOCKET_PATH,
        transports: ["websocket"],
        forceNew: true,
        reconnection: false,
        autoConnect: false,
        extraHeaders: { Cookie: cookie, Origin: one.context.publicOrigin },
        auth: { deviceId: resident.deviceId, protocolVersion: 1 },
      }),
    );
  const socket = await dial(`theme=dark; ${name}=${await world.token(resident)}`);
  expect(socket.connected).toBe(true);
  socket.disconnect();
  for (const cookie of ["%%%;=;;%E0%A4%A=1", `${name}=%00`, "__proto__=1"]) {
    await expect(dial(cookie)).rejects.toMatchObject({ data: { code: "unauthenticated" } });
  }
});

function listenForClose(socket: Socket): string[] {
  const reasons: string[] = [];
  socket.on("session:closed", ({ reason }: { reason: string }) => reasons.push(reason));
  return reasons;
}

async function online(node: ChatNode, resident: Resident, lifetimeSeconds = 600) {
  const token = await world.tokens.sign(resident.accountId, resident.sessionId, { lifetimeSeconds });
  const socket = await world.socket(node, resident, { token });
  const reasons = listenForClose(socket);
  await connect(socket);
  return { socket, reasons };
}

describe("an open connection", () => {
  test("closes within about a second after its token has expired", async () => {
    const resident = await somebody();
    const { socket, reasons } = await online(one, resident, 5);
    const expiresAt = performance.now() + 5000;
    await disconnected(socket);
    expect(reasons).toEqual(["token_expired"]);
    expect(performance.now()).toBeLessThan(expiresAt + 3000);
  });

  test("stays open past the first token when it was renewed in time", async () => {
    const resident = await somebody();
    const { socket, reasons } = await online(one, resident, 6);
    const control = await online(two, await somebody(), 6);
    const renewed = await ask(socket, "session:renew", { token: await world.token(resident) });
    expect(renewed).toMatchObject({ ok: true });
    await disconnected(control.socket);
    const expired = performance.now();
    await until("two more looks at the tokens", () => performance.now() > expired + 2500);
    expect({ reasons, connected: socket.connected }).toEqual({ reasons: [], connected: true });
  });

  test("is not renewed with an expired token, one of another session, or of another account", async () => {
    const [resident, other] = (await world.people(2)) as [Resident, Resident];
    const { socket } = await online(one, resident);
    const tokens = [
      [
        await world.tokens.sign(resident.accountId, resident.sessionId, { lifetimeSeconds: -1 }),
        "token_expired",
      ],
      [await world.tokens.sign(resident.accountId, randomUUID()), "device_unproven"],
      [await world.token(other), "device_unproven"],
      [unsigned(resident), "unauthenticated"],
    ];
    for (const [token, code] of tokens) {
      expect(await ask(socket, "session:renew", { token })).toMatchObject({ ok: false, error: { code } });
    }
  });

  test.each([
    ["the node that hears of it", () => one],
    ["another node", () => two],
  ])("on %s closes when its session is revoked, and cannot come back", async (_where, node) => {
    const resident = await somebody();
    const { socket, reasons } = await online(node(), resident);
    const closing = disconnected(socket);
    await revokeSession(one.context, resident.sessionId);
    await closing;
    expect(reasons).toEqual(["session_revoked"]);
    expect(await refusal(resident, {})).toMatchObject({ code: "device_unproven" });
  });

  test("closes when user.session-revoked comes over the bus", async () => {
    const resident = await somebody();
    const { socket, reasons } = await online(two, resident);
    const closing = disconnected(socket);
    const { accountId, sessionId } = resident;
    await world.publish({ type: "user.session-revoked", key: accountId, data: { accountId, sessionId } });
    await closing;
    expect(reasons).toEqual(["session_revoked"]);
  });
});

describe("where a device is connected", () => {
  const presence = async ({ deviceId }: Resident) =>
    (
      await world.owner.query("select node_id, connection_id from chat.presence where device_id = $1", [
        deviceId,
      ])
    ).rows[0];

  test("is recorded, and forgotten when it leaves", async () => {
    const resident = await somebody();
    const { socket } = await online(one, resident);
    expect((await presence(resident)).node_id).toBe(one.context.node.id);
    socket.disconnect();
    await until("the end recorded", async () => (await presence(resident)).node_id === null);
  });

  test("is forgotten also when it leaves in the middle of its handshake", async () => {
    const resident = await somebody();
    // The handshake waits for this row's lock, and the client does not wait that long.
    const { socket } = await online(one, resident);
    socket.disconnect();
    await until("the end recorded", async () => (await presence(resident)).node_id === null);
    const holder = await world.owner.connect();
    await holder.query("begin");
    await holder.query("update chat.presence set seen_at = now() where device_id = $1", [resident.deviceId]);
    const before = (await presence(resident)).connection_id;
    const raw = rawWebSocket(one);
    await raw.opened;
    const auth = { token: await world.token(resident), deviceId: resident.deviceId, protocolVersion: 1 };
    raw.socket.send(`40${JSON.stringify(auth)}`);
    await until("the handshake waiting", async () => {
      const { rowCount } = await world.owner.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ilike '%chat.presence%'",
      );
      return rowCount === 1;
    });
    raw.socket.close();
    await raw.closed;
    await holder.query("rollback");
    holder.release();
    await until("the handshake recorded", async () => (await presence(resident)).connection_id !== before);
    await until("the end recorded", async () => (await presence(resident)).node_id === null);
  });

  test("is not taken by a handshake that began before it and was given up", async () => {
    const resident = await somebody();
    const { connections } = two.context;
    const abandoned = {
      ...{ deviceId: resident.deviceId, accountId: resident.accountId, sessionId: resident.sessionId },
      ...{ connectionId: randomUUID(), nodeId: two.context.node.id },
    };
    const begunMs = systemClock.monotonicMs();
    const sinceMs = () => systemClock.monotonicMs() - begunMs;
    const living = await online(one, resident);
    // It was slow: by now the device has connected elsewhere.
    expect(await recordConnection(two.context.pool, abandoned, sinceMs)).toEqual({
      gap: null,
      isOutdone: true,
    });
    expect((await presence(resident)).node_id).toBe(one.context.node.id);
    await sweepConnections(one.context);
    expect(living.reasons).toEqual([]);
    // One that begins now is newer.
    const next = await online(two, resident);
    await until("the older one closed", () => living.reasons.length > 0);
    expect([living.reasons, next.reasons]).toEqual([["superseded"], []]);
    expect(connections.get(resident.deviceId)).toBeDefined();
  });

  test("is not ended by the late word of an older connection elsewhere", async () => {
    const resident = await somebody();
    const newer = await online(one, resident);
    two.context.link.connected(resident.deviceId, randomUUID());
    // Words of one node arrive in order: when the second has, the first has been heard.
    const witness = await online(one, await somebody());
    const [device] = [...one.context.connections.all()].slice(-1);
    if (device) two.context.link.close(device.device, "superseded");
    await until("the word heard", () => witness.reasons.length > 0);
    await one.context.departures.flush();
    expect({ reasons: newer.reasons, connected: newer.socket.connected }).toEqual({
      reasons: [],
      connected: true,
    });
  });

  test.each([
    ["this node", () => one],
    ["another node", () => two],
  ])("is not ended by the late word from %s that the session before it is over", async (_where, speaker) => {
    const resident = await somebody();
    const { deviceId, sessionId } = resident;
    const newer = await online(one, resident);
    for (const reason of ["superseded", "session_revoked"] as const)
      speaker().context.closeDevice({ deviceId, sessionId: randomUUID() }, reason);
    // Words of one node arrive in order: when its own end has, the others have been heard.
    speaker().context.closeDevice({ deviceId, sessionId }, "device_removed");
    await until("the last word heard", () => newer.reasons.length > 0);
    expect(newer.reasons).toEqual(["device_removed"]);
  });

  test("is not forgotten by the late end of an older connection", async () => {
    const resident = await somebody();
    const first = await online(one, resident);
    const closing = disconnected(first.socket);
    await online(two, resident);
    await closing;
    await until(
      "the first end recorded",
      async () => one.context.connections.get(resident.deviceId) === undefined,
    );
    await one.context.departures.flush();
    expect((await presence(resident)).node_id).toBe(two.context.node.id);
  });
});
