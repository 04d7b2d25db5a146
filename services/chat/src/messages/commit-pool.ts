import { INDEXES_ONLY } from "../indexes-only.ts";

/** Settings of the pool that stores messages; the benchmark's floor has the same. */
export const COMMIT_POOL = { settings: INDEXES_ONLY, pipeline: true } as const;
