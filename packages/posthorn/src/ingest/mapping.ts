import { createHash } from 'node:crypto';
import { atSteps, pointerSteps } from '../domain/json-pointer.ts';
import { memberText } from '../service/raw-json.ts';
import { type EventLine, LineError } from '../cli/publish/event-line.ts';
import type { Message } from './source.ts';

/** Where a field of the event is in a message. */
type Location =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'body'; readonly steps: readonly string[]; readonly name: string }
  | { readonly kind: 'field'; readonly field: string; readonly name: string }
  | { readonly kind: 'key' | 'subject' | 'time'; readonly name: string };

/** The locations as they are written on the command line. */
export interface MappingText {
  readonly id?: string | undefined;
  readonly type: string;
  readonly tenant?: string | undefined;
  readonly orderingKey?: string | undefined;
  readonly occurredAt?: string | undefined;
  /** JSON Pointer to the data in the body; default: the whole body. */
  readonly data?: string | undefined;
}

/** What is wrong with a mapping, by the option that has it. */
export class MappingError extends Error {
  override readonly name = 'MappingError';
}

export type Mapping = (message: Message, number: number) => EventLine;

/** Longest id that Posthorn takes. */
const maxId = 255;

/** What a broker calls the fields beside a message's body: the word before the colon in a location. */
export type FieldWord = 'header' | 'attribute' | 'column';

function parseLocation(option: string, text: string, word: FieldWord): Location {
  if (text.startsWith('=') && text.length > 1) return { kind: 'text', text: text.slice(1) };
  if (text.startsWith('/')) return { kind: 'body', steps: pointerSteps(text), name: `member ${text}` };
  if (text.startsWith(`${word}:`) && text.length > word.length + 1)
    return { kind: 'field', field: text.slice(word.length + 1), name: text.replace(':', ' ') };
  if (text === 'key' || text === 'subject') return { kind: text, name: text };
  if (text === 'time' && option === '--occurred-at') return { kind: 'time', name: text };
  throw new MappingError(
    `${option}: ${text} is not a location. Use ${word}:NAME, key, subject, a JSON Pointer such as /payment/id, or =TEXT${option === '--occurred-at' ? ', or time' : ''}`,
  );
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textFrom(value: Uint8Array | string, name: string): string {
  if (typeof value === 'string') return value;
  try {
    return utf8.decode(value);
  } catch {
    throw new LineError('not_utf8', `the ${name} is not UTF-8 text`);
  }
}

/** The body as text, and parsed: it becomes part of a request, so it must be whole JSON. */
function parseBody(message: Message): { readonly text: string; readonly value: unknown } {
  if (message.body === null) throw new LineError('no_body', 'the message has no body');
  const text = textFrom(message.body, 'body');
  try {
    return { text, value: JSON.parse(text) as unknown };
  } catch {
    throw new LineError('not_json', 'the body is not JSON');
  }
}

/** The text at a location; undefined if the message has none there. */
function located(location: Location, message: Message, body: unknown): string | undefined {
  switch (location.kind) {
    case 'text':
      return location.text;
    case 'subject':
      return message.subject;
    case 'time':
      return message.at === null ? undefined : new Date(message.at).toISOString();
    case 'key':
      return message.key === null ? undefined : textFrom(message.key, 'key');
    case 'field': {
      let value: Uint8Array | string | undefined;
      for (const [name, one] of message.fields()) if (name === location.field) value = one;
      return value === undefined ? undefined : textFrom(value, location.name);
    }
    case 'body': {
      const value = atSteps(body, location.steps);
      if (value === undefined || value === null) return undefined;
      // A number that JavaScript rounds would give two messages one id.
      if (typeof value === 'string') return value;
      if (typeof value === 'boolean' || (typeof value === 'number' && Number.isSafeInteger(value)))
        return String(value);
      throw new LineError('not_text', `the ${location.name} is not a string or a whole number below 2^53`);
    }
  }
}

function demanded(location: Location, message: Message, body: unknown): string {
  const text = located(location, message, body);
  if (text !== undefined && text !== '') return text;
  throw new LineError('missing', `the ${'name' in location ? location.name : 'text'} is missing or empty`);
}

/** A time as the API takes it: RFC 3339, or whole milliseconds since the epoch. */
function timeFrom(text: string, { name }: { readonly name: string }): string {
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(ms))
    throw new LineError(
      'not_a_time',
      `the ${name} is not a time: use RFC 3339 or milliseconds since the epoch`,
    );
  return /^\d{1,15}$/.test(text) ? new Date(ms).toISOString() : text;
}

/** The text of the data, byte for byte as in the body. */
function dataFrom(text: string, body: unknown, steps: readonly string[]): string {
  let data = text;
  let value = body;
  for (const step of steps) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    const member = isObject ? memberText(data, step) : null;
    if (member === null) throw new LineError('no_data', `the body has no member /${steps.join('/')}`);
    data = member;
    value = (value as Record<string, unknown>)[step];
  }
  return data;
}

/** The id of a message that has none: one for each position, whatever its length. */
function derivedMessageId(source: string, prefix: string, position: string): string {
  const id = `${prefix}${source}:${position}`;
  if (id.length <= maxId) return id;
  return `${source}:${createHash('sha256').update(id).digest('base64url')}`;
}

/** Returns how a message becomes an event. Throws `MappingError`; the mapping throws `LineError` for a message that does not fit. */
export function mappingFrom(
  texts: MappingText,
  { source, word, idPrefix = '' }: { source: string; word: FieldWord; idPrefix?: string },
): Mapping {
  const parse = (option: string, text: string | undefined): Location | null =>
    text === undefined ? null : parseLocation(option, text, word);
  const id = parse('--id', texts.id);
  const type = parseLocation('--type', texts.type, word);
  const tenant = parse('--tenant', texts.tenant);
  const orderingKey = parse('--ordering-key', texts.orderingKey);
  const occurredAt = parse('--occurred-at', texts.occurredAt);
  if (id?.kind === 'text') throw new MappingError('--id: one text cannot be the id of every message');
  if (texts.data !== undefined && !texts.data.startsWith('/'))
    throw new MappingError(`--data: ${texts.data} is not a JSON Pointer such as /payload`);
  const dataSteps = texts.data === undefined ? [] : pointerSteps(texts.data);
  return (message, number) => {
    const body = parseBody(message);
    const eventId =
      id === null
        ? derivedMessageId(source, idPrefix, message.position)
        : `${idPrefix}${demanded(id, message, body.value)}`;
    const tenantName = tenant === null ? undefined : demanded(tenant, message, body.value);
    const key = orderingKey === null ? undefined : located(orderingKey, message, body.value);
    const time = occurredAt === null ? undefined : located(occurredAt, message, body.value);
    const fields = {
      id: eventId,
      type: demanded(type, message, body.value),
      tenant: tenantName,
      ordering_key: key === '' ? undefined : key,
      occurred_at:
        time === undefined || occurredAt === null ? undefined : timeFrom(time, { name: nameOf(occurredAt) }),
    };
    const text = `${JSON.stringify(fields).slice(0, -1)},"data":${dataFrom(body.text, body.value, dataSteps)}}`;
    return {
      number,
      id: eventId,
      isIdDerived: id === null,
      text,
      bytes: Buffer.byteLength(text),
      orderingKey: key === undefined ? null : JSON.stringify([tenantName ?? null, key]),
      lacksValue: false,
    };
  };
}

const nameOf = (location: Location): string => ('name' in location ? location.name : 'text');
