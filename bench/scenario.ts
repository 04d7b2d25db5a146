import type { BenchArguments } from "./arguments.ts";
import type { Ground } from "./ground.ts";
import type { Report } from "./report.ts";

export interface Bench {
  readonly arguments: BenchArguments;
  readonly ground: Ground;
  readonly report: Report;
}

export interface Scenario {
  readonly title: string;
  run(bench: Bench): Promise<void>;
}
