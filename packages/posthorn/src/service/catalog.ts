import type { EventTypeDocument } from '../domain/documents.ts';
import { atPointer } from '../domain/json-pointer.ts';
import type { Value } from '../domain/money.ts';
import type { StoreRead } from '../store/store.ts';
import { type DeclaredSchema, declaredSchema, type SchemaValidator } from '../validation/validator.ts';
import { dataValue } from './event-body.ts';
import { noVerdict, refusedData } from './schema-problem.ts';
import type { PosthornError } from '../domain/errors.ts';

/** An event to check: `text` is its data as received, `path` its path in the request. */
export interface UncheckedEvent {
  readonly tenant: string;
  readonly type: string;
  /** Parsed, or a `DataText`. */
  readonly data: unknown;
  readonly text: string;
  readonly path: string;
}

/** The declarations of event types: consulted for each event that is published. */
export interface Catalog {
  /**
   * For each event the value in its data if its type is declared with one, or null. Schemas run in separate threads
   * (G8). Rejects with a `PosthornError`: 422 with the path of each fault if data does not match its type's schema.
   */
  check(events: readonly UncheckedEvent[]): Promise<readonly (Value | null)[]>;
  /** Returns why a schema cannot be declared, or null. */
  schemaFault(schema: Record<string, unknown>): Promise<string | null>;
  /** Reads the declarations again. */
  refresh(): Promise<void>;
}

interface Declared {
  readonly schema: DeclaredSchema | null;
  readonly value: EventTypeDocument['value'];
}

/** An amount that is a whole number of minor units, and a currency; or null: unknown values are counted separately. */
function valueAt(data: unknown, { amount, currency }: NonNullable<Declared['value']>): Value | null {
  const found = atPointer(data, amount);
  const code = currency.startsWith('/') ? atPointer(data, currency) : currency;
  if (typeof code !== 'string' || !/^[A-Za-z]{3}$/.test(code)) return null;
  const whole =
    typeof found === 'number'
      ? Number.isSafeInteger(found)
      : typeof found === 'string' && /^-?\d{1,18}$/.test(found);
  return whole ? { amountMinor: BigInt(found as number | string), currency: code.toUpperCase() } : null;
}

/** Validates the events of one tenant and type; returns the problem of the first invalid one, and its index. */
async function findFault(
  validator: SchemaValidator,
  schema: DeclaredSchema,
  events: readonly UncheckedEvent[],
): Promise<PosthornError | null> {
  const { tenant, type } = events[0]!;
  try {
    const verdicts = await validator.validate(
      schema,
      { tenant, id: `${tenant} ${type}` },
      events.map(({ text }) => text),
    );
    const at = verdicts.findIndex((verdict) => verdict !== null);
    return at < 0 ? null : refusedData(type, events[at]!.path, verdicts[at]!);
  } catch (error) {
    throw noVerdict(type, error);
  }
}

export function createCatalog(store: Pick<StoreRead, 'documents'>, validator: SchemaValidator): Catalog {
  let declared: ReadonlyMap<string, Declared> = new Map();
  let reading: Promise<void> | null = null;
  let again = false;

  const read = async (): Promise<void> => {
    do {
      again = false;
      const types = await store.documents('event_type');
      declared = new Map(
        types.map(({ name, document: { schema, value } }) => [
          name,
          { schema: schema === undefined ? null : declaredSchema(schema), value },
        ]),
      );
    } while (again);
  };

  const validate = async (events: readonly UncheckedEvent[]): Promise<void> => {
    const groups = new Map<string, { readonly schema: DeclaredSchema; readonly events: UncheckedEvent[] }>();
    for (const event of events) {
      const schema = declared.get(event.type)?.schema;
      if (schema === undefined || schema === null) continue;
      const key = `${event.tenant} ${event.type}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { schema, events: [event] });
      else group.events.push(event);
    }
    if (groups.size === 0) return;
    const faults = await Promise.all(
      [...groups.values()].map((group) => findFault(validator, group.schema, group.events)),
    );
    const fault = faults.find((problem) => problem !== null);
    if (fault !== undefined) throw fault;
  };

  return {
    check: async (events) => {
      if (declared.size === 0) return events.map(() => null);
      await validate(events);
      return events.map(({ type, data }) => {
        const value = declared.get(type)?.value;
        return value === undefined ? null : valueAt(dataValue(data), value);
      });
    },
    schemaFault: async (schema) => {
      try {
        return await validator.inspect(declaredSchema(schema));
      } catch (error) {
        throw noVerdict(null, error);
      }
    },
    refresh: async () => {
      again = true;
      reading ??= read().finally(() => (reading = null));
      await reading;
    },
  };
}
