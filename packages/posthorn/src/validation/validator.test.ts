import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { createSchemaValidator, declaredSchema, type SchemaValidator } from './validator.ts';

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
let validator: SchemaValidator;
const start = (): SchemaValidator => (validator = createSchemaValidator(systemClock, silent));
afterEach(() => validator.close());

const of = (tenant: string) => ({ tenant, id: tenant });
const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });
/** Two ways at each level, and none fits: 2^n steps. */
const hostile = {
  $defs: {
    n: { anyOf: [{ $ref: '#/$defs/m' }, { $ref: '#/$defs/m' }] },
    m: { properties: { a: { $ref: '#/$defs/n' } }, required: ['missing'] },
  },
  $ref: '#/$defs/n',
};
const hostileText = JSON.stringify(nested(40));

describe('G8: schemas run bounded', () => {
  test('each text gets its verdict, in order, whatever the number of texts', async () => {
    const schema = declaredSchema({ type: 'integer', maximum: 99 });
    const texts = Array.from({ length: 150 }, (_, n) => String(n));
    const verdicts = await start().validate(schema, of('a'), texts);
    expect(verdicts.slice(0, 100).every((verdict) => verdict === null)).toBe(true);
    expect(verdicts).toHaveLength(150);
    expect(verdicts[100]).toEqual([{ path: '', message: 'must be <= 99' }]);
    expect(verdicts.slice(100).every((verdict) => verdict !== null)).toBe(true);
  });

  test('a schema that hangs fails alone; after the second time it is suspended, for its owner only', async () => {
    const schema = declaredSchema(hostile);
    const quick = declaredSchema({ type: 'object' });
    start();
    expect(await validator.inspect(schema)).toBeNull();
    for (let n = 0; n < 2; n++) {
      const hanging = validator.validate(schema, of('a'), [hostileText]).catch((error: unknown) => error);
      expect(await validator.validate(quick, of('b'), ['{}'])).toEqual([null]);
      expect(await hanging).toMatchObject({ why: { kind: 'too_expensive' } });
    }
    await expect(validator.validate(schema, of('a'), ['{}'])).rejects.toMatchObject({
      why: { kind: 'suspended' },
    });
    expect(await validator.validate(schema, of('b'), ['[]'])).toEqual([null]);
    expect(await validator.validate(quick, of('a'), ['{}', '[]'])).toMatchObject([null, [{ path: '' }]]);
  });

  test('texts that wait with one that hangs get their verdicts', async () => {
    const schema = declaredSchema(hostile);
    start();
    const first = validator.validate(schema, of('a'), ['[]']);
    const texts = [['[]'], [hostileText], ['[]']];
    const outcomes = await Promise.allSettled(texts.map((one) => validator.validate(schema, of('a'), one)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await first).toEqual([null]);
  });

  test('many that hang leave a thread to those that are known to be quick', async () => {
    const quick = declaredSchema({ type: 'object' });
    start();
    for (let n = 0; n < 25; n++) await validator.validate(quick, of('quick'), ['{}']);
    let hanging = 8;
    const all = Array.from({ length: hanging }, (_, n) =>
      validator
        .validate(declaredSchema({ ...hostile, title: n }), of('a'), [hostileText])
        .catch(() => hanging--),
    );
    let between = 0;
    while (hanging > 0) {
      await validator.validate(quick, of('quick'), ['{}']);
      between++;
    }
    await Promise.all(all);
    // One behind each that hangs would be eight.
    expect(between).toBeGreaterThan(16);
  });

  test('what cannot be compiled, or not in its budget, says so at the declaration', async () => {
    start();
    const faults = await Promise.all(
      [
        { $async: true },
        { $ref: 'https://example.com/x' },
        { pattern: '(?=a)b' },
        { type: 'no such type' },
        { type: 'string', pattern: '(a|a)*$' },
      ].map((schema) => validator.inspect(declaredSchema(schema))),
    );
    expect(faults).toEqual([
      expect.stringContaining('$async'),
      expect.stringContaining("can't resolve reference"),
      expect.stringContaining('linear time'),
      expect.stringContaining('type'),
      null,
    ]);
  });

  test('closing rejects what hangs and what waits', async () => {
    start();
    const schema = declaredSchema(hostile);
    const all = Promise.allSettled([1, 2, 3].map(() => validator.validate(schema, of('a'), [hostileText])));
    validator.close();
    expect((await all).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await expect(validator.validate(schema, of('a'), ['1'])).rejects.toMatchObject({ why: { kind: 'busy' } });
  });
});
