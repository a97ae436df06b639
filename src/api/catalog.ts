import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { atPointer } from '../domain/endpoint.ts';
import type { Value } from '../domain/money.ts';
import type { Store } from '../store/store.ts';
import type { WireEventType } from './contract/schemas.ts';
import { type Fault, Problem } from './problem.ts';

const faultsMost = 20;

/** What is declared about event types, compiled: looked at for each event that is published. */
export interface Catalog {
  /**
   * The value that an event's data carries where its type is declared with one, or null.
   * Throws a `Problem` (422, with the path of each fault) where the data is not what its type's schema says.
   */
  check(type: string, data: unknown, path: string): Value | null;
  /** Reads the declarations again. */
  refresh(): Promise<void>;
}

interface Declared {
  readonly validate: ValidateFunction | null;
  readonly value: WireEventType['value'];
}

/** Compiles a type's schema; throws where it is none. */
export function compileSchema(schema: Record<string, unknown>): ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: true, logger: false });
  addFormats.default(ajv);
  return ajv.compile(schema);
}

/** An amount that is a whole number of minor units, and a currency, or null: what is unknown is counted apart. */
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

export function createCatalog(store: Pick<Store, 'documents'>): Catalog {
  let declared: ReadonlyMap<string, Declared> = new Map();
  return {
    check: (type, data, path) => {
      const known = declared.get(type);
      if (known === undefined) return null;
      if (known.validate !== null && !known.validate(data)) {
        const faults = known.validate
          .errors!.slice(0, faultsMost)
          .map(({ instancePath, message, params }): Fault => ({
            path: `${path}/data${instancePath}`,
            message: `${message ?? 'is not valid'}${'additionalProperty' in params ? ` (${String(params['additionalProperty']).slice(0, 64)})` : ''}`,
          }));
        throw new Problem(
          422,
          'invalid_data',
          `${faults[0]!.path} ${faults[0]!.message}: the schema of ${type} refuses this data`,
          faults,
        );
      }
      return known.value === undefined ? null : valueAt(data, known.value);
    },
    refresh: async () => {
      const types = await store.documents('event_type');
      declared = new Map(
        types.map(({ name, document }) => {
          const { schema, value } = document as WireEventType;
          return [name, { validate: schema === undefined ? null : compileSchema(schema), value }];
        }),
      );
    },
  };
}
