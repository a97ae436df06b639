import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { logFormats } from './formats.ts';
import { generate } from './generate.ts';
import { horizonOf, injectable, ordinarySchedule, type Recipe } from './model.ts';

// A generator that is wrong about its own truth would score the audit wrongly.

const healthy: Recipe = {
  seed: 7,
  events: 2000,
  days: 14,
  schedule: ordinarySchedule,
  givesUp: true,
  causes: [],
};

describe('logs with known truth', () => {
  test('the same recipe gives the same log, another seed another', () => {
    const text = (recipe: Recipe): string => JSON.stringify(generate(recipe));
    expect(text(healthy)).toBe(text(healthy));
    expect(text(healthy)).not.toBe(text({ ...healthy, seed: 8 }));
  });

  test('a healthy log drops nothing: what fails is delivered in the end, given up aloud, or still on its way', () => {
    const { events, until } = generate(healthy);
    for (const { fate, rows } of events) {
      const last = rows.at(-1)!;
      if (fate === 'delivered') expect(last.state).toBe('delivered');
      else if (fate === 'given_up') expect(last.state).toBe('failed');
      else {
        expect(fate).toBe('unresolved');
        expect(last.startedAt).toBeGreaterThan(until - horizonOf(healthy));
      }
    }
    const fates = new Set(events.map(({ fate }) => fate));
    expect([...fates].toSorted()).toEqual(['delivered', 'given_up', 'unresolved']);
    // Successful retries are the raw material of false findings.
    expect(events.filter(({ rows, fate }) => rows.length > 1 && fate === 'delivered').length).toBeGreaterThan(
      20,
    );
  });

  test.each(injectable)(
    '%s harms the given number of events, and their log does not end with success',
    (cause) => {
      const recipe = {
        ...healthy,
        days: cause === 'restart_loss' ? 2 : 14,
        causes: [{ cause, intensity: 0.02 }],
      };
      const { events, until } = generate(recipe);
      const harmed = events.filter((event) => event.cause === cause);
      expect(harmed.length).toBeGreaterThanOrEqual(30);
      expect(harmed.length).toBeLessThanOrEqual(40);
      for (const { rows, fate, acceptedAt } of harmed) {
        expect(fate).toBe(cause === 'acknowledged_unprocessed' ? 'unprocessed' : 'dropped');
        if (fate === 'dropped')
          expect(rows.some(({ state }) => state === 'delivered' || state === 'failed')).toBe(false);
        // Old enough that nothing more can come.
        expect(acceptedAt).toBeLessThan(until - horizonOf(recipe) + 60_000);
      }
      expect(events.filter((event) => event.cause === null && event.fate === 'dropped')).toEqual([]);
    },
  );

  test.each(logFormats.map((format) => [format.name, format] as const))(
    '%s: every line is whole',
    (_, format) => {
      const { schedule, givesUp } = format;
      const log = generate({
        ...healthy,
        schedule,
        givesUp,
        causes: [{ cause: 'defect_onset', intensity: 0.01 }],
      });
      const files = format.files(log);
      expect(files.length).toBeGreaterThan(0);
      for (const { name, content } of files) {
        const text = name.endsWith('.gz') ? gunzipSync(content as Buffer).toString() : String(content);
        expect(text.endsWith('\n')).toBe(true);
        expect(text).not.toMatch(/undefined|NaN|\[object/);
        if (/\.jsonl/.test(name)) for (const line of text.trimEnd().split('\n')) JSON.parse(line);
      }
    },
  );
});
