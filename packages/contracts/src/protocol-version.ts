/**
 * Version of the wire protocol. A client announces it when it connects; the server refuses versions it does not speak.
 * `schema-digest.test.ts` fails on any change of a wire schema until this number, or the digest beside it, is changed on purpose.
 */
export const PROTOCOL_VERSION = 1;

/** Of all wire schemas, limits and error codes, as `schema-digest.test.ts` computes it. */
export const SCHEMA_DIGEST = "6e28bee74b8211d0";
