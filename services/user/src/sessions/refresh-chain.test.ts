import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { advanceChain, judgeRefresh, MAX_SUCCESSORS, startChain } from "./refresh-chain.ts";

/** A server with one session, as refresh-session.ts runs it; a token is its hash. */
function startServer() {
  let issued = 0;
  const issue = () => createHash("sha256").update(`token ${issued++}`).digest();
  const first = issue();
  let chain = startChain(first);
  let isRevoked = false;
  return {
    first,
    isRevoked: () => isRevoked,
    successors: () => chain.successorHashes.length,
    refresh(usedHash: Buffer): Buffer | undefined {
      if (isRevoked) return undefined;
      const judgement = judgeRefresh(chain, usedHash);
      if (judgement === "reused") {
        isRevoked = true;
        return undefined;
      }
      const successorHash = issue();
      chain = advanceChain(chain, { judgement, usedHash, successorHash });
      return successorHash;
    },
  };
}

test("a client is never signed out, whichever answers are lost and however often it retries", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (arrivals) => {
      const server = startServer();
      let held: Buffer = server.first;
      for (const arrives of arrivals) {
        const answer = server.refresh(held);
        if (arrives && answer) held = answer;
      }
      expect(server.isRevoked()).toBe(false);
      expect(server.successors()).toBeLessThanOrEqual(MAX_SUCCESSORS);
    }),
  );
});

test("however often a client retries, the row stays small and the last answer goes on", () => {
  const server = startServer();
  const answers = Array.from({ length: 100 }, () => server.refresh(server.first));
  expect(server.successors()).toBe(MAX_SUCCESSORS);
  expect(server.refresh(answers.at(-1) as Buffer)).toBeDefined();
});

test("tabs that refresh at once all get a token, and whichever is kept goes on", () => {
  for (let kept = 0; kept < MAX_SUCCESSORS; kept++) {
    const server = startServer();
    const answers = Array.from({ length: MAX_SUCCESSORS }, () => server.refresh(server.first));
    const next = server.refresh(answers[kept] as Buffer);
    expect(next).toBeDefined();
    expect(server.refresh(next as Buffer)).toBeDefined();
  }
});

test("a token used after one of its successors was used ends the session", () => {
  const server = startServer();
  const second = server.refresh(server.first) as Buffer;
  expect(server.refresh(second)).toBeDefined();
  expect(server.refresh(server.first)).toBeUndefined();
  expect(server.isRevoked()).toBe(true);
});

test("of two successors of one token, the second to be used ends the session", () => {
  const server = startServer();
  const kept = server.refresh(server.first) as Buffer;
  const stolen = server.refresh(server.first) as Buffer;
  expect(server.refresh(stolen)).toBeDefined();
  expect(server.refresh(kept)).toBeUndefined();
  expect(server.isRevoked()).toBe(true);
});

test("two holders of one token are found out once both have gone two steps, in whatever order", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("owner", "thief"), { maxLength: 40 }), (order) => {
      const server = startServer();
      const held: Record<"owner" | "thief", Buffer> = { owner: server.first, thief: server.first };
      const steps = { owner: 0, thief: 0 };
      for (const who of order as ("owner" | "thief")[]) {
        const answer = server.refresh(held[who]);
        if (answer) held[who] = answer;
        steps[who] += 1;
      }
      if (steps.owner >= 2 && steps.thief >= 2) expect(server.isRevoked()).toBe(true);
    }),
  );
});
