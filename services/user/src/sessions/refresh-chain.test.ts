import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { advanceChain, judgeRefresh, MAX_SUCCESSORS, startChain } from "./refresh-chain.ts";

type Token = { generation: number; hash: Buffer };

/** A server with one session, as refresh-session.ts runs it. */
function startServer() {
  let issued = 0;
  const issue = (generation: number): Token => ({
    generation,
    hash: createHash("sha256").update(`token ${issued++}`).digest(),
  });
  const first = issue(1);
  let chain = startChain(first.hash);
  let isRevoked = false;
  return {
    first,
    isRevoked: () => isRevoked,
    successors: () => chain.successorHashes.length,
    refresh(token: Token): Token | undefined {
      if (isRevoked) return undefined;
      const judgement = judgeRefresh(chain, token);
      if (judgement === "reused") {
        isRevoked = true;
        return undefined;
      }
      const successor = issue(token.generation + 1);
      chain = advanceChain(chain, { judgement, token, successorHash: successor.hash });
      return successor;
    },
  };
}

test("a client is never signed out, whichever answers are lost and however often it retries", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (arrivals) => {
      const server = startServer();
      let held = server.first;
      for (const arrives of arrivals) {
        const answer = server.refresh(held);
        if (arrives && answer) held = answer;
      }
      expect(server.isRevoked()).toBe(false);
      expect(server.successors()).toBeLessThanOrEqual(MAX_SUCCESSORS);
    }),
  );
});

test("tabs that refresh at once all get a token, and whichever is kept goes on", () => {
  for (let kept = 0; kept < MAX_SUCCESSORS; kept++) {
    const server = startServer();
    const answers = Array.from({ length: MAX_SUCCESSORS }, () => server.refresh(server.first));
    const next = server.refresh(answers[kept] as Token);
    expect(next).toBeDefined();
    expect(server.refresh(next as Token)).toBeDefined();
  }
});

test("a token used after one of its successors was used ends the session", () => {
  const server = startServer();
  const second = server.refresh(server.first) as Token;
  expect(server.refresh(second)).toBeDefined();
  expect(server.refresh(server.first)).toBeUndefined();
  expect(server.isRevoked()).toBe(true);
});

test("of two successors of one token, the second to be used ends the session", () => {
  const server = startServer();
  const kept = server.refresh(server.first) as Token;
  const stolen = server.refresh(server.first) as Token;
  expect(server.refresh(stolen)).toBeDefined();
  expect(server.refresh(kept)).toBeUndefined();
  expect(server.isRevoked()).toBe(true);
});

test("two holders of one token are found out once both have gone two steps, in whatever order", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("owner", "thief"), { maxLength: 40 }), (order) => {
      const server = startServer();
      const held = { owner: server.first, thief: server.first };
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
