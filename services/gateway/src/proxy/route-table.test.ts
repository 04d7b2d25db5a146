import { expect, it } from "vitest";
import { findRoute } from "./route-table.ts";

it.each([
  ["/api/user/accounts", "user"],
  ["/api/user", "user"],
  ["/api/chat/messages?limit=5", "chat"],
  ["/api/notifications/preferences", "notification"],
  ["/mail", "mail"],
  ["/mail/1.html", "mail"],
])("passes %s on, as it stands, to %s", (url, backend) => {
  expect(findRoute(url)).toEqual({ kind: "backend", backend, url, isSocket: false });
});

it("knows the Socket.IO endpoint", () => {
  expect(findRoute("/api/chat/socket.io/?EIO=4")).toMatchObject({ backend: "chat", isSocket: true });
});

it("finds the API description at the root of the service", () => {
  expect(findRoute("/api/chat/openapi.json")).toMatchObject({ backend: "chat", url: "/openapi.json" });
});

it.each(["/", "/status.json", "/mailbox", "/api/users", "/api", "/metrics", "/favicon.ico"])(
  "answers %s itself",
  (url) => {
    expect(findRoute(url)).toEqual({ kind: "own" });
  },
);

it.each([
  "/api/user/../../metrics",
  "/api/user/%2e%2e/%2e%2e/metrics",
  "/api/user/..%5c../health/ready",
  "/api/user/metrics",
  "/api/chat/health/ready",
  "/api/chat//metrics",
  "/api/user\\..\\..\\metrics",
  "//api/user/../metrics",
  "//evil.example/api/user",
  "http://evil.example/api/user",
])("routes nothing to health or metrics of a service, nor to a foreign host: %s", (url) => {
  const route = findRoute(url);
  if (route.kind !== "backend") return;
  expect(new URL(route.url, "http://service").pathname).toMatch(/^\/api\/(user|chat)\//);
  expect(route.url).not.toMatch(/^\/api\/[a-z]+\/+(metrics|health)/);
});
