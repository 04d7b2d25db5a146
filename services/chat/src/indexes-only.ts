/**
 * The few statements of the hot path always have an index. A plan made while a table is still small would read all of
 * it, and stay cached while the table grows.
 */
export const INDEXES_ONLY = { enable_seqscan: "off", enable_hashjoin: "off", enable_mergejoin: "off" };
