import { describe, expect, it } from "vitest";
import { type Outcome, simulatePair, type Weather } from "./network-simulation.ts";

async function simulate(pairs: number, firstSeed: number, weather: Weather): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let pair = 0; pair < pairs; pair++) outcomes.push(await simulatePair(firstSeed + pair, weather));
  return outcomes;
}

function sum(outcomes: readonly Outcome[], count: (outcome: Outcome) => number): number {
  return outcomes.reduce((total, outcome) => total + count(outcome), 0);
}

function expectNothingLost(outcomes: readonly Outcome[]): void {
  expect(outcomes.flatMap((outcome) => outcome.refusals)).toEqual([]);
  expect(sum(outcomes, (outcome) => outcome.lost)).toBe(0);
  expect(sum(outcomes, (outcome) => outcome.twice)).toBe(0);
  expect(outcomes.filter((outcome) => outcome.dead)).toEqual([]);
}

describe("two hundred pairs over a network that loses, doubles, delays and reorders", () => {
  const weather = { messagesPerSide: 5, loss: 0.1, duplication: 0.15, restart: 0.05, crash: 0 };

  it("lose no message, open none twice, and can all still talk", { timeout: 150_000 }, async () => {
    const outcomes = await simulate(200, 42, weather);
    expectNothingLost(outcomes);
    // The paths that matter were taken: the one-time keys ran out.
    expect(sum(outcomes, (outcome) => outcome.lastResortUses)).toBeGreaterThan(20);
  });
});

describe("forty pairs whose devices lose power at commits", () => {
  const weather = { messagesPerSide: 5, loss: 0.1, duplication: 0.15, restart: 0.05, crash: 0.1 };

  it("lose no message, open none twice, and can all still talk", { timeout: 150_000 }, async () => {
    const outcomes = await simulate(40, 4242, weather);
    expectNothingLost(outcomes);
    expect(sum(outcomes, (outcome) => outcome.crashes)).toBeGreaterThan(40);
  });
});
