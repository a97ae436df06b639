import type { z } from 'zod';
import { type Fault, PosthornError } from '../domain/errors.ts';
import type { BodyLines, LineForm, Operation } from './operation.ts';

const maxFaults = 100;
/** A name that the caller made up may be as long as the body. */
const maxPathLength = 512;

/** The JSON Pointer (RFC 6901) of these steps. */
export function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Parses the value by the schema; throws `invalid_request`, which names every fault with its path. */
export function parse<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const errors: Fault[] = result.error.issues
    .slice(0, maxFaults)
    .flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys
            .slice(0, maxFaults)
            .map((key) => ({ path: pointer([...issue.path, key]), message: 'is not a known field' }))
        : // The fault of a record's key is one level below.
          [
            {
              path: pointer(issue.path),
              message: (issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined) ?? issue.message,
            },
          ],
    )
    .slice(0, maxFaults)
    .map(({ path, message }) => ({ path: path.slice(0, maxPathLength).toWellFormed(), message }));
  const first = errors[0]!;
  throw new PosthornError(
    'invalid_request',
    `${first.path === '' ? 'the request' : first.path}: ${first.message}`,
    errors,
  );
}

export interface RawRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  /** For a line body, instead of `body`. */
  readonly lines?: BodyLines<unknown> | null;
}

/** An omitted body counts as `{}` if its schema accepts that. */
function parseBody(schema: z.ZodType, body: unknown): unknown {
  return parse(schema, body === undefined && schema.safeParse({}).success ? {} : body);
}

/** Parses each line by its schema; the first invalid one ends it. */
async function* parseLines({ line }: LineForm, parts: BodyLines<unknown>): BodyLines<unknown> {
  let number = 0;
  for await (const part of parts)
    yield part.map((value) => {
      number++;
      const { data, error } = line.safeParse(value);
      if (error === undefined) return data;
      const message = error.issues[0]!.message;
      throw new PosthornError('invalid_request', `line ${number}: ${message}`, [
        { path: `/${number - 1}`, message },
      ]);
    });
}

/** Parses the parts of a request that its operation has, each by its schema. */
export function parseRequest({ params, query, body, lines }: Operation, request: RawRequest): RawRequest {
  if (lines !== undefined && request.lines)
    return {
      params: params === undefined ? undefined : parse(params, request.params),
      query: undefined,
      body: parse(lines.query, request.query),
      lines: parseLines(lines, request.lines),
    };
  return {
    params: params === undefined ? undefined : parse(params, request.params),
    query: query === undefined ? undefined : parse(query, request.query),
    body: body === undefined ? undefined : parseBody(body, request.body),
    ...(lines === undefined ? {} : { lines: null }),
  };
}
