import { createHash } from 'node:crypto';
import { rawData } from '../../service/raw-json.ts';
import { atPointer } from '../../domain/json-pointer.ts';
import { defaultTenant } from '../../domain/tenant.ts';

/** One line as an event of a batch. */
export interface EventLine {
  readonly number: number;
  readonly id: string;
  /** The id is derived from the line, because the line has none. */
  readonly isIdDerived: boolean;
  /** The event as it is in the body of the request. */
  readonly text: string;
  readonly bytes: number;
  /** Events of one key are sent in the order of their lines; null: without a key. */
  readonly orderingKey: string | null;
  /** A value should have been read from the data and is missing. */
  readonly lacksValue: boolean;
}

/** A line that is not an event; `message` follows its number. */
export class LineError extends Error {
  override readonly name = 'LineError';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** JSON Pointers to an event's value in the data. */
export interface ValuePointers {
  readonly amount: string;
  readonly currency: string;
}

/** Creates the id of a line that has none. */
export type IdSource = (tenant: string, text: string, number: number) => string;

/**
 * The id of a line that has none: a hash of its tenant, its text and its number, so that publishing the same file again
 * after a failure cannot publish an event twice (G1).
 */
export const derivedId: IdSource = (tenant, text, number) =>
  `line_${createHash('sha256')
    .update(JSON.stringify([tenant, number, text.trim()]))
    .digest('base64url')
    .slice(0, 32)}`;

/** Converts a line to an event; its data stays exactly as in the line. Throws `LineError`. */
export function eventOfLine(
  text: string,
  number: number,
  { pointers, idOf = derivedId }: { pointers: ValuePointers | null; idOf?: IdSource },
): EventLine {
  const event = parseObject(text);
  const data = rawData(text);
  if (data === null) throw new LineError('no_data', 'no "data"');
  const { data: parsed, ...fields } = event;
  const isIdDerived = fields['id'] === undefined || fields['id'] === null;
  const tenant = typeof fields['tenant'] === 'string' ? fields['tenant'] : defaultTenant;
  const id = isIdDerived ? idOf(tenant, text, number) : fields['id'];
  // An id that is not text is not an id: the server says what is wrong with it.
  if (isIdDerived) fields['id'] = id;
  const value = pointers === null || fields['value'] !== undefined ? undefined : valueAt(parsed, pointers);
  if (value !== undefined && value !== null) fields['value'] = value;
  const key = fields['ordering_key'];
  const body = `${JSON.stringify(fields).slice(0, -1)},"data":${data}}`;
  return {
    number,
    id: String(id),
    isIdDerived,
    text: body,
    bytes: Buffer.byteLength(body),
    orderingKey: typeof key === 'string' ? JSON.stringify([tenant, key]) : null,
    lacksValue: value === null,
  };
}

function parseObject(text: string): Record<string, unknown> {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    throw new LineError('not_json', 'not JSON');
  }
  if (event === null || typeof event !== 'object' || Array.isArray(event))
    throw new LineError('not_an_object', 'not a JSON object');
  return event as Record<string, unknown>;
}

/** The value at these pointers; null if there is none. */
function valueAt(data: unknown, pointers: ValuePointers): { amount_minor: number; currency: string } | null {
  const amount = atPointer(data, pointers.amount);
  const currency = atPointer(data, pointers.currency);
  if (typeof amount !== 'number' || typeof currency !== 'string') return null;
  if (!Number.isSafeInteger(amount))
    throw new LineError(
      'invalid_amount',
      `the amount at ${pointers.amount} is not a whole number of minor units below 2^53`,
    );
  return { amount_minor: amount, currency };
}
