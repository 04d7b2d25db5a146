// Runs in a worker thread: some passwords take zxcvbn a quarter of a second.
import { parentPort } from "node:worker_threads";
import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import { adjacencyGraphs, dictionary as commonWords } from "@zxcvbn-ts/language-common";
import { dictionary as englishWords, translations } from "@zxcvbn-ts/language-en";
import type { StrengthQuestion } from "./strength-judge.ts";

/** More combinations of substituted characters are not tried: at the library's 100 some passwords take seconds. */
const MAX_SUBSTITUTIONS = 16;

const zxcvbn = new ZxcvbnFactory({
  dictionary: { ...commonWords, ...englishWords },
  graphs: adjacencyGraphs,
  translations,
  l33tMaxSubstitutions: MAX_SUBSTITUTIONS,
});

parentPort?.on("message", ({ id, text, words }: StrengthQuestion) => {
  const { score, feedback } = zxcvbn.check(text, [...words]);
  parentPort?.postMessage({
    id,
    score,
    warning: feedback.warning || null,
    suggestions: feedback.suggestions,
  });
});
