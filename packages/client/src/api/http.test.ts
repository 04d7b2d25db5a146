import { createServer, type RequestListener, type Server } from "node:http";
import { type ErrorCode, errorStatus } from "@sotto/contracts/errors";
import { afterEach, describe, expect, it } from "vitest";
import { createHttp, type Http } from "./http.ts";

let server: Server | undefined;

afterEach(async () => {
  const stopped = server;
  server = undefined;
  if (stopped !== undefined) await new Promise((resolve) => stopped.close(resolve));
});

async function askServer(
  listener: RequestListener,
  ask: (http: Http) => Promise<unknown> = (http) => http.request({ method: "GET", path: "/" }),
): Promise<unknown> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const address = listening.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const http = createHttp(`http://127.0.0.1:${port}`);
  const outcome = await ask(http).catch((error: unknown) => error);
  http.close();
  return outcome;
}

type Answer = { readonly status?: number; readonly contentType?: string; readonly body?: object };

function problemOf(code: ErrorCode): object {
  return { type: `urn:sotto:error:${code}`, title: code, status: errorStatus[code], code };
}

async function ask({ status = 401, contentType = "application/problem+json", body = {} }: Answer) {
  return askServer((_request, response) => {
    response.writeHead(status, { "Content-Type": contentType, Connection: "close" });
    response.end(JSON.stringify(body));
  });
}

describe("a refusal over HTTP", () => {
  it("has the code of the problem that a service of ours sent", async () => {
    expect(await ask({ body: problemOf("session_revoked") })).toMatchObject({ code: "session_revoked" });
    const contentType = "Application/Problem+JSON; charset=utf-8";
    expect(await ask({ contentType, body: problemOf("unauthenticated") })).toMatchObject({
      code: "unauthenticated",
    });
  });

  const ours = problemOf("session_revoked");
  it.each<[string, Answer]>([
    ["another media type", { contentType: "application/json", body: ours }],
    ["another type of problem", { body: { ...ours, type: "about:blank" } }],
    ["the type of another code", { body: { ...ours, type: "urn:sotto:error:not_found" } }],
    ["a status that is not the code's", { status: 404, body: { ...ours, status: 404 } }],
    ["another status than the answer's", { status: 403, body: ours }],
    ["no problem at all", { body: { error: "login required" } }],
  ])("is nobody's word when it comes with %s", async (_what, answer) => {
    expect(await ask(answer)).toMatchObject({ code: "bad_answer" });
  });

  it("of a proxy without a service behind it is like no network", async () => {
    expect(await ask({ status: 502, contentType: "text/html" })).toMatchObject({ code: "network" });
  });
});

describe("a file over HTTP", () => {
  const download = (status: number, contentType: string, body: string) =>
    askServer(
      (_request, response) => {
        response.writeHead(status, { "Content-Type": contentType, Connection: "close" });
        response.end(body);
      },
      (http) => http.download("/"),
    );

  it("comes byte for byte, and only as a ZIP file; a refusal says why", async () => {
    expect(await download(200, "Application/ZIP", "PK\u0000\u00ff")).toEqual(
      new Uint8Array([0x50, 0x4b, 0, 0xc3, 0xbf]),
    );
    expect(await download(200, "text/html", "<p>log in</p>")).toMatchObject({ code: "bad_answer" });
    const refusal = JSON.stringify(problemOf("reauthentication_required"));
    expect(await download(403, "application/problem+json", refusal)).toMatchObject({
      code: "reauthentication_required",
    });
  });
});
