import { OpenAPIHono } from "@hono/zod-openapi";
import { ACCESS_COOKIE, FRESH_SECONDS } from "@sotto/contracts/access-token";
import { type ErrorCode, errorStatus, problem } from "@sotto/contracts/errors";
import { limits } from "@sotto/contracts/limits";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { getCookie } from "hono/cookie";
import { HTTPException } from "hono/http-exception";
import { methodNotAllowed } from "hono/method-not-allowed";
import { requestId } from "hono/request-id";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { accessCookieName } from "./access-cookie.ts";
import { AppError, type ConstraintErrors, fromZodError, toAppError, toProblem } from "./app-error.ts";
import { clientAddress, peerAddress } from "./client-address.ts";
import type { Clock } from "./clock.ts";
import { allowOrigins } from "./cors.ts";
import { CLOSED_EDGE, type Edge } from "./edge.ts";
import { guardAnswers } from "./guard-answers.ts";
import type { Logger } from "./log.ts";
import { type ApiDocument, completeDocument } from "./openapi.ts";
import { requireSameOrigin } from "./same-origin.ts";
import type { Caller, TokenVerifier } from "./token-verifier.ts";

export type AppEnv = {
  Variables: {
    requestId: string;
    caller: Caller;
    /** Network address of the client in its canonical form; undefined where the runtime does not tell. */
    address: string | undefined;
  };
};
export type App = OpenAPIHono<AppEnv>;

export type AppOptions = {
  log: Logger;
  /** How the app meets the outside; closed when absent. */
  edge?: Edge;
  /** Names of database constraints, as errors for the caller. */
  constraints?: ConstraintErrors;
  /** Longest body in bytes by path prefix; the first match counts, else `limits.bodyBytes`. */
  bodyLimits?: readonly { path: RegExp; bytes: number }[];
};

/** A longer id of a client, or one that is not plain, is replaced: it comes back in headers and stands in the log. */
const REQUEST_ID_MAX = 64;

/**
 * A Hono app with what every service needs: request ids, guarding headers, foreign origins, the client's address, body
 * limits, problem+json for every error.
 */
export function createApp(options: AppOptions): App {
  const app = new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw fromZodError(result.error);
    },
  });
  const edge = options.edge ?? CLOSED_EDGE;
  app.use(requestId({ limitLength: REQUEST_ID_MAX }));
  app.use(guardAnswers(edge));
  app.use(allowOrigins(edge.corsOrigins));
  app.use(async (c, next) => {
    const forwardedFor = c.req.header("X-Forwarded-For");
    c.set("address", clientAddress({ peer: peerAddress(c), forwardedFor }, edge.trustedProxies));
    await next();
  });
  app.use(refuseEncoded);
  app.use(limitBodies(options.bodyLimits ?? []));
  app.use(methodNotAllowed({ app, onMethodNotAllowed: (c, methods) => refuseMethod(c, methods, options) }));
  app.onError((error, c) => answerError(c, error, options));
  app.notFound((c) =>
    answerError(c, new AppError("not_found", "There is nothing at this address."), options),
  );
  return app;
}

/** A sub-app whose validation errors are those of `createApp`; mount it with `app.route`. */
export function createRoutes(): App {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw fromZodError(result.error);
    },
  });
}

/** A small body that unpacks to a large one would pass every limit: none is unpacked (RFC 9110 section 8.4). */
const refuseEncoded: MiddlewareHandler<AppEnv> = async (c, next) => {
  if ((c.req.header("Content-Encoding") ?? "identity").toLowerCase() !== "identity") {
    c.header("Accept-Encoding", "identity");
    throw new AppError("unsupported_media_type", "A body must not be compressed.");
  }
  await next();
};

/** Of these a Request has no body (Fetch, section 5.4). */
const BODILESS_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD"]);

function limitBodies(rules: NonNullable<AppOptions["bodyLimits"]>): MiddlewareHandler<AppEnv> {
  const tooLarge = (bytes: number) => () => {
    throw new AppError("payload_too_large", `The body is larger than ${bytes} bytes.`, {
      details: { bytes },
    });
  };
  const build = (bytes: number): MiddlewareHandler<AppEnv> => {
    const refuse = tooLarge(bytes);
    const count = bodyLimit({ maxSize: bytes, onError: refuse });
    // Hono's own check asks for the body as a stream, and so has a whole Request made of every request.
    return async (c, next) => {
      if (BODILESS_METHODS.has(c.req.method)) return next();
      const length = c.req.header("Content-Length");
      const isNamed = length !== undefined && c.req.header("Transfer-Encoding") === undefined;
      if (!isNamed) return count(c, next);
      if (Number(length) > bytes) refuse();
      return next();
    };
  };
  const usual = build(limits.bodyBytes);
  const special = rules.map(({ path, bytes }) => ({ path, limit: build(bytes) }));
  return (c, next) => {
    const found = special.find(({ path }) => path.test(c.req.path));
    return (found?.limit ?? usual)(c, next);
  };
}

function answerError(c: Context<AppEnv>, thrown: unknown, { log, constraints }: AppOptions): Response {
  const error = toAppError(fromHonoException(thrown), constraints);
  const id = c.get("requestId") ?? "";
  if (errorStatus[error.code] >= 500) {
    log.error(
      { err: error.cause ?? error, requestId: id, method: c.req.method, path: c.req.path },
      error.message,
    );
  }
  const { status, ...body } = toProblem(error, id);
  if (error.retryAfterSeconds !== undefined) c.header("Retry-After", String(error.retryAfterSeconds));
  // The rest of the body is not read, so that nothing can follow it on this connection.
  if (status === 413) c.header("Connection", "close");
  if (status === 401) c.header("WWW-Authenticate", "Bearer");
  return c.json({ ...body, status }, status as ContentfulStatusCode, {
    "Content-Type": "application/problem+json",
  });
}

function refuseMethod(c: Context<AppEnv>, methods: string[], options: AppOptions): Response {
  c.header("Allow", methods.join(", "));
  return answerError(
    c,
    new AppError("method_not_allowed", "This address does not answer to that method."),
    options,
  );
}

/** Hono throws its own exceptions for malformed JSON and other media types. */
function fromHonoException(thrown: unknown): unknown {
  if (!(thrown instanceof HTTPException)) return thrown;
  if (thrown.status === 415) {
    return new AppError("unsupported_media_type", "This address does not take a body of that media type.");
  }
  if (thrown.status < 500) return new AppError("bad_request", thrown.message || "The request is not valid.");
  return thrown;
}

export type CallerPolicy = {
  readonly verifier: TokenVerifier;
  /** Origin (RFC 6454) of the pages that may act by cookie. */
  readonly publicOrigin: string;
};

/** By RFC 9110 section 9.2.1 these change nothing, and no other site can read the answers. */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Lets only callers with a valid access token pass. A bearer token wins over the cookie, and a malformed one is refused
 * rather than passed over. What changes something by cookie must come from this installation's own pages.
 * @throws AppError `unauthenticated`, `token_expired`, `forbidden`, `unavailable`
 */
export function requireCaller({ verifier, publicOrigin }: CallerPolicy): MiddlewareHandler<AppEnv> {
  const cookieName = accessCookieName(publicOrigin);
  return async (c, next) => {
    const bearer = bearerToken(c.req.header("Authorization"));
    const token = bearer ?? getCookie(c, cookieName);
    if (!token) throw new AppError("unauthenticated", "This needs an access token.");
    c.set("caller", await verifier.verify(token));
    const isByCookie = bearer === undefined;
    if (isByCookie && !SAFE_METHODS.has(c.req.method)) requireSameOrigin(c.req.header(), publicOrigin);
    await next();
  };
}

/**
 * Lets only callers pass whose session has proved who it is within `FRESH_SECONDS`; put it behind `requireCaller`.
 * @throws AppError `reauthentication_required`
 */
export function requireFresh({ clock }: { clock: Clock }): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const ageMs = clock.now().getTime() - c.var.caller.authenticatedAt.getTime();
    if (ageMs > FRESH_SECONDS * 1000) {
      throw new AppError(
        "reauthentication_required",
        "Prove once more who you are: POST /api/user/reauthenticate.",
      );
    }
    await next();
  };
}

function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const token = /^Bearer +([A-Za-z0-9._~+/=-]{1,4096})$/i.exec(authorization)?.[1];
  if (!token) throw new AppError("unauthenticated", "The header Authorization holds no bearer token.");
  return token;
}

/** The error answers of a route, for `createRoute({ responses })`. */
export function problems(...codes: ErrorCode[]) {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = errorStatus[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      { description: names.join(", "), content: { "application/problem+json": { schema: problem } } },
    ]),
  );
}

/**
 * Serves the OpenAPI 3.1 document made from the same schemas that validate. `everyCaller`: problems that every route
 * which acts for a caller can answer with, besides those of `requireCaller`.
 */
export function addOpenApi(
  app: App,
  info: { title: string; version: string },
  everyCaller: readonly ErrorCode[] = [],
): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "cookie", {
    type: "apiKey",
    in: "cookie",
    name: ACCESS_COOKIE,
    description: `Over https the name is __Host-${ACCESS_COOKIE}.`,
  });
  let document: ApiDocument | undefined;
  app.get("/openapi.json", (c) => {
    // Made when first asked for, when every route is there.
    document ??= completeDocument(
      app.getOpenAPI31Document({ openapi: "3.1.0", info }) as unknown as ApiDocument,
      everyCaller,
    );
    return c.json(document);
  });
}
