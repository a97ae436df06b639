import { describe, expect, test } from 'vitest';
import { errorCodes } from '../domain/errors.ts';
import { errorKinds } from './errors.ts';
import type { Operation } from './operation.ts';
import { table } from './table.ts';

const operations = Object.entries(table) as [string, Operation][];

describe('the contract', () => {
  test.each(operations)('%s: its example is a valid call and answer', (_, operation) => {
    const { params, query, body, answer, example } = operation;
    params?.parse(example.params);
    query?.parse(example.query ?? {});
    body?.parse(example.body ?? {});
    answer?.parse(example.answer);
    expect(params === undefined).toBe(example.params === undefined);
    expect(answer === null).toBe(example.answer === undefined);
    const { lines } = operation;
    lines?.query.parse(lines.example.query);
    for (const line of lines?.example.body ?? []) lines!.line.parse(line);
    for (const line of lines?.example.answer ?? []) lines!.answer.parse(line);
  });

  test.each(operations)('%s: parameters are those of its path', (_, { path, params }) => {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(Object.keys(params?.shape ?? {})).toEqual(inPath);
  });

  test('methods and paths are unique', () => {
    const calls = operations.map(([, { method, path }]) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`);
    expect(calls.filter((call, at) => calls.indexOf(call) !== at)).toEqual([]);
  });

  test('every code says what it means and what to do', () => {
    expect(Object.keys(errorKinds).toSorted()).toEqual([...errorCodes].toSorted());
    for (const { meaning, remedy } of Object.values(errorKinds)) {
      expect(meaning).toMatch(/\.$/);
      expect(remedy).toMatch(/\.$/);
    }
  });
});
