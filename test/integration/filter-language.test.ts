import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Filter, passesFilter } from '../../packages/posthorn/src/domain/filter.ts';
import { filterFaults } from '../../packages/posthorn/src/domain/filter-faults.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { anEndpoint, anEvent, start, tempDir } from '../support.ts';

// One filter and one text of data give one answer: in TypeScript, in SQL, in both stores, and in `posthorn.publish`.

let postgres: Postgres;
let db: pg.Client;
let stores: readonly Store[];

beforeAll(async () => {
  postgres = await startPostgres();
  const url = await postgres.createMigrated();
  const { store } = await openPostgresStore(url);
  stores = [store, await openSqliteStore({ dataDir: tempDir(), thread: true })];
  db = new pg.Client({ connectionString: url });
  await db.connect();
});
afterAll(async () => {
  await db.end();
  for (const store of stores) await store.close();
  await postgres.stop();
});

const numbers = [
  '0',
  '-0',
  '1',
  '1.0',
  '1e2',
  '100',
  '-5',
  '0.1',
  '0.1000000000000000055511151231257827',
  '9007199254740992',
  '9007199254740993',
  '12345678901234567891',
  '1e308',
  '1.7976931348623157e308',
  '1.7976931348623159e308',
  '1e400',
  '-1e400',
  '5e-324',
  '2.4703282292062327e-324',
  '2.4703282292062328e-324',
  '1e-400',
];
/** Texts of JSON strings: escapes of every kind, halves of pairs among them. */
const pieces = [
  'a',
  'b',
  'é',
  '\ufffd',
  '\uffff',
  '\ue000',
  '😀',
  String.raw`\u0061`,
  String.raw`\u0000`,
  String.raw`\\`,
  String.raw`\\u0000`,
  String.raw`\"`,
  String.raw`\ud83d\ude00`,
  String.raw`\uD800`,
  String.raw`\udc00`,
  String.raw`\\ud800`,
  '2026-11-20T08:15:00.000Z',
];
const string = fc.array(fc.constantFrom(...pieces), { maxLength: 3 }).map((parts) => `"${parts.join('')}"`);
const scalar = fc.oneof(
  fc.constantFrom(...numbers, 'true', 'false', 'null'),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
  string,
);
const names = ['a', 'b', '0', '', '~', '/', String.raw`\u0061`];
/** JSON as a text, with repeated names. */
const json = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, { arbitrary: scalar, weight: 2 }, tie('list'), tie('object')),
  list: fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
  object: fc
    .array(fc.tuple(fc.constantFrom(...names), tie('value')), { maxLength: 5 })
    .map((members) => `{${members.map(([name, value]) => `"${name}":${value}`).join(',')}}`),
})).value;

const wantedText = fc.oneof(
  fc.constantFrom('', 'a', 'ab', '\ufffd', '\uffff', '😀', 'a😀', '\\u0000', '\\ud800', '2026-11-20T'),
  string.map((text) => (JSON.parse(text) as string).toWellFormed().replaceAll('\0', '\ufffd')),
);
const wantedNumber = fc.oneof(
  fc.constantFrom(...numbers.map(Number).filter(Number.isFinite)),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const wanted = fc.oneof(wantedText, wantedNumber, fc.constantFrom(null, true, false));
const order = fc.oneof(wantedText, wantedNumber);
const conditions = fc.record(
  {
    eq: wanted,
    gt: order,
    gte: order,
    lt: order,
    lte: order,
    in: fc.array(wanted, { minLength: 1, maxLength: 4 }),
    exists: fc.boolean(),
    prefix: wantedText,
  },
  { requiredKeys: [] },
);
const atPointer = fc.tuple(
  fc
    .array(fc.constantFrom('a', 'b', '0', '1', '-1', 'length', '~0', '~1', ''), { maxLength: 3 })
    .map((steps) => steps.map((step) => `/${step}`).join('')),
  fc.oneof(
    wanted,
    conditions.filter((all) => Object.keys(all).length > 0),
  ),
);
const pointersOnly = fc
  .array(atPointer, { maxLength: 2 })
  .map((members) => Object.fromEntries(members) as Filter);
/** One level of combinations more than `inner`. */
const combined = (inner: fc.Arbitrary<Filter>): fc.Arbitrary<Filter> => {
  const several = fc.array(inner, { minLength: 1, maxLength: 2 });
  return fc
    .tuple(pointersOnly, fc.record({ all: several, any: several, not: inner }, { requiredKeys: [] }))
    .map(([members, rest]) => ({ ...members, ...rest }));
};
const filter = fc.oneof(pointersOnly, combined(pointersOnly), combined(combined(pointersOnly)));

const inSql = async (rule: Filter, text: string): Promise<unknown> => {
  const { rows } = await db.query<{ passes: boolean }>(
    'SELECT posthorn.passes_filter($1, posthorn.readable($2)) AS passes',
    [JSON.stringify(rule), text],
  );
  return rows[0]!.passes;
};

test('G8: a filter decides in SQL as in TypeScript', async () => {
  const seen = { true: 0, false: 0 };
  await fc.assert(
    fc.asyncProperty(filter, json, async (rule, text) => {
      const passes = passesFilter(rule, JSON.parse(text));
      seen[`${passes}`]++;
      expect(await inSql(rule, text)).toBe(passes);
    }),
    { numRuns: 1500 },
  );
  expect(Math.min(seen.true, seen.false)).toBeGreaterThan(60);
});

test('every scalar against every scalar, by every operator', async () => {
  const texts = [...numbers, ...pieces.map((piece) => `"${piece}"`), 'true', 'null', '[]', '{}'];
  const values = texts
    .map((text) => JSON.parse(text) as unknown)
    .map((value) => (typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value));
  const rules = values.flatMap((value) =>
    ['eq', 'gt', 'gte', 'lt', 'lte', 'prefix'].map((name) => ({ '/a': { [name]: value } }) as Filter),
  );
  const valid = rules.filter((rule) => filterFaults(rule).length === 0);
  const { rows } = await db.query<{ rule: Filter; text: string; passes: boolean }>(
    `SELECT f.rule, d.text, posthorn.passes_filter(f.rule, posthorn.readable('{"a":' || d.text || '}')) AS passes
     FROM unnest($1::jsonb[]) AS f (rule), unnest($2::text[]) AS d (text)`,
    [valid.map((rule) => JSON.stringify(rule)), texts],
  );
  const wrong = rows.filter(
    ({ rule, text, passes }) => passesFilter(rule, { a: JSON.parse(text) }) !== passes,
  );
  expect(rows.length).toBe(valid.length * texts.length);
  expect(wrong).toEqual([]);
});

test('both stores and posthorn.publish give an event to the same endpoints', async () => {
  const options = { now: start, node: 'a', leaseMs: 1, defaultRoom: 0, room: new Map<string, number>() };
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(filter, { minLength: 1, maxLength: 3 }), json, async (rules, data) => {
      const tenant = `t${run++}`;
      const passing = rules.filter((rule) => passesFilter(rule, JSON.parse(data))).length;
      for (const store of stores) {
        for (const rule of rules) await store.write.createEndpoint(anEndpoint({ tenant, filter: rule }));
        const { groups } = await store.write.accept([[anEvent({ tenant, data })]], options);
        expect(groups).toMatchObject([{ receipts: [{ deliveries: passing }] }]);
      }
      const { rows } = await db.query<{ receipt: object }>(
        "SELECT posthorn.publish($1, 'a.b', $2) AS receipt",
        [tenant, data],
      );
      expect(rows[0]!.receipt).toMatchObject({ deliveries: passing });
    }),
    { numRuns: 60 },
  );
});

test('data that PostgreSQL cannot hold as jsonb is published all the same', async () => {
  const tenant = 'odd';
  await stores[0]!.write.createEndpoint(anEndpoint({ tenant, filter: { '/a': { prefix: 'x\ufffd' } } }));
  const data = String.raw`{"a": "x\u0000\ud800\\u0000"}`;
  const { rows } = await db.query<{ receipt: { id: string } }>(
    "SELECT posthorn.publish($1, 'a.b', $2) AS receipt",
    [tenant, data],
  );
  expect(rows[0]!.receipt).toMatchObject({ deliveries: 1 });
  expect(await stores[0]!.read.event(tenant, rows[0]!.receipt.id)).toMatchObject({
    data,
    integrity: 'intact',
  });
});

test('the guide says which filters pass', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/guides/filters.md'), 'utf8');
  const [, data] = /With the data `(.*)`:/.exec(page)!;
  const rows = [...page.matchAll(/^\| `(\{.*\})` \| (yes|no) \|$/gm)];
  expect(rows.length).toBeGreaterThan(10);
  for (const [, text, passes] of rows) {
    const rule = JSON.parse(text!) as Filter;
    expect(filterFaults(rule)).toEqual([]);
    expect({ text, passes: await inSql(rule, data!) }).toEqual({ text, passes: passes === 'yes' });
    expect({ text, passes: passesFilter(rule, JSON.parse(data!)) }).toEqual({
      text,
      passes: passes === 'yes',
    });
  }
  expect(filterFaults(JSON.parse(/```json\n(.*?)```/s.exec(page)![1]!))).toEqual([]);
});
