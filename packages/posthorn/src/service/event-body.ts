import { maxNesting } from '../contract/limits.ts';
import {
  closeBrace,
  closeBracket,
  comma,
  openBrace,
  openBracket,
  skipColon,
  skipPlainString,
  skipSpace,
  skipValue,
} from './json-scan.ts';

/** An event's data as it was received: valid JSON that nothing has been made of. */
export class DataText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The value of an event's data, whether it was parsed or not. */
export function dataValue(data: unknown): unknown {
  return data instanceof DataText ? (JSON.parse(data.text) as unknown) : data;
}

/** After so many bytes a scan lets others have their turn: 0.1 to 0.3 ms. */
const bytesAtOnce = 32 * 1024;
const dataName = Buffer.from('"data"');
const eventsName = Buffer.from('"events"');

function isName(bytes: Uint8Array, from: number, to: number, name: Uint8Array): boolean {
  if (to - from !== name.length) return false;
  for (let n = 0; n < name.length; n++) if (bytes[from + n] !== name[n]) return false;
  return true;
}

/**
 * Scans the event that begins here, and adds to `data` where its data begins and ends. Returns where the event ends; -1: it
 * has not exactly one member `data`, or a name with an escape, which could spell `data`.
 */
function scanEvent(bytes: Uint8Array, at: number, levels: number, data: number[]): number {
  if (bytes[at] !== openBrace) return -1;
  const found = data.length;
  do {
    const name = skipSpace(bytes, at + 1);
    const nameEnd = skipPlainString(bytes, name);
    const value = nameEnd < 0 ? -1 : skipColon(bytes, nameEnd);
    const end = value < 0 ? -1 : skipValue(bytes, value, levels);
    if (end < 0) return -1;
    if (isName(bytes, name, nameEnd, dataName)) {
      if (data.length > found) return -1;
      data.push(value, end);
    }
    at = skipSpace(bytes, end);
  } while (bytes[at] === comma);
  return bytes[at] === closeBrace && data.length > found ? at + 1 : -1;
}

/** The same for the body `{"events": [event, …]}`; pauses after every part of it. */
function* scanBatch(bytes: Uint8Array, at: number, levels: number, data: number[]): Generator<void, number> {
  if (bytes[at] !== openBrace) return -1;
  const name = skipSpace(bytes, at + 1);
  const nameEnd = skipPlainString(bytes, name);
  if (nameEnd < 0 || !isName(bytes, name, nameEnd, eventsName)) return -1;
  at = skipColon(bytes, nameEnd);
  if (at < 0 || bytes[at] !== openBracket) return -1;
  let pauseAt = at + bytesAtOnce;
  do {
    at = scanEvent(bytes, skipSpace(bytes, at + 1), levels - 2, data);
    if (at < 0) return -1;
    at = skipSpace(bytes, at);
    if (at < pauseAt) continue;
    yield;
    pauseAt = at + bytesAtOnce;
  } while (bytes[at] === comma);
  if (bytes[at] !== closeBracket) return -1;
  at = skipSpace(bytes, at + 1);
  return bytes[at] === closeBrace ? at + 1 : -1;
}

/** Parses everything but the data, which begins and ends where `data` says. */
function withDataTexts(bytes: Buffer, text: string, isBatch: boolean, data: readonly number[]): unknown {
  // Only in ASCII are characters where bytes are.
  const cut =
    text.length === bytes.length
      ? (from: number, to?: number) => text.slice(from, to)
      : (from: number, to?: number) => bytes.toString('utf8', from, to);
  const texts: DataText[] = [];
  let rest = '';
  let done = 0;
  for (let n = 0; n < data.length; n += 2) {
    texts.push(new DataText(cut(data[n]!, data[n + 1]!)));
    rest += `${cut(done, data[n]!)}null`;
    done = data[n + 1]!;
  }
  const value = JSON.parse(rest + cut(done)) as { data: unknown } & { events: { data: unknown }[] };
  if (isBatch) for (const [n, event] of value.events.entries()) event.data = texts[n];
  else value.data = texts[0];
  return value;
}

/**
 * The body of a publish request as JSON.parse returns it, except that the data of events is a `DataText`. Null if
 * anything about it is unusual: what it is, and what is wrong with it, is then left to JSON.parse. Pauses now and then, so
 * that a large batch can be read in several turns of the event loop.
 */
export function* readEventBody(bytes: Buffer, text: string, isBatch: boolean): Generator<void, unknown> {
  const data: number[] = [];
  const begin = skipSpace(bytes, 0);
  const end = isBatch
    ? yield* scanBatch(bytes, begin, maxNesting - 1, data)
    : scanEvent(bytes, begin, maxNesting - 1, data);
  if (end < 0 || skipSpace(bytes, end) !== bytes.length) return null;
  return withDataTexts(bytes, text, isBatch, data);
}
