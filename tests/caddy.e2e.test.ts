// The edge that people meet in production: the real Caddy with the repository's Caddyfile in front of two chat nodes.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { createClient, memoryStore } from "@sotto/client";
import { auditPage } from "@sotto/contracts/audit-api";
import { problem } from "@sotto/contracts/errors";
import { signedIn } from "@sotto/contracts/user-api";
import { caddyPorts, startCaddy, type TestCaddy } from "@sotto/testkit/caddy";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runRestGuide } from "./run-rest-guide.ts";

const PASSWORD = "a long enough password";

let stack: Stack;
let caddy: TestCaddy;
let webRoot: string;
const authorities = tls.getCACertificates("default");

beforeAll(async () => {
  const ports = await caddyPorts();
  webRoot = mkdtempSync(path.join(os.tmpdir(), "sotto-test-web-"));
  chmodSync(webRoot, 0o755);
  writeFileSync(path.join(webRoot, "index.html"), "<!doctype html><title>Sotto</title>");
  writeFileSync(path.join(webRoot, "verify-email.html"), "<!doctype html><title>Confirm</title>");
  stack = await startStack({ env: { PUBLIC_URL: `https://localhost:${ports.https}` } });
  caddy = await startCaddy(ports, upstreams());
  // As a browser that trusts the CA of the installation.
  tls.setDefaultCACertificates([...authorities, caddy.root]);
});
afterAll(async () => {
  tls.setDefaultCACertificates(authorities);
  await caddy?.stop();
  await stack?.stop();
  stack?.remove();
  rmSync(webRoot, { recursive: true, force: true });
});

function upstreams() {
  const at = (part: string) =>
    new URL(stack.runFile().parts.find(({ name }) => name === part)?.url ?? "").host;
  const chat = [at("chat-1"), at("chat-2")];
  return { chat, user: at("user"), notification: at("notification"), webRoot };
}

const tlsOf = ({ url, root }: TestCaddy) => ({ port: new URL(url).port, ca: root });

type Answer = { status: number; headers: Record<string, unknown>; body: string };

/** A request with exactly this path: fetch would tidy it up. */
function ask(target: string, options: https.RequestOptions = {}, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(caddy.url);
    const request = https.request(
      { hostname, port, path: target, ca: caddy.root, ...options },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      },
    );
    request.once("error", reject);
    request.end(body);
  });
}

test("plain HTTP is only told to come by HTTPS", async () => {
  const answer = await fetch(`${caddy.plainUrl}/api/user/me`, { redirect: "manual" });
  expect(answer.status).toBe(308);
  expect(answer.headers.get("Location")).toMatch(/^https:\/\/localhost(:\d+)?\/api\/user\/me$/);
});

// Before anybody else gets mail: the guide looks for the newest of a subject.
test("every command of the guide to REST does through Caddy what the guide says", () =>
  runRestGuide({ SOTTO: caddy.url, MAIL: `${stack.url}/mail`, CURL_CA_BUNDLE: caddy.rootFile }));

test("every service is reached by its own path, and pages by theirs, over TLS that only a CA of ours vouches for", async () => {
  expect(await ask("/")).toMatchObject({
    status: 200,
    headers: { "strict-transport-security": "max-age=31536000" },
  });
  expect((await ask("/verify-email")).body).toContain("Confirm");
  expect((await ask("/no-such-page")).status).toBe(404);
  for (const service of ["user", "chat", "notifications"])
    expect(JSON.parse((await ask(`/api/${service}/openapi.json`)).body)).toMatchObject({ openapi: "3.1.0" });
  expect((await ask("/api/user/me")).status).toBe(401);
  await expect(ask("/", { ca: authorities.slice(0, 1) })).rejects.toThrow(/certificate/);
});

test("what services tell their operators is hidden, under whatever path", async () => {
  const paths = [
    "/metrics",
    "/health/ready",
    "/api/user/metrics",
    "/api/chat/health/live",
    "/api/notifications/metrics",
  ];
  const disguised = [
    "/api/user/../../metrics",
    "/api/user/%2e%2e/%2e%2e/metrics",
    "/api/chat//metrics",
    "//metrics",
    "/api/user/./health/ready",
    "/API/USER/metrics",
  ];
  for (const target of [...paths, ...disguised]) {
    const { status, body } = await ask(target);
    expect([301, 308, 400, 404], target).toContain(status);
    expect(body, target).not.toMatch(/sotto_|process_cpu|"checks"/);
  }
});

test("a body that no request needs is refused on its way", async () => {
  const body = JSON.stringify({ username: "x".repeat(10_000_000) });
  const headers = { "Content-Type": "application/json", "Content-Length": String(body.length) };
  const answer = await ask("/api/user/register", { method: "POST", headers }, body);
  expect(answer.status).toBe(413);
  expect(problem.parse(JSON.parse(answer.body)).code).toBe("payload_too_large");
});

test("what one client breaks takes no service from the others", async () => {
  const chunked = { "Content-Type": "application/json", "Transfer-Encoding": "chunked" };
  const large = "x".repeat(3_000_000);
  for (const target of ["/api/user/register", "/api/chat/messages"]) {
    await ask(target, { method: "POST", headers: chunked }, large).catch((error: unknown) => error);
    expect((await ask("/api/user/me")).status).toBe(401);
    expect((await ask("/api/chat/conversations")).status).toBe(401);
  }
});

test("people chat through it, and a node's sudden death costs no request and no message", async () => {
  const alice = await createClient({ url: caddy.url, store: memoryStore() });
  const bob = await createClient({ url: caddy.url, store: memoryStore() });
  await alice.register({ username: "alice", email: "alice@example.org", password: PASSWORD });
  await bob.register({ username: "bob", email: "bob@example.org", password: PASSWORD });
  const heard = bob.messages()[Symbol.asyncIterator]();
  const conversation = await alice.conversations.direct("bob");
  const tell = async (text: string) => {
    await (await conversation.send({ text })).accepted;
    expect((await heard.next()).value?.text).toBe(text);
  };
  await tell("over https");
  stack.kill9("chat-1");
  // Requests while the node is away, one after the other: each is answered by the other node.
  const statuses = new Set<number>();
  for (let count = 0; count < 20; count++) statuses.add((await ask("/api/chat/conversations")).status);
  expect([...statuses]).toEqual([401]);
  await tell("one node is gone");
  await caddy.reload();
  await tell("after a reload");
  await Promise.all([alice.close(), bob.close()]);
});

test("a client that polls stays at its node", async () => {
  const first = await ask("/api/chat/socket.io/?EIO=4&transport=polling");
  expect(first.status).toBe(200);
  const cookie = String(first.headers["set-cookie"]).split(";")[0] ?? "";
  expect(cookie).toMatch(/^sotto_node=/);
  const { sid } = JSON.parse(first.body.slice(1)) as { sid: string };
  for (let count = 0; count < 4; count++) {
    const headers = { Cookie: cookie, "Content-Type": "text/plain;charset=UTF-8" };
    const posted = await ask(
      `/api/chat/socket.io/?EIO=4&transport=polling&sid=${sid}`,
      { method: "POST", headers },
      "3",
    );
    expect(posted.status, posted.body).toBe(200);
  }
});

test("nobody but a proxy that is trusted is believed about the address of a client", async () => {
  const claim = "192.0.2.66";
  expect(await addressesOf("frank", caddy, claim)).toEqual(["127.0.0.1"]);
  const trusting = await startCaddy(await caddyPorts(), { ...upstreams(), trustedProxies: ["127.0.0.0/8"] });
  try {
    expect(await addressesOf("grace", trusting, claim)).toEqual([claim]);
  } finally {
    await trusting.stop();
  }
});

/** Registers somebody who claims to come from `claim`; what the audit log says of it. */
async function addressesOf(username: string, through: TestCaddy, claim: string): Promise<(string | null)[]> {
  const headers = { "Content-Type": "application/json", "X-Forwarded-For": claim };
  const body = JSON.stringify({ username, email: `${username}@example.org`, password: PASSWORD });
  const registered = await ask("/api/user/register", { ...tlsOf(through), method: "POST", headers }, body);
  const { session } = signedIn.parse(JSON.parse(registered.body));
  const audit = await ask("/api/user/audit", { headers: { Authorization: `Bearer ${session.accessToken}` } });
  return auditPage.parse(JSON.parse(audit.body)).entries.map(({ address }) => address);
}

test("the access log names no secret", async () => {
  await ask("/api/notifications/unsubscribe?token=SECRET-IN-QUERY", {
    headers: { Authorization: "Bearer SECRET-IN-HEADER", Cookie: "sotto_access=SECRET-IN-COOKIE" },
  });
  await expect.poll(() => caddy.log()).toContain("/api/notifications/unsubscribe");
  expect(caddy.log()).not.toMatch(/SECRET-IN/);
});
