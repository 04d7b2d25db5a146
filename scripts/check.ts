// npm run check: what needs no server. The complete gate is npm test.
import { runGate } from "./gate/run-gate.ts";
import { quickSteps } from "./gate/steps.ts";

await runGate(quickSteps(), {});
