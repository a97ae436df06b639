import { expect, test } from 'vitest';
import { type Declared, teamRows } from './rows.ts';

const nothing: Declared = { teams: [], types: [], endpoints: [], slos: [], alerts: [], lacking: [] };

test('teams that need attention come first, and each row counts what is its own', () => {
  const health = (state: string, dead: number) => ({ state, dead, worth: [] });
  const declared = {
    ...nothing,
    teams: [
      { name: 'finance', description: '' },
      { name: 'shop', description: 'Orders' },
    ],
    types: [{ name: 'order.paid', owner: 'finance' }],
    endpoints: [
      { owner: 'shop', health: health('failing', 3) },
      { owner: null, health: health('failing', 9) },
    ],
    lacking: [{ owner: 'finance' }],
    alerts: [{ owner: 'shop' }],
    slos: [{ built_in: false, producer: 'finance', consumer: 'shop', status: { kept: false } }],
  } as unknown as Declared;
  expect(teamRows(declared)).toMatchObject([
    {
      name: 'shop',
      endpoints: 1,
      failing: 1,
      dead: 3,
      alerts: 1,
      kept: 0,
      objectives: 1,
      conforming: 1,
      owned: 1,
    },
    { name: 'finance', types: 1, endpoints: 0, failing: 0, conforming: 0, owned: 1 },
  ]);
});
