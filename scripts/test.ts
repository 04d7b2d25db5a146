// npm test: the complete gate.
import { runGate } from "./gate/run-gate.ts";
import { allSteps } from "./gate/steps.ts";
import { provideTools } from "./gate/tools.ts";

try {
  await runGate(allSteps(), provideTools());
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
