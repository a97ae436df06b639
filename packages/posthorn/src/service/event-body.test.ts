import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxNesting } from '../contract/limits.ts';
import { atOnce } from '../runtime/turn.ts';
import { DataText, dataValue, readEventBody } from './event-body.ts';
import { nestsDeeper, rawBatchData, rawData } from './raw-json.ts';

type Body = { data: unknown } & { events: { data: unknown }[] };

const read = (text: string, isBatch: boolean): Body | null =>
  atOnce(readEventBody(Buffer.from(text), text, isBatch)) as Body | null;
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

/** Whatever was read has the value and the texts that JSON.parse and the plain search find. Returns whether it was read. */
function agrees(text: string, isBatch: boolean): boolean {
  const body = read(text, isBatch);
  if (body === null) return false;
  expect(nestsDeeper(text, maxNesting)).toBe(false);
  const events = isBatch ? body.events : [body];
  const texts = events.map(({ data }) => (data as DataText).text);
  expect(texts).toEqual(isBatch ? rawBatchData(text) : [rawData(text)]);
  for (const event of events) event.data = dataValue(event.data);
  // Their texts, so that the order of names and -0 count too.
  expect(JSON.stringify(body)).toBe(JSON.stringify(JSON.parse(text)));
  expect(body).toEqual(JSON.parse(text));
  return true;
}

const space = fc.constantFrom('', '', ' ', '\n\t', '\r ');
const number = fc.oneof(
  fc.constantFrom('0', '-0', '1.0', '1e5', '1E+5', '-12.50e-3', '12345678901234567890', '1e999'),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);
const word = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text.toWellFormed())),
  fc.constantFrom(
    '"\\u00e9\\ud83d\\ude00"',
    '"\\/\\b"',
    '"é😀"',
    '"data"',
    '"]}"',
    '"\\\\"',
    '"\\""',
    '"\\ud800"',
  ),
);
// Not with a backslash: V8 14.6 takes the name `"\ud800"` for `"\\"`, if it has just seen that one in the same place.
const nameOf = word.filter((text) => !(JSON.parse(text) as string).includes('\\'));
const { value } = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('true', 'false', 'null'),
    number,
    word,
    tie('list'),
    tie('object'),
  ),
  list: fc
    .tuple(space, fc.array(tie('value'), { maxLength: 4 }))
    .map(([s, all]) => `[${s}${all.join(`${s},`)}${s}]`),
  object: fc
    // Unique names: V8 does not always let the last of two members win, and another text around them can change its mind.
    .tuple(
      space,
      fc.uniqueArray(fc.tuple(nameOf, tie('value')), {
        maxLength: 4,
        selector: ([name]) => JSON.parse(name) as string,
      }),
    )
    .map(([s, all]) => `{${s}${all.map(([name, one]) => `${name}${s}:${s}${one}`).join(`,${s}`)}${s}}`),
}));
const names = ['"data"', '"data"', '"type"', '"id"', '"__proto__"', '"events"', '"d\\u0061ta"', '"0"', '"é"'];
const event = fc
  .tuple(
    space,
    fc.uniqueArray(fc.tuple(fc.constantFrom(...names), value), { maxLength: 4, selector: ([name]) => name }),
  )
  .map(([s, all]) => `{${s}${all.map(([name, one]) => `${name}${s}:${s}${one}`).join(`${s},${s}`)}}${s}`);
const batch = fc
  .tuple(
    space,
    fc.constantFrom('"events"', '"events"', '"x"'),
    fc.array(event, { maxLength: 4 }),
    fc.constantFrom('', '', ',"x":1'),
  )
  .map(([s, name, events, more]) => `${s}{${name}${s}:[${s}${events.join(',')}]${s}${more}}${s}`);

describe('reading the body of a publish request', () => {
  test('whatever is read is what JSON.parse returns, and the data is byte for byte what was sent', () => {
    let count = 0;
    fc.assert(
      fc.property(event, (text) => void (count += Number(agrees(text, false)))),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(batch, (text) => void (count += Number(agrees(text, true)))),
      { numRuns: 1000 },
    );
    expect(count).toBeGreaterThan(200);
  });

  test('what is not JSON is never read, wherever a byte is wrong', () => {
    const broken = (text: string, at: number, by: string, removed: number): string =>
      text.slice(0, at % text.length) + by + text.slice((at % text.length) + removed);
    const by = fc.oneof(
      fc.constantFrom(
        '',
        '"',
        '\\',
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '0',
        '-',
        '.',
        'e',
        '\0',
        '\n',
        '\u2028',
        '\ufeff',
        'u',
        't',
      ),
      fc.string(),
    );
    const breaking = { at: fc.nat(10_000), by, removed: fc.nat(2) };
    for (const isBatch of [false, true])
      fc.assert(
        fc.property(isBatch ? batch : event, fc.record(breaking), (text, { at, by: put, removed }) => {
          const wrong = broken(text, at, put, removed).toWellFormed();
          if (parsed(wrong) === undefined) expect(read(wrong, isBatch)).toBeNull();
          else agrees(wrong, isBatch);
        }),
        { numRuns: 2000 },
      );
  });

  test('what ordinary clients send is read', () => {
    const one =
      '{"type":"a.b","data":{"amount":1.0,"name":"Jos\\u00e9 é","list":[1,-2.5e3,true,null]},"id":"e1"}';
    expect(agrees(one, false)).toBe(true);
    expect(agrees(JSON.stringify(JSON.parse(one), null, 2), false)).toBe(true);
    expect(agrees(`{"events":[${one}, ${one}\n]}`, true)).toBe(true);
  });

  test('left to JSON.parse: names that appear twice or are escaped, and what nests too deep', () => {
    const data = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    expect(read('{"data":1,"data":2}', false)).toBeNull();
    expect(read('{"d\\u0061ta":1}', false)).toBeNull();
    expect(read('{"type":"a"}', false)).toBeNull();
    expect(read('{"events":[{"data":1}],"events":[]}', true)).toBeNull();
    expect(read('{"events":[]}', true)).toBeNull();
    for (const levels of [maxNesting - 1, maxNesting])
      expect(read(`{"data":${data(levels)}}`, false) === null).toBe(
        nestsDeeper(`{"data":${data(levels)}}`, maxNesting),
      );
    for (const levels of [maxNesting - 3, maxNesting - 2]) {
      const text = `{"events":[{"data":${data(levels)}}]}`;
      expect(read(text, true) === null).toBe(nestsDeeper(text, maxNesting));
    }
    expect(read(`{"data":${'['.repeat(200_000)}`, false)).toBeNull();
  });

  test('a large batch pauses', () => {
    const text = `{"events":[${Array.from({ length: 1000 }, () => `{"type":"a","data":"${'x'.repeat(1000)}"}`).join(',')}]}`;
    const work = readEventBody(Buffer.from(text), text, true);
    let pauses = 0;
    while (work.next().done !== true) pauses++;
    expect(pauses).toBeGreaterThan(10);
  });
});
