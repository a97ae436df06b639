import { z } from 'zod';
import { parseRequest } from '../contract/parse.ts';
import { type Answer, type OperationId, table } from '../contract/table.ts';
import type { Caller, KeyScope } from '../domain/caller.ts';
import type { ApiDependencies } from '../http/dependencies.ts';
import { type Call, type Handlers, Reply } from '../service/handler.ts';
import { InvalidFields, unsupported } from './errors.ts';

/** The parts of a request to one of Posthorn's own operations, as on the wire. */
interface OwnRequest {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  /** The body's text, if it matters byte for byte. */
  readonly text?: string;
}

/** Clients send null for what they leave out. */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

export type Parameters = Readonly<Record<string, string>>;

/** One request, and what it may use. */
export interface Context {
  readonly params: Parameters;
  readonly query: Query;
  readonly body: unknown;
  /** The body as received. */
  readonly text: string | null;
  readonly caller: Caller;
  readonly call: Call;
  /** Null: none was sent. */
  readonly idempotencyKey: string | null;
  readonly userAgent: string;
  readonly deps: ApiDependencies;
  readonly handlers: Handlers;
  /** Runs one of Posthorn's own operations as the caller, validated and confined as over its own API. */
  readonly own: <Id extends OperationId>(id: Id, request: OwnRequest) => Promise<Answer<Id>>;
  /** The same; returns the answer's text. */
  readonly ownText: (id: OperationId, request: OwnRequest) => Promise<string>;
}

/** An answer: text is sent as it is. */
export interface Answered {
  readonly status: number;
  readonly body?: unknown;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api/v1/`; parameters in braces. */
  readonly path: string;
  readonly scope: KeyScope;
  /** Refused to keys of one application. */
  readonly orgOnly?: true;
  /** Its body may contain any text, and is checked by the route. */
  readonly anyText?: true;
  readonly handle: (context: Context) => Promise<Answered>;
}

/** Query parameters: of one value, and of lists, which are repeated, joined by commas, or named `x[]`. */
export class Query {
  readonly #given: Readonly<Record<string, string | readonly string[] | undefined>>;
  constructor(given: Readonly<Record<string, string | readonly string[] | undefined>>) {
    this.#given = given;
  }

  one(name: string): string | undefined {
    const [value] = this.#values(name);
    return value === undefined || value === '' ? undefined : value;
  }

  list(name: string): readonly string[] | undefined {
    const values = this.#values(name).flatMap((text) => text.split(','));
    const found = values.filter((text) => text !== '');
    return found.length === 0 ? undefined : found;
  }

  flag(name: string, usual = false): boolean {
    const value = this.one(name);
    return value === undefined ? usual : value === 'true';
  }

  /** Refuses parameters that would change what is answered, and are not supported. */
  refuse(names: readonly string[], why: string): void {
    for (const name of names)
      if (this.one(name) !== undefined && this.one(name) !== 'false') throw unsupported('query', name, why);
  }

  parse<S extends z.ZodType>(schema: S, name: string): z.output<S> {
    const result = schema.safeParse(this.one(name));
    if (result.success) return result.data;
    throw new InvalidFields('query', [{ path: `/${name}`, message: result.error.issues[0]!.message }]);
  }

  #values(name: string): readonly string[] {
    return [this.#given[name] ?? [], this.#given[`${name}[]`] ?? []].flat();
  }
}

/** The body by a schema; unknown fields are ignored, as clients of other versions send them. */
export function parseBody<S extends z.ZodType>(schema: S, { body }: Pick<Context, 'body'>): z.output<S> {
  const result = schema.safeParse(body ?? {});
  if (result.success) return result.data;
  throw new InvalidFields(
    'body',
    result.error.issues
      .slice(0, 100)
      .map(({ path, message }) => ({ path: path.map((part) => `/${String(part)}`).join(''), message })),
  );
}

/** Runs Posthorn's own operations for a caller. */
export function ownOperations(handlers: Handlers, call: Call): Pick<Context, 'own' | 'ownText'> {
  const run = async (id: OperationId, { text, ...request }: OwnRequest): Promise<unknown> => {
    const { params, query, body } = request;
    const parsed = parseRequest(table[id], { params: params ?? {}, query: query ?? {}, body });
    // `Handlers` maps each operation to its handler: here only their names are known.
    const handle = handlers[id] as (input: unknown, by: Call) => Promise<unknown>;
    const result = await handle(parsed, { ...call, text: text ?? null });
    return result instanceof Reply ? result.answer : result;
  };
  const isText = (answer: unknown): answer is string | Buffer =>
    typeof answer === 'string' || Buffer.isBuffer(answer);
  return {
    own: async (id, request) => {
      const answer = await run(id, request);
      return (isText(answer) ? JSON.parse(String(answer)) : answer) as never;
    },
    ownText: async (id, request) => {
      const answer = await run(id, request);
      return isText(answer) ? String(answer) : JSON.stringify(answer);
    },
  };
}
