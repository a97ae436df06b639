import { expect, test } from 'vitest';
import { comparable } from './comparable.ts';

const marker = (id: string, at: string, automatic: boolean): Parameters<typeof comparable>[0][number] => ({
  id,
  at,
  automatic,
  kind: 'change',
  label: id,
  url: null,
  by: 'x',
  tenant: null,
  subject: null,
});
const now = Date.parse('2026-11-09T12:00:00Z');
const fresh = marker('fresh', '2026-11-09T11:30:00Z', false);
const paused = marker('paused', '2026-11-09T09:00:00Z', true);
const deploy = marker('deploy', '2026-11-08T09:00:00Z', false);

test('a deploy goes before what Posthorn has noted, and what has hours behind it before what has none', () => {
  expect(comparable([fresh, paused, deploy], now)).toBe(deploy);
  expect(comparable([fresh, paused], now)).toBe(paused);
  expect(comparable([fresh], now)).toBe(fresh);
  expect(comparable([], now)).toBeUndefined();
});
