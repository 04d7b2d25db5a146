import { expect, it } from "vitest";
import { judgeFailure } from "./delivery-verdict.ts";

it.each([
  [{ responseCode: 550, command: "RCPT TO" }, true],
  [{ responseCode: 554, command: "DATA" }, true],
  [{ responseCode: 450, command: "RCPT TO" }, false],
  [{ responseCode: 535, command: "AUTH PLAIN" }, false],
  [{ responseCode: 550, command: "MAIL FROM" }, false],
  [{ code: "ECONNECTION" }, false],
  [new Error("anything"), false],
  [undefined, false],
])("calls only a 5xx about the recipient or the content final: %o", (error, permanent) => {
  expect(judgeFailure(error).permanent).toBe(permanent);
});

it("gives a reason without the text of the server, which may hold the address", () => {
  const error = Object.assign(new Error("550 <bob@example.org> unknown"), {
    responseCode: 550,
    command: "RCPT TO",
    response: "550 <bob@example.org> unknown",
  });
  expect(judgeFailure(error).reason).toBe("smtp 550 to RCPT TO");
  expect(judgeFailure({ code: "ECONNECTION" }).reason).toBe("ECONNECTION");
});
