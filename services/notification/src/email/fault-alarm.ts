import type { Logger } from "@sotto/platform/log";

export interface FaultAlarm {
  raise(reason: string): void;
  /** Mail goes out: the next fault is a new one. */
  clear(): void;
}

/** Tells of what nobody but the operator can mend: once for each reason, until mail goes out again. */
export function createFaultAlarm(log: Logger): FaultAlarm {
  let told: string | undefined;
  return {
    raise(reason) {
      if (reason === told) return;
      told = reason;
      log.error({ reason }, "the mail server does not take our mail until the configuration is changed");
    },
    clear() {
      told = undefined;
    },
  };
}
