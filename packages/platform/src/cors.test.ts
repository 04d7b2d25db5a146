import { Hono } from "hono";
import { expect, test } from "vitest";
import { allowOrigins, corsOrigins } from "./cors.ts";
import { edgeOf } from "./edge.ts";
import { createApp } from "./http.ts";
import { createLogger } from "./log.ts";

const APP = "https://app.example.org";
const log = createLogger({ service: "test", level: "silent" });

function createTestApp(origins: readonly string[] = [APP]) {
  const app = createApp({ log, edge: edgeOf({ NODE_ENV: "test", CORS_ORIGINS: origins }) });
  app.get("/thing", (c) => c.text("thing"));
  return app;
}

const corsHeaders = (response: Response) =>
  [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));

test("a page of an allowed origin reads answers and refusals, what to wait for, and never with cookies", async () => {
  for (const [path, status] of [
    ["/thing", 200],
    ["/nothing", 404],
  ] as const) {
    const response = await createTestApp().request(path, { headers: { Origin: APP } });
    expect(response.status).toBe(status);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(APP);
    expect(response.headers.get("Access-Control-Expose-Headers")).toBe("Retry-After,X-Request-Id");
    expect(response.headers.get("Access-Control-Allow-Credentials")).toBeNull();
    expect(response.headers.get("Vary")).toContain("Origin");
  }
});

test("its preflight is answered for every address and method, with the headers it may send", async () => {
  const response = await createTestApp().request("/thing", {
    method: "OPTIONS",
    headers: { Origin: APP, "Access-Control-Request-Method": "DELETE" },
  });
  expect(response.status).toBe(204);
  expect(response.headers.get("Access-Control-Allow-Methods")?.split(",")).toContain("DELETE");
  expect(response.headers.get("Access-Control-Allow-Headers")).toBe(
    "Authorization,Content-Type,X-Request-Id,sotto-device",
  );
  expect(response.headers.get("Access-Control-Allow-Credentials")).toBeNull();
});

test("other origins are told nothing, however much alike they are", async () => {
  for (const Origin of [
    "https://evil.example",
    "null",
    "",
    "*",
    "http://app.example.org",
    `${APP}:443`,
    `${APP}.evil.example`,
    `${APP}/`,
    APP.toUpperCase(),
    `${APP}, https://evil.example`,
  ]) {
    for (const method of ["GET", "OPTIONS"]) {
      const response = await createTestApp().request("/thing", { method, headers: { Origin } });
      expect(corsHeaders(response), Origin).toEqual([]);
      expect(response.headers.get("Vary")).toBe("Origin");
    }
  }
});

test("without allowed origins nothing is set at all", async () => {
  const app = new Hono().use(allowOrigins([])).get("/", (c) => c.text(""));
  const response = await app.request("/", { headers: { Origin: APP } });
  expect(corsHeaders(response)).toEqual([]);
  expect(response.headers.get("Vary")).toBeNull();
});

test("only exact origins of https or of this machine can be allowed", () => {
  const list = (text: string) => corsOrigins.safeParse(text).data;
  expect(list("")).toEqual([]);
  expect(list(`${APP}, http://localhost:5173,http://127.0.0.1`)).toEqual([
    APP,
    "http://localhost:5173",
    "http://127.0.0.1",
  ]);
  for (const text of [
    "*",
    "null",
    "https://*.example.org",
    "app.example.org",
    `${APP}/`,
    `${APP}/path`,
    `${APP}:443`,
    "https://user@app.example.org",
    "http://app.example.org",
    "http://localhost.evil.example",
    "file://",
    "https://App.example.org",
    `${APP} https://b.example`,
  ]) {
    expect(list(text), text).toBeUndefined();
  }
});
