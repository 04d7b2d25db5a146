import type { Resident } from "@sotto/testkit/population";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ChatNode, type ChatWorld, connect, PUBLIC_URL, startChatWorld } from "../chat-node-fixture.ts";

const SECURE_URL = "https://chat.example.org";

let world: ChatWorld;
let node: ChatNode;
let secureNode: ChatNode;
let resident: Resident;
beforeAll(async () => {
  world = await startChatWorld();
  node = await world.startNode();
  secureNode = await world.startNode({ PUBLIC_URL: SECURE_URL });
  [resident] = (await world.people(1)) as [Resident];
});
afterAll(() => world.close());

/** Connects as a browser does: the token is in a cookie. Resolves with the code of the refusal, or with "connected". */
async function connectByCookie(
  to: ChatNode,
  headers: Record<string, string>,
  { name = "sotto_access", transports = ["websocket"] } = {},
): Promise<string> {
  const socket = await world.socket(to, resident, { token: undefined });
  socket.io.opts.transports = transports as ["websocket"];
  socket.io.opts.extraHeaders = { Cookie: `${name}=${await world.token(resident)}`, ...headers };
  try {
    await connect(socket);
    return "connected";
  } catch (error) {
    return (error as { data?: { code: string } }).data?.code ?? String(error);
  } finally {
    socket.disconnect();
  }
}

test("a page of our own connects by cookie", async () => {
  expect(await connectByCookie(node, { Origin: PUBLIC_URL })).toBe("connected");
  expect(await connectByCookie(node, { "Sec-Fetch-Site": "same-origin" })).toBe("connected");
  expect(await connectByCookie(node, { Origin: PUBLIC_URL }, { transports: ["polling"] })).toBe("connected");
});

test("a page of any other origin does not connect by cookie, over no transport", async () => {
  const foreign: Record<string, string>[] = [
    {},
    { Origin: "null" },
    { Origin: "https://evil.example" },
    { Origin: "http://localhost:8081" },
    { "Sec-Fetch-Site": "same-site", Origin: "http://sub.localhost:8080" },
    { "Sec-Fetch-Site": "cross-site" },
  ];
  for (const headers of foreign) {
    for (const transports of [["websocket"], ["polling"]]) {
      const where = `${transports} ${JSON.stringify(headers)}`;
      expect(await connectByCookie(node, headers, { transports }), where).toBe("forbidden");
    }
  }
});

test("a token that the client sends itself needs no origin", async () => {
  const socket = await world.socket(node, resident);
  socket.io.opts.extraHeaders = { Origin: "https://evil.example" };
  await connect(socket);
  socket.disconnect();
});

test("over https only the cookie that no other host can set is read", async () => {
  const from = { Origin: SECURE_URL };
  expect(await connectByCookie(secureNode, from, { name: "__Host-sotto_access" })).toBe("connected");
  expect(await connectByCookie(secureNode, from, { name: "sotto_access" })).toBe("unauthenticated");
  expect(await connectByCookie(node, { Origin: PUBLIC_URL }, { name: "__Host-sotto_access" })).toBe(
    "unauthenticated",
  );
});
