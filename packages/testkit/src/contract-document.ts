// The operations of all services, as their OpenAPI documents describe them.

/** What the suite reads of JSON Schema 2020-12. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
};

export type Parameter = {
  name: string;
  in: "path" | "query" | "header" | "cookie";
  required?: boolean;
  schema: Schema;
};

type Answer = { description?: string; content?: Record<string, { schema?: Schema }> };

export type Operation = {
  /** Of the service that answers it. */
  readonly service: string;
  readonly method: string;
  /** With `{names}` in it. */
  readonly path: string;
  /** `POST /api/user/sign-in` */
  readonly name: string;
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly isSecured: boolean;
  readonly takesCookie: boolean;
  readonly parameters: readonly Parameter[];
  readonly body: Schema | undefined;
  readonly isBodyRequired: boolean;
  readonly responses: Readonly<Record<string, Answer>>;
  /** Codes of problems that it says it answers with. */
  readonly codes: ReadonlySet<string>;
};

export type Description = {
  readonly openapi: string;
  readonly paths?: Record<string, Record<string, RawOperation>>;
  readonly components?: { readonly schemas?: Record<string, Schema> };
};
type RawOperation = {
  operationId?: string;
  tags?: string[];
  summary?: string;
  security?: Record<string, unknown>[];
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> };
  responses?: Record<string, Answer>;
};

export function readOperations(service: string, description: Description): Operation[] {
  return Object.entries(description.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, raw]) =>
      readOperation(service, { path, method: method.toUpperCase(), raw, description }),
    ),
  );
}

type Place = { path: string; method: string; raw: RawOperation; description: Description };

function readOperation(service: string, { path, method, raw, description }: Place): Operation {
  const responses = raw.responses ?? {};
  return {
    service,
    method,
    path,
    name: `${method} ${path}`,
    operationId: raw.operationId ?? "",
    tags: raw.tags ?? [],
    summary: raw.summary ?? "",
    isSecured: (raw.security ?? []).length > 0,
    takesCookie: (raw.security ?? []).some((scheme) => "cookie" in scheme),
    parameters: (raw.parameters ?? []).map((parameter) => ({
      ...parameter,
      schema: expand(parameter.schema, description),
    })),
    body: raw.requestBody && expand(raw.requestBody.content["application/json"]?.schema ?? {}, description),
    isBodyRequired: raw.requestBody?.required ?? false,
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, answer]) => [status, expandAnswer(answer, description)]),
    ),
    codes: new Set(Object.values(responses).flatMap(({ description: codes }) => codes?.split(", ") ?? [])),
  };
}

function expandAnswer({ content, ...answer }: Answer, description: Description): Answer {
  if (!content) return answer;
  const media = Object.entries(content).map(([type, { schema }]) => [
    type,
    { schema: schema && expand(schema, description) },
  ]);
  return { ...answer, content: Object.fromEntries(media) };
}

/** The schema without references; none of ours refers to itself. */
function expand(schema: Schema, description: Description): Schema {
  if (schema.$ref) {
    const name = schema.$ref.replace("#/components/schemas/", "");
    const found = description.components?.schemas?.[name];
    if (!found) throw new Error(`nothing is at ${schema.$ref}`);
    return expand(found, description);
  }
  const each = (list: Schema[]) => list.map((part) => expand(part, description));
  return {
    ...schema,
    ...(schema.anyOf && { anyOf: each(schema.anyOf) }),
    ...(schema.oneOf && { oneOf: each(schema.oneOf) }),
    ...(schema.allOf && { allOf: each(schema.allOf) }),
    ...(schema.items && { items: expand(schema.items, description) }),
    ...(typeof schema.additionalProperties === "object" && {
      additionalProperties: expand(schema.additionalProperties, description),
    }),
    ...(schema.properties && {
      properties: Object.fromEntries(
        Object.entries(schema.properties).map(([name, part]) => [name, expand(part, description)]),
      ),
    }),
  };
}

/** The alternatives of a schema; itself when there are none. */
export function alternatives(schema: Schema): Schema[] {
  const list = schema.anyOf ?? schema.oneOf;
  if (list) return list.flatMap(alternatives);
  if (Array.isArray(schema.type)) return schema.type.map((type) => ({ ...schema, type }));
  return [schema];
}

/** The operations at an address: `/sessions/revoke-others` is a `/sessions/{sessionId}` as well. */
export function operationsAt(operations: readonly Operation[], address: string): Operation[] {
  return operations.filter(({ path }) => {
    const pattern = path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+");
    return new RegExp(`^${pattern}$`).test(address);
  });
}
