import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, type Row, withDatabase } from '../database.ts';
import { sniff } from './files.ts';
import { ingest } from './ingest.ts';
import { createLines } from './lines.ts';
import { readMalformed } from './malformed.ts';
import { noDelimiter } from './relation.ts';
import { type Field, from, type SampleRecord, type Spec } from './spec.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'audit-ingest-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const inMemory = async <T>(work: (database: Database) => Promise<T>): Promise<T> =>
  await withDatabase({ memoryMb: 512, timezone: 'UTC', threads: 2 }, work);

/** Paths of every kind: plain, nested, both a text and a parent, of another case, and the first that has a value. */
const spec: Spec = {
  format: 'generic',
  fields: {
    at: from('no time'),
    event_id: from('id'),
    tenant: from('Id'),
    endpoint: from('data.endpoint.url', 'url'),
    payment_id: from('data'),
    error: from('data.error'),
    amount: from('amount'),
    currency: from('a "quoted" name', "it's"),
    worker: from('list'),
  },
  atIs: 'end',
  notes: [],
};
const nested: Spec = {
  ...spec,
  unnest: ['tries'],
  fields: {
    at: from('no time'),
    event_id: from('id'),
    worker: from('tries.worker.name'),
    error: from('tries.Error', 'tries.error'),
  },
};

const sample: readonly SampleRecord[] = [
  {
    values: new Map(
      ['Id', 'url', 'data.error', "it's", 'list', 'tries.Error'].map((name) => [name, 'evt_1']),
    ),
  },
];

const textFields = (one: Spec): Field[] =>
  (Object.keys(one.fields) as Field[]).filter((field) => field !== 'at');

/** Reads files as a spec says; rows without what is null. */
async function read(database: Database, paths: readonly string[], one: Spec): Promise<Row[]> {
  await database.run('drop view if exists raw');
  await database.run('drop table if exists lines');
  for (const column of ['tenant', 'endpoint', 'error', 'currency', 'worker'])
    await database.run(`drop type if exists known_${column}`);
  // Some texts of the sample are kept in another way.
  const known = await createLines(database, [{ spec: one, sample }]);
  for (const path of paths) {
    const file = await sniff(path);
    await ingest(
      database,
      {
        container: 'ndjson',
        compression: file.compression,
        encoding: file.encoding,
        delimiter: ',',
        paths: [path],
        bytes: file.bytes,
        maxBytes: file.bytes,
        spec: one,
        modifiedMs: 0,
        peels: [],
        inner: 'json',
      },
      sample,
      { utc: true, known },
    );
  }
  const columns = [...textFields(one), 'malformed'].join(', ');
  return (await database.rows(`select ${columns} from raw`)).map(withoutNulls);
}

const withoutNulls = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));

type Json = Readonly<Record<string, unknown>>;

/** What one line is, by JSON.parse and by looking under one key after the other. */
function expectedRows(line: Buffer, path: string, one: Spec): Row[] | 'rejected' {
  const text = line.toString().replace(/\r$/, '');
  if (text.trim() === '') return [];
  if (!Buffer.from(line.toString()).equals(line)) return 'rejected';
  const malformed = [{ malformed: `${path}${noDelimiter}${Array.from(text).slice(0, 300).join('')}` }];
  let record: Json;
  try {
    record = JSON.parse(text.replace(/^\uFEFF/, '')) as Json;
  } catch {
    return malformed;
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return malformed;
  const tries = one.unnest === undefined ? undefined : record[one.unnest[0]!];
  const items = Array.isArray(tries) && tries.length > 0 ? (tries as unknown[]) : [null];
  return items.map((item) => {
    const whole = one.unnest === undefined ? record : { ...record, [one.unnest[0]!]: item };
    return withoutNulls(
      Object.fromEntries(
        textFields(one).map((field) => [
          field,
          one.fields[field]!.paths.map((keys) => textAt(whole, keys)).find((value) => value !== null) ?? null,
        ]),
      ),
    );
  });
}

function textAt(record: Json, keys: readonly string[]): string | null {
  let value: unknown = record;
  for (const key of keys)
    value =
      typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, key)
        ? (value as Json)[key]
        : null;
  if (value === null || value === undefined) return null;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text === '' || text === '-' ? null : text;
}

const text = fc.oneof(
  fc.constantFrom(
    '',
    '-',
    'evt_1',
    ' x ',
    '\u00e9\u4e16\u{1f600}',
    'tab\tand "quote" \\ \n',
    "it's",
    '0012',
    '{',
    '[1',
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
);
const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: 1, max: 99_999 }).map((cents) => (cents * 10 + 1) / 1000),
);
const leaf = fc.oneof(text, number, fc.boolean(), fc.constant(null));
const value = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('error', 'endpoint', 'Error', 'x'), leaf, { maxKeys: 3 }),
  fc.record({ endpoint: fc.record({ url: leaf }) }),
);
const tries = fc.array(
  fc.oneof(
    leaf,
    fc.record(
      { worker: fc.oneof(leaf, fc.record({ name: leaf })), Error: leaf, error: leaf },
      { requiredKeys: [] },
    ),
  ),
  { maxLength: 3 },
);
const names = ['id', 'Id', 'url', 'data', 'amount', 'a "quoted" name', "it's", 'list', 'other'];
const record = fc
  .record(
    { ...Object.fromEntries(names.map((name) => [name, value])), tries: fc.oneof(tries, leaf) },
    { requiredKeys: [] },
  )
  .map((one) => JSON.stringify(one));
const junk = fc.oneof(
  fc.constantFrom(
    '',
    '   ',
    'not json',
    '[1,2]',
    '17',
    'null',
    '"text"',
    '{',
    '}',
    '{"id":"evt_1',
    '{id:1}',
    "{'id':1}",
  ),
  record.map((one) => one.slice(0, -1)),
  record.map((one) => `${one} trailer`),
  fc.tuple(record, record).map(([one, other]) => one + other),
  record.map((one) => `\uFEFF${one}`),
  record.map((one) => `  ${one}`),
);
const line = fc.oneof(
  { weight: 6, arbitrary: record.map((one) => Buffer.from(one)) },
  { weight: 3, arbitrary: junk.map((one) => Buffer.from(one)) },
  {
    weight: 1,
    // The byte for é in another encoding is not UTF-8.
    arbitrary: record.map((one) =>
      Buffer.concat([Buffer.from('{"'), Buffer.from([0xe9]), Buffer.from(`":${one}}`)]),
    ),
  },
);

const sorted = (rows: readonly Row[]): string[] =>
  rows.map((row) => JSON.stringify(Object.entries(row).toSorted())).toSorted();

describe('reading JSON lines', () => {
  test.each([
    ['records', spec],
    ['records with an array of attempts', nested],
  ] as const)(
    '%s: whatever a line contains, the rows are those of JSON.parse line by line',
    async (_, one) => {
      let runs = 0;
      await inMemory(async (database) => {
        await fc.assert(
          fc.asyncProperty(
            fc.array(line, { minLength: 1, maxLength: 40 }),
            fc.array(line, { minLength: 1, maxLength: 10 }),
            // Each line in turn: a file may have both.
            fc.array(fc.constantFrom('\n', '\r\n'), { minLength: 1, maxLength: 3 }),
            fc.boolean(),
            async (first, second, newlines, ends) => {
              runs++;
              const paths = [join(directory, `${runs}.jsonl`), join(directory, `${runs}.jsonl.gz`)];
              const progressText = (lines: readonly Buffer[]): Buffer =>
                Buffer.concat(
                  lines.flatMap((bytes, index) =>
                    index < lines.length - 1 || ends
                      ? [bytes, Buffer.from(newlines[index % newlines.length]!)]
                      : [bytes],
                  ),
                );
              // A file has to begin with something, to be one of lines of JSON at all.
              const lead = Buffer.from('{"id":"l\u00e9ad"}');
              writeFileSync(paths[0]!, progressText([lead, ...first]));
              writeFileSync(paths[1]!, gzipSync(progressText([lead, ...second])));
              const expected = [
                ...[lead, ...first].map((bytes) => expectedRows(bytes, paths[0]!, one)),
                ...[lead, ...second].map((bytes) => expectedRows(bytes, paths[1]!, one)),
              ];
              const rejectedBefore = await rejected(database);
              const rows = await read(database, paths, one);
              expect(sorted(rows)).toEqual(
                sorted(expected.flatMap((found) => (found === 'rejected' ? [] : found))),
              );
              expect((await rejected(database)) - rejectedBefore).toBe(
                expected.filter((found) => found === 'rejected').length,
              );
              for (const path of paths) rmSync(path);
            },
          ),
          { numRuns: 40, seed: 20_261_121 },
        );
      });
    },
    60_000,
  );

  test('whole numbers are exact, as far as 64 bits and beyond; the first of two equal keys counts', async () => {
    const path = join(directory, 'numbers.jsonl');
    writeFileSync(
      path,
      ['9007199254740993', '18446744073709551615', '123456789012345678901234567890', '19.90', '"0019.90"']
        .map((amount) => `{"id":1,"amount":${amount},"amount":0}\n`)
        .join(''),
    );
    const rows = await inMemory(async (database) => await read(database, [path], spec));
    expect(rows.map((row) => row['amount'] as string).toSorted()).toEqual([
      '0019.90',
      '123456789012345678901234567890',
      '18446744073709551615',
      '19.9',
      '9007199254740993',
    ]);
    expect(rows.every((row) => row['event_id'] === '1')).toBe(true);
  });

  test('a malformed line is found with its number, however deep; a longer line that begins alike is not taken for it', async () => {
    const path = join(directory, 'deep.jsonl');
    const good = '{"id":"evt_1"}\n';
    writeFileSync(path, `${good}{"id":"evt_1","x":2}\n\n${good.repeat(200_000)}{"id":"evt_1"\r\n${good}`);
    const { samples } = await inMemory(async (database) => {
      await read(database, [path], spec);
      return await readMalformed(database, [await sniff(path)], undefined);
    });
    expect(samples).toEqual([
      { file: path, line: 200_004, why: 'not a valid record', text: '{"id":"evt_1"' },
    ]);
  });
});

async function rejected(database: Database): Promise<number> {
  return (await readMalformed(database, [], undefined).catch(() => ({ rejected: 0 }))).rejected;
}
