// A thread that hashes passwords, one after the other, behind everything else that the machine has to do.
import { readlinkSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parentPort } from "node:worker_threads";
import { hashSync, verifySync } from "@node-rs/argon2";
import type { HashJob, HashResult } from "./hash-threads.ts";

/**
 * Five steps are a third of the share of the others' threads (sched(7)): whatever else waits for a core gets it first,
 * and beside a machine that is busy all the time passwords are still verified.
 */
const STEPS_BACK = 5;
const LAST = os.constants.priority.PRIORITY_LOW;

/** Linux alone knows the niceness of a thread, under its own id. */
function stepBack(): void {
  if (process.platform !== "linux") return;
  const thread = Number(path.basename(readlinkSync("/proc/thread-self")));
  os.setPriority(thread, Math.min(LAST, os.getPriority(thread) + STEPS_BACK));
}

function run(job: HashJob): HashResult {
  try {
    return "phc" in job
      ? { value: verifySync(job.phc, job.password) }
      : { value: hashSync(job.password, job.parameters) };
  } catch (error) {
    return { error: String(error) };
  }
}

stepBack();
parentPort?.on("message", (job: HashJob) => parentPort?.postMessage(run(job)));
