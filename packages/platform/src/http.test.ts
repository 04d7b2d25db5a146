import { createRoute } from "@hono/zod-openapi";
import { problem } from "@sotto/contracts/errors";
import { limits } from "@sotto/contracts/limits";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { AppError } from "./app-error.ts";
import { edgeOf } from "./edge.ts";
import { type App, addOpenApi, createApp, createRoutes, problems, requireCaller } from "./http.ts";
import { createLogger } from "./log.ts";
import { jsonBody, jsonContent } from "./route-parts.ts";
import type { TokenVerifier } from "./token-verifier.ts";

const PLAIN = "http://localhost:8080";
const SECURE = "https://chat.example.org";
const log = createLogger({ service: "test", level: "silent" });

/** Knows one token; the text after `caller:` is what a handler sees of the caller. */
const verifier: TokenVerifier = {
  async verify(token) {
    if (token !== "good") throw new AppError("unauthenticated", "The access token is not valid.");
    return {
      accountId: "account",
      sessionId: "session",
      authenticatedAt: new Date(0),
      expiresAt: new Date(0),
    };
  },
};

const echo = createRoute({
  method: "post",
  path: "/echo",
  request: jsonBody(z.strictObject({ text: z.string().optional() })),
  responses: { 200: jsonContent(z.object({}), "The same"), ...problems("bad_request") },
});

function createTestApp(publicOrigin = PLAIN): App {
  const app = createApp({
    log,
    constraints: { name_unique: () => new AppError("username_taken", "Taken.") },
    bodyLimits: [{ path: /^\/api\/large$/, bytes: 2 * limits.bodyBytes }],
  });
  const routes = createRoutes();
  routes.use("/mine", requireCaller({ verifier, publicOrigin }));
  routes.on(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"], "/mine", (c) =>
    c.text(`caller:${c.var.caller.accountId}`),
  );
  routes.openapi(echo, (c) => c.json(c.req.valid("json"), 200));
  routes.post("/large", async (c) => c.text(String((await c.req.text()).length)));
  routes.get("/throws/:what", (c) => {
    throw thrown[c.req.param("what")];
  });
  app.route("/api", routes);
  addOpenApi(app, { title: "Test", version: "1" });
  return app;
}

const thrown: Record<string, unknown> = {
  constraint: Object.assign(new Error("duplicate key"), { code: "23505", constraint: "name_unique" }),
  secret: new Error("connect to postgres://sotto:hunter2@db failed"),
  type: new TypeError("just text"),
  retry: new AppError("rate_limited", "Wait.", { retryAfterSeconds: 7 }),
};

type Options = RequestInit & { headers?: Record<string, string> };

async function ask(app: App, method: string, path: string, options: Options = {}) {
  const response = await app.request(`http://localhost${path}`, { ...options, method });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function askProblem(app: App, method: string, path: string, options: Options = {}) {
  const answer = await ask(app, method, path, options);
  expect(answer.headers.get("Content-Type"), answer.text).toBe("application/problem+json");
  const parsed = problem.parse(JSON.parse(answer.text));
  expect(parsed.status).toBe(answer.status);
  expect(parsed.requestId).toBe(answer.headers.get("X-Request-Id"));
  return { ...parsed, headers: answer.headers, text: answer.text };
}

const UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"];
const SAFE = ["GET", "HEAD", "OPTIONS"];
const FOREIGN: Record<string, string>[] = [
  {},
  { Origin: "null" },
  { Origin: "" },
  { Origin: "https://evil.example" },
  { Origin: "https://localhost:8080" },
  { Origin: "http://localhost:8081" },
  { Origin: `${PLAIN}.evil.example` },
  { Origin: `${PLAIN}, https://evil.example` },
  { "Sec-Fetch-Site": "same-site" },
  { "Sec-Fetch-Site": "cross-site" },
  { "Sec-Fetch-Site": "none" },
  { "Sec-Fetch-Site": "" },
  { "Sec-Fetch-Site": "same-origin, cross-site" },
  { "Sec-Fetch-Site": "cross-site", Origin: PLAIN },
  { "Sec-Fetch-Site": "same-site", Origin: PLAIN },
  { "Sec-Fetch-Site": "same-origin", Origin: "https://evil.example" },
  { "Sec-Fetch-Site": "same-origin", Origin: "null" },
  { Referer: `${PLAIN}/` },
  { "X-Requested-With": "XMLHttpRequest" },
];

describe("by cookie", () => {
  const Cookie = "sotto_access=good";

  test.each(UNSAFE)("%s from any other place than our own pages is refused", async (method) => {
    const app = createTestApp();
    for (const headers of FOREIGN) {
      const { code } = await askProblem(app, method, "/api/mine", { headers: { ...headers, Cookie } });
      expect(code, JSON.stringify(headers)).toBe("forbidden");
    }
    for (const headers of [
      { Origin: PLAIN },
      { "Sec-Fetch-Site": "same-origin" },
      { Origin: PLAIN, "Sec-Fetch-Site": "same-origin" },
    ] as Record<string, string>[]) {
      const answer = await ask(app, method, "/api/mine", { headers: { ...headers, Cookie } });
      expect(answer).toMatchObject({ status: 200, text: "caller:account" });
    }
  });

  test.each(SAFE)("%s needs no origin, because it changes nothing", async (method) => {
    const app = createTestApp();
    for (const headers of FOREIGN) {
      expect((await ask(app, method, "/api/mine", { headers: { ...headers, Cookie } })).status).toBe(200);
    }
  });

  test("no header or query makes another method of a request", async () => {
    for (const name of ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]) {
      const app = createTestApp();
      app.on(["GET", "DELETE"], "/which", (c) => c.text(c.req.method));
      const headers = { [name]: "DELETE", Cookie };
      expect((await ask(app, "GET", `/which?${name}=DELETE&_method=DELETE`, { headers })).text).toBe("GET");
    }
  });

  test("a bearer token needs no origin: no page of another site can send it", async () => {
    for (const headers of FOREIGN) {
      const bearer = { ...headers, Cookie, Authorization: "Bearer good" };
      expect((await ask(createTestApp(), "POST", "/api/mine", { headers: bearer })).status).toBe(200);
    }
  });

  test("each installation reads the cookie of its own scheme and never the other", async () => {
    const cookies = { plain: "sotto_access=good", prefixed: "__Host-sotto_access=good" };
    const status = async (origin: string, Cookie: string) =>
      (await ask(createTestApp(origin), "GET", "/api/mine", { headers: { Cookie } })).status;
    expect(await status(PLAIN, cookies.plain)).toBe(200);
    expect(await status(PLAIN, cookies.prefixed)).toBe(401);
    expect(await status(SECURE, cookies.prefixed)).toBe(200);
    expect(await status(SECURE, cookies.plain)).toBe(401);
    expect(await status(SECURE, `__Host-sotto_access=; ${cookies.plain}`)).toBe(401);
  });
});

test("a malformed Authorization header is refused, whatever the cookie says", async () => {
  const app = createTestApp();
  const malformed = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer a b",
    "Bearer good, Bearer good",
    "Bearer g\u00f6od",
    "Basic YWxpY2U6eA==",
    "good",
    `Bearer ${"a".repeat(4097)}`,
  ];
  for (const Authorization of malformed) {
    const headers = { Authorization, Cookie: "sotto_access=good", Origin: PLAIN };
    for (const method of ["GET", "POST"]) {
      const answer = await askProblem(app, method, "/api/mine", { headers });
      expect(answer.code, Authorization).toBe("unauthenticated");
      expect(answer.headers.get("WWW-Authenticate")).toBe("Bearer");
    }
  }
  const headers = { Authorization: "bearer  good" };
  expect((await ask(app, "GET", "/api/mine", { headers })).status).toBe(200);
});

test("an unsupported method is told which ones are supported", async () => {
  const app = createTestApp();
  const answer = await askProblem(app, "DELETE", "/api/echo");
  expect(answer.code).toBe("method_not_allowed");
  expect(answer.headers.get("Allow")).toBe("POST");
  const fromGet = await askProblem(app, "PUT", "/api/throws/type");
  expect(fromGet.headers.get("Allow")?.split(", ").sort()).toEqual(["GET", "HEAD"]);
  expect((await askProblem(app, "GET", "/api/nothing")).code).toBe("not_found");
  expect((await askProblem(app, "GET", "/api/nothing")).headers.get("Allow")).toBeNull();
});

test("a body of another media type is refused as such, a broken one as broken", async () => {
  const app = createTestApp();
  const code = async (type: string | undefined, body: string | undefined) => {
    const headers: Record<string, string> = type === undefined ? {} : { "Content-Type": type };
    return (await askProblem(app, "POST", "/api/echo", { headers, ...(body !== undefined && { body }) }))
      .code;
  };
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "x"]) {
    expect(await code(type, "{}"), type).toBe("unsupported_media_type");
  }
  expect(await code("application/json", "{")).toBe("bad_request");
  expect(await code("application/json", "")).toBe("bad_request");
  expect(await code("application/json", '{"extra":1}')).toBe("bad_request");
  const headers = { "Content-Type": "application/json; charset=utf-8" };
  expect((await ask(app, "POST", "/api/echo", { headers, body: "{}" })).text).toBe("{}");
});

describe("a body over the limit", () => {
  test("is refused whether its length is told or not, and each address has its own limit", async () => {
    const app = createTestApp();
    const body = "x".repeat(limits.bodyBytes + 1);
    const told = { "Content-Length": String(body.length) };
    expect((await askProblem(app, "POST", "/api/echo", { headers: told, body })).code).toBe(
      "payload_too_large",
    );
    expect((await askProblem(app, "POST", "/api/echo", { body })).details).toEqual({
      bytes: limits.bodyBytes,
    });
    expect((await ask(app, "POST", "/api/large", { body })).text).toBe(String(body.length));
    expect((await askProblem(app, "POST", "/api/large", { body: body + body })).code).toBe(
      "payload_too_large",
    );
    expect((await askProblem(app, "POST", "/api/nothing", { body })).code).toBe("payload_too_large");
  });

  test("is read no further than the limit", async () => {
    const chunk = new Uint8Array(16 * 1024);
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += chunk.length;
        controller.enqueue(chunk);
      },
    });
    const options = { body: endless, duplex: "half" } as Options;
    expect((await askProblem(createTestApp(), "POST", "/api/echo", options)).code).toBe("payload_too_large");
    expect(pulled).toBeLessThanOrEqual(limits.bodyBytes + 4 * chunk.length);
  });
});

describe("what is thrown", () => {
  test("a broken constraint becomes its error", async () => {
    expect((await askProblem(createTestApp(), "GET", "/api/throws/constraint")).code).toBe("username_taken");
  });

  test("an unknown error tells nothing of itself", async () => {
    for (const what of ["secret", "type"]) {
      const answer = await askProblem(createTestApp(), "GET", `/api/throws/${what}`);
      expect(answer.code).toBe("internal");
      expect(answer.text).not.toMatch(/hunter2|postgres|just text/);
    }
  });

  test("the seconds to wait are in the header too, and no error may be cached", async () => {
    const answer = await askProblem(createTestApp(), "GET", "/api/throws/retry");
    expect(answer.headers.get("Retry-After")).toBe("7");
    expect(answer.retryAfterSeconds).toBe(7);
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
  });
});

test("every answer, also a refusal, has the headers that guard browsers, a request id, and may not be stored", async () => {
  for (const path of ["/api/nothing", "/api/throws/type", "/api/mine", "/openapi.json"]) {
    const { headers } = await ask(createTestApp(), "GET", path);
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("X-Frame-Options")).toBe("DENY");
    expect(headers.get("Content-Security-Policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get("Cross-Origin-Resource-Policy")).toBe("same-origin");
    expect(headers.get("Cross-Origin-Opener-Policy")).toBe("same-origin");
    expect(headers.get("Referrer-Policy")).toBe("no-referrer");
    expect(headers.get("Cache-Control")).toBe("no-store");
    expect(headers.get("X-Request-Id")).toMatch(/^[\w-]{20,}$/);
    for (const none of [
      "Access-Control-Allow-Origin",
      "Strict-Transport-Security",
      "Server",
      "X-Powered-By",
    ]) {
      expect(headers.get(none), none).toBeNull();
    }
  }
});

test("browsers are told to come by https where that is how they come", async () => {
  const settings = { NODE_ENV: "production", CORS_ORIGINS: [] };
  const hsts = async (PUBLIC_URL: string) => {
    const app = createApp({ log, edge: edgeOf({ ...settings, PUBLIC_URL }) });
    return (await ask(app, "GET", "/")).headers.get("Strict-Transport-Security");
  };
  expect(await hsts(SECURE)).toBe("max-age=31536000");
  expect(await hsts(PLAIN)).toBeNull();
});

test("a page says itself what it runs and whether it may be kept", async () => {
  const app = createApp({ log });
  const own = { "Content-Security-Policy": "script-src 'self'", "Cache-Control": "max-age=60" };
  app.get("/page", (c) => c.text("", 200, own));
  const { headers } = await ask(app, "GET", "/page");
  for (const [name, value] of Object.entries(own)) expect(headers.get(name)).toBe(value);
});

test("a client's request id is taken when it is short and plain, and replaced otherwise", async () => {
  const idFor = async (id: string) => {
    const headers = { "X-Request-Id": id };
    return (await askProblem(createTestApp(), "GET", "/api/nothing", { headers })).requestId;
  };
  expect(await idFor("a-1_Z=")).toBe("a-1_Z=");
  expect(await idFor("x".repeat(64))).toBe("x".repeat(64));
  for (const id of ["", "x".repeat(65), "a b", "a\tb", "<script>", "$(id)", "a,b", "%0a", "\u00e9"]) {
    expect(await idFor(id), id).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test("a compressed body is refused, and told what would be taken", async () => {
  for (const encoding of ["gzip", "br", "deflate", "zstd", "gzip, identity", "x"]) {
    const headers = { "Content-Type": "application/json", "Content-Encoding": encoding };
    const answer = await askProblem(createTestApp(), "POST", "/api/echo", { headers, body: "{}" });
    expect(answer.code, encoding).toBe("unsupported_media_type");
    expect(answer.headers.get("Accept-Encoding")).toBe("identity");
  }
  const headers = { "Content-Type": "application/json", "Content-Encoding": "identity" };
  expect((await ask(createTestApp(), "POST", "/api/echo", { headers, body: "{}" })).status).toBe(200);
});

test("JSON as deep as a body can be is refused like any other that does not fit", async () => {
  const headers = { "Content-Type": "application/json" };
  const deepest = limits.bodyBytes / 2 - 20;
  for (const body of [
    "[".repeat(limits.bodyBytes),
    "[".repeat(deepest) + "]".repeat(deepest),
    `{"text":${"[".repeat(deepest)}${"]".repeat(deepest)}}`,
    '{"text":'.repeat(6000) + 1 + "}".repeat(6000),
  ]) {
    expect((await askProblem(createTestApp(), "POST", "/api/echo", { headers, body })).code).toBe(
      "bad_request",
    );
  }
});

test("of a name that is there twice the last counts, and only that one is looked at and used", async () => {
  const headers = { "Content-Type": "application/json" };
  const echo = (body: string) => ask(createTestApp(), "POST", "/api/echo", { headers, body });
  expect((await echo('{"text":1,"text":"a"}')).text).toBe('{"text":"a"}');
  expect((await echo('{"text":"a","text":1}')).status).toBe(400);
});

test("the OpenAPI document knows both ways to bring a token", async () => {
  const { text } = await ask(createTestApp(), "GET", "/openapi.json");
  const document = JSON.parse(text) as { components: { securitySchemes: object }; openapi: string };
  expect(document.openapi).toBe("3.1.0");
  expect(Object.keys(document.components.securitySchemes).sort()).toEqual(["bearer", "cookie"]);
});
