import { z } from 'zod';
import type { Operation, Tag } from '../packages/posthorn/src/contract/operation.ts';
import { SeededRandom } from '../packages/posthorn/src/runtime/seeded-random.ts';

// Requests that are nearly right, from the operations table: values by their schemas, the examples, and what is known to be there,
// with something wrong about them.

export interface FuzzedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | null;
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

const deep = (levels: number): unknown =>
  JSON.parse(`${'['.repeat(levels)}1${']'.repeat(levels)}`) as unknown;

/** What breaks programs. */
const hostile: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  -0,
  1e308,
  2 ** 53,
  -(2 ** 63),
  '',
  ' ',
  '0',
  'null',
  '\u0000',
  '\ud800',
  '\u202eabc',
  'ﷺ'.repeat(100),
  "'; DROP TABLE events; --",
  '%00',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  '*',
  '2026-02-30T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  '0000-01-01T00:00:00Z',
  'http://[::1',
  'http://169.254.169.254/',
  'javascript:alert(1)',
  'x'.repeat(5000),
  [],
  {},
  [[]],
  [null, 1, 'a', {}],
  { a: { b: { c: [] } } },
  { length: -1, toString: 1, then: 'x' },
  deep(60),
  Array.from({ length: 1001 }, (_, n) => n),
  Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`k${n}`, n])),
];

const texts: readonly string[] = [
  'default',
  'orders',
  'payment.succeeded',
  'payment.*',
  '/amount',
  'a',
  'a-b',
  'A_1',
  'EUR',
  '1099',
  'application/json',
  '127.0.0.1',
  'http://127.0.0.1:1/hook',
  'P1D',
];

export class Fuzzer {
  readonly #random: SeededRandom;
  readonly #schemas = new Map<z.ZodType, JsonSchema>();
  /** Ids and names that answers have shown, of all and by tag: what is mutated often names something that is there. */
  readonly #known: string[] = [];
  readonly #own = new Map<Tag, string[]>();

  constructor(seed: number) {
    this.#random = new SeededRandom(seed, 'fuzz');
  }

  #chance(share: number): boolean {
    return this.#random.float() < share;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)]!;
  }

  /** Remembers the ids and names of an answer to an operation of this tag. */
  learn(tag: Tag, value: unknown): void {
    if (Array.isArray(value)) for (const item of value.slice(0, 5)) this.learn(tag, item);
    else if (typeof value === 'object' && value !== null)
      for (const [key, item] of Object.entries(value)) {
        if (typeof item !== 'string') this.learn(tag, item);
        else if (/(^|_)(id|name|cursor|tenant)$/.test(key)) this.#keep(this.#known, item);
        if (typeof item === 'string' && (key === 'id' || key === 'name')) this.#keep(this.#ownOf(tag), item);
      }
  }

  #ownOf(tag: Tag): string[] {
    let own = this.#own.get(tag);
    if (own === undefined) this.#own.set(tag, (own = []));
    return own;
  }

  #keep(list: string[], text: string): void {
    if (list.length < 300) list.push(text);
    else list[this.#random.below(300)] = text;
  }

  /** A request of this operation, most often with something wrong about it. */
  request(operation: Operation): FuzzedRequest {
    const wrongs = this.pick([0, 0, 1, 1, 1, 2, 3]);
    const { example } = operation;
    const body = this.#body(operation, wrongs);
    const query = new URLSearchParams(
      this.#chance(0.5) ? { ...example.query } : this.#strings(this.#from(operation.query)),
    );
    if (wrongs > 0 && this.#chance(0.2))
      query.append(this.pick(['limit', 'cursor', 'tenant', 'x']), this.#text());
    const search = query.toString();
    const method =
      wrongs > 1 && this.#chance(0.05) ? this.pick(['GET', 'PUT', 'PATCH', 'DELETE']) : operation.method;
    const path = `${this.#path(operation)}${search === '' ? '' : `?${search}`}`;
    return { method, path, headers: this.#headers(body, wrongs), body };
  }

  #path({ path, example, tag }: Operation): string {
    const own = this.#ownOf(tag);
    return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const known = own.length > 0 && this.#chance(0.6) ? this.pick(own) : this.#text();
      const value = this.#chance(0.2) ? (example.params?.[name] ?? 'x') : known;
      return this.#chance(0.02) ? '%E0%A4%A' : encodeURIComponent(value.toWellFormed().slice(0, 400));
    });
  }

  #headers(body: string | Buffer | null, wrongs: number): Record<string, string> {
    const headers: Record<string, string> = {};
    if (body !== null)
      headers['content-type'] =
        wrongs > 0 && this.#chance(0.05)
          ? this.pick(['text/plain', 'application/json; charset=latin1', 'multipart/form-data', 'x'])
          : 'application/json';
    if (this.#chance(0.1)) headers['idempotency-key'] = this.pick(['a', 'b', 'c', 'x y', 'x'.repeat(300)]);
    if (this.#chance(0.03)) headers['content-encoding'] = this.pick(['gzip', 'identity', 'br']);
    if (this.#chance(0.03)) headers['traceparent'] = this.pick(['00-0-0-0', 'x'.repeat(200)]);
    if (this.#chance(0.03)) headers['if-none-match'] = '*';
    if (this.#chance(0.03)) headers['sec-fetch-site'] = this.pick(['same-origin', 'cross-site', 'x']);
    return headers;
  }

  #body(operation: Operation, wrongs: number): string | Buffer | null {
    if (operation.body === undefined) return this.#chance(0.1) ? this.#json(this.#value()) : null;
    let value: unknown = this.#chance(0.6)
      ? structuredClone(operation.example.body ?? {})
      : this.#from(operation.body);
    for (let n = 0; n < wrongs; n++) value = this.#mutated(value);
    const text = this.#json(value);
    if (wrongs === 0 || !this.#chance(0.1)) return text;
    return this.pick([
      text.slice(0, this.#random.below(text.length + 1)),
      `${text}${text}`,
      Buffer.from(this.#random.bytes(this.#random.below(200))),
      Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0xfe])]),
      text.replaceAll(':', ': '),
      '',
    ]);
  }

  #json(value: unknown): string {
    return JSON.stringify(value) ?? 'null';
  }

  #text(): string {
    if (this.#known.length > 0 && this.#chance(0.7)) return this.pick(this.#known);
    if (this.#chance(0.7)) return this.pick(texts);
    return String(this.pick(hostile.filter((one) => typeof one === 'string')));
  }

  #value(): unknown {
    return this.#chance(0.5) ? this.pick(hostile) : this.#text();
  }

  /** The same with one thing wrong, at some depth. */
  #mutated(value: unknown): unknown {
    if (typeof value !== 'object' || value === null || this.#chance(0.1)) return this.#value();
    if (Array.isArray(value)) {
      if (value.length === 0 || this.#chance(0.2)) return [...(value as unknown[]), this.#value()];
      const at = this.#random.below(value.length);
      return value.map((item: unknown, index) => (index === at ? this.#mutated(item) : item));
    }
    const entries = Object.entries(value);
    if (entries.length === 0 || this.#chance(0.15))
      return Object.fromEntries([...entries, [this.#text(), this.#value()]]);
    const at = this.#random.below(entries.length);
    if (this.#chance(0.2)) return Object.fromEntries(entries.filter((_, index) => index !== at));
    return Object.fromEntries(
      entries.map(([key, item], index) => [key, index === at ? this.#mutated(item) : item]),
    );
  }

  #strings(value: unknown): Record<string, string> {
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        (typeof item === 'string' ? item : this.#json(item)).toWellFormed().slice(0, 400),
      ]),
    );
  }

  /** A value that the schema is likely to accept. */
  #from(schema: z.ZodType | undefined): unknown {
    if (schema === undefined) return {};
    let known = this.#schemas.get(schema);
    if (known === undefined) {
      known = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
      this.#schemas.set(schema, known);
    }
    return this.#generated(known, known, 0);
  }

  #generated(schema: JsonSchema, root: JsonSchema, depth: number): unknown {
    const { $ref: ref } = schema;
    if (ref !== undefined) {
      const name = ref.split('/').at(-1)!;
      const found = ref === '#' ? root : root.$defs?.[name];
      return found === undefined || depth > 6 ? this.#value() : this.#generated(found, root, depth + 1);
    }
    if (schema.const !== undefined) return schema.const;
    if (schema.enum !== undefined) return this.pick(schema.enum);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices !== undefined) return this.#generated(this.pick(choices), root, depth + 1);
    if (schema.allOf !== undefined) return this.#generated(schema.allOf[0]!, root, depth + 1);
    switch (typeof schema.type === 'string' ? schema.type : this.pick(schema.type ?? ['any'])) {
      case 'object':
        return this.#object(schema, root, depth);
      case 'array': {
        const { items = {}, prefixItems } = schema;
        if (prefixItems !== undefined) return prefixItems.map((one) => this.#generated(one, root, depth + 1));
        return Array.from({ length: this.#random.below(4) }, () => this.#generated(items, root, depth + 1));
      }
      case 'string':
        return this.#string(schema);
      case 'integer':
      case 'number': {
        const { minimum = 0, maximum = 1000 } = schema;
        return Math.floor(minimum + this.#random.float() * Math.min(maximum - minimum, 10_000));
      }
      case 'boolean':
        return this.#chance(0.5);
      case 'null':
        return null;
      default:
        return this.#value();
    }
  }

  #object(schema: JsonSchema, root: JsonSchema, depth: number): Record<string, unknown> {
    const { properties = {}, required = [], additionalProperties } = schema;
    const entries = Object.entries(properties)
      .filter(([key]) => (required.includes(key) ? this.#chance(0.98) : this.#chance(depth > 4 ? 0 : 0.3)))
      .map(([key, value]): [string, unknown] => [key, this.#generated(value, root, depth + 1)]);
    if (typeof additionalProperties === 'object')
      for (let n = this.#random.below(3); n > 0; n--)
        entries.push([this.pick(texts), this.#generated(additionalProperties, root, depth + 1)]);
    return Object.fromEntries(entries);
  }

  #string({ pattern, format }: JsonSchema): string {
    if (format === 'date-time')
      return new Date(Date.now() + Math.floor((this.#random.float() - 0.5) * 1e10)).toISOString();
    if (pattern === undefined) return this.#text();
    const fits = [...texts, ...this.#known].filter((text) => new RegExp(pattern, 'u').test(text));
    return fits.length > 0 ? this.pick(fits) : this.#text();
  }
}
