import { type Logger as PinoLogger, pino } from "pino";

export type Logger = PinoLogger;

/** JSON lines on standard output. Values under names that hold secrets are removed, wherever an object is logged. */
export function createLogger(options: { service: string; level: string }): Logger {
  return pino({
    name: options.service,
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        "password",
        "token",
        "accessToken",
        "refreshToken",
        "authorization",
        "cookie",
        "content",
        "envelope",
      ].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: "[redacted]",
    },
  });
}
