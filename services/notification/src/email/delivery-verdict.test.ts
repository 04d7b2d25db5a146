import { expect, it } from "vitest";
import { judgeFailure } from "./delivery-verdict.ts";

const reply = (response: string, command = "RCPT TO") => ({
  responseCode: Number(response.slice(0, 3)),
  response,
  command,
});

it.each([
  ["retry", reply("450 4.2.1 try later")],
  ["retry", reply("421 4.3.2 closing", "CONN")],
  ["retry", reply("452 4.2.2 mailbox full")],
  ["retry", reply("552 5.2.2 mailbox full")],
  ["retry", reply("552 5.2.2 mailbox full", "DATA")],
  ["retry", { code: "ECONNECTION" }],
  ["retry", { code: "ETIMEDOUT" }],
  ["retry", { code: "ESOCKET", originalCode: "ECONNREFUSED" }],
  ["retry", new Error("anything")],
  ["retry", undefined],
  ["fault", reply("535 5.7.8 who are you", "AUTH PLAIN")],
  ["fault", reply("530 5.7.0 sign in first")],
  ["fault", reply("550 5.7.1 not with this sender", "MAIL FROM")],
  ["fault", reply("553 5.1.8 no such sender")],
  ["fault", reply("550 5.1.7 bad sender", "DATA")],
  ["fault", reply("554 no service", "CONN")],
  ["fault", { code: "EAUTH" }],
  ["fault", { code: "ETLS" }],
  ["fault", { code: "ESOCKET", originalCode: "DEPTH_ZERO_SELF_SIGNED_CERT" }],
  ["refused", reply("550 no")],
  ["refused", reply("554 no", "DATA")],
  ["refused", reply("550 5.7.1 spam")],
  ["refused", reply("554 5.7.1 spam", "DATA")],
  ["refused", reply("550 5.2.1 mailbox disabled")],
  ["refused", reply("552 5.3.4 too large", "DATA")],
  // After DATA it is said of the mail: some filters use it so.
  ["refused", reply("550 5.1.1 no", "DATA")],
  ["no-such-address", reply("550 5.1.1 no such user")],
  ["no-such-address", reply("550-5.1.1 no such user\n550 5.1.1 really")],
  ["no-such-address", reply("550 5.1.2 no such host")],
  ["no-such-address", reply("556 5.1.10 takes no mail")],
  // A text that only looks like a status.
  ["refused", reply("550 see 5.1.1")],
] as const)("%s: %o", (outcome, error) => {
  expect(judgeFailure(error).outcome).toBe(outcome);
});

it("gives a reason without the text of the server, which may hold the address", () => {
  const error = Object.assign(new Error("550 <bob@example.org> unknown"), {
    ...reply("550 5.1.1 <bob@example.org> unknown"),
  });
  expect(judgeFailure(error).reason).toBe("smtp 550 5.1.1 to RCPT TO");
  expect(judgeFailure({ code: "ESOCKET", originalCode: "ECONNREFUSED" }).reason).toBe("ESOCKET ECONNREFUSED");
  expect(judgeFailure({ code: "ECONNECTION" }).reason).toBe("ECONNECTION");
  expect(judgeFailure(undefined).reason).toBe("unknown");
});
