import type { z } from "zod";

/** OpenAPI: a bearer token or the cookie, either will do. */
export const callerSecurity: Record<string, string[]>[] = [{ bearer: [] }, { cookie: [] }];

export function jsonContent<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** A body that must be there, and be JSON. */
export function jsonBody<S extends z.ZodType>(schema: S) {
  return { body: { required: true, content: { "application/json": { schema } } } } as const;
}
