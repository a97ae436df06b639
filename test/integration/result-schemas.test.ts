import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, expect, test } from 'vitest';
import { expectedCsv, logFormats, receivedCsv } from '../audit/generate/formats.ts';
import { generate } from '../audit/generate/generate.ts';
import { ordinarySchedule, type Recipe } from '../audit/generate/model.ts';
import { tempDir } from '../support.ts';
import { runHere } from './run-here.ts';

type Schema = Record<string, unknown>;

const schemaOf = (name: string): Schema =>
  JSON.parse(readFileSync(`docs/reference/${name}-result.schema.json`, 'utf8')) as Schema;

/** The same schema, which lets no name pass that it does not know: so what is printed is what is written down. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  return 'properties' in inner && inner['type'] === 'object'
    ? { ...inner, additionalProperties: false }
    : inner;
}

const faults = (schema: Schema, data: unknown): string[] => {
  const validate = new Ajv2020({
    allErrors: true,
    strict: true,
    strictTuples: false,
    strictTypes: false,
  }).compile(closed(schema) as Schema);
  validate(data);
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
};

const [jsonLines] = logFormats;
const recipe: Recipe = {
  seed: 5,
  events: 800,
  days: 2,
  schedule: ordinarySchedule,
  givesUp: true,
  causes: [],
};
const dir = tempDir();
const path = (name: string): string => join(dir, name);

let healthy: Awaited<ReturnType<typeof runHere>>;

beforeAll(async () => {
  const sick = generate({
    ...recipe,
    causes: [
      { cause: 'retry_race', intensity: 0.03 },
      { cause: 'oversize', intensity: 0.02 },
      { cause: 'acknowledged_unprocessed', intensity: 0.01 },
    ],
  });
  writeFileSync(path('sick.jsonl'), jsonLines!.files(sick)[0]!.content);
  writeFileSync(path('expected.csv'), expectedCsv(sick, jsonLines!));
  writeFileSync(path('received.csv'), receivedCsv(sick, jsonLines!));
  writeFileSync(path('deploys.csv'), `time,label\n${new Date(sick.from + 3_600_000).toISOString()},v2\n`);
  writeFileSync(path('healthy.jsonl'), jsonLines!.files(generate(recipe))[0]!.content);
  healthy = await runHere('audit', path('healthy.jsonl'), '--json');
});

test('what audit --json prints is what its schema says, with everything in it and with nothing', async () => {
  const truth = ['--expected', path('expected.csv'), '--received', path('received.csv')];
  const full = await runHere(
    'audit',
    path('sick.jsonl'),
    ...truth,
    '--deploys',
    path('deploys.csv'),
    '--missing',
    path('ids.csv'),
    '--json',
  );
  const result = JSON.parse(full.out) as Schema;
  expect(faults(schemaOf('audit'), result)).toEqual([]);
  expect(full.code).toBe(1);
  // Each of these was there to be checked.
  const filled = ['causes', 'value_at_risk', 'weekly_value', 'examples', 'markers', 'event_types'];
  expect(filled.filter((name) => (result[name] as unknown[]).length === 0)).toEqual([]);
  expect(result).toMatchObject({
    expected: { joined_by: expect.any(String) },
    received: { rows: expect.any(Number) },
  });

  expect(faults(schemaOf('audit'), JSON.parse(healthy.out))).toEqual([]);
  expect(healthy.code).toBe(0);
});

test('what impact --json prints is what its schema says', async () => {
  const { out } = await runHere(
    'impact',
    '--before',
    path('sick.jsonl'),
    '--after',
    path('healthy.jsonl'),
    '--json',
  );
  const result = JSON.parse(out) as Schema;
  expect(faults(schemaOf('impact'), result)).toEqual([]);
  expect(result).toMatchObject({ verdict: 'better', before: { time_to_detect: { by: expect.any(String) } } });
  expect(result['recovered_per_week']).not.toHaveLength(0);
});

test('a name that changes, one that is new and one that is missing are noticed', () => {
  const { silent_drop_rate: rate, ...rest } = JSON.parse(healthy.out) as Schema;
  expect(faults(schemaOf('audit'), { ...rest, silentDropRate: rate })).toHaveLength(2);
  expect(faults(schemaOf('audit'), { ...rest, silent_drop_rate: String(rate) })).toHaveLength(1);
});
