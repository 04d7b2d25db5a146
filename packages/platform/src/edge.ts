import { LOOPBACK, type TrustedProxies, trustedProxies } from "./client-address.ts";
import { corsOrigins } from "./cors.ts";

/** How a service meets the outside. */
export type Edge = {
  readonly trustedProxies: TrustedProxies;
  /** Origins whose pages may call with a bearer token. */
  readonly corsOrigins: readonly string[];
  /** Whether browsers reach it by https only. */
  readonly isHttps: boolean;
};

/** Settings of every service that has a REST interface. */
export const edgeEnv = {
  /** Proxies whose X-Forwarded-For is believed. When absent: those on this machine in development, none in production. */
  TRUSTED_PROXIES: trustedProxies.optional(),
  CORS_ORIGINS: corsOrigins,
} as const;

type EdgeSettings = {
  NODE_ENV: string;
  TRUSTED_PROXIES?: TrustedProxies | undefined;
  CORS_ORIGINS: readonly string[];
  PUBLIC_URL?: string | undefined;
};

export function edgeOf(settings: EdgeSettings): Edge {
  const usual = settings.NODE_ENV === "production" ? [] : LOOPBACK;
  return {
    trustedProxies: settings.TRUSTED_PROXIES ?? usual,
    corsOrigins: settings.CORS_ORIGINS,
    isHttps: settings.PUBLIC_URL?.startsWith("https:") ?? false,
  };
}

/** Believes no proxy, and lets in no foreign page. */
export const CLOSED_EDGE: Edge = { trustedProxies: [], corsOrigins: [], isHttps: false };
