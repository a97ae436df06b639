import { expect, test } from 'vitest';
import { anEndpoint } from '../../../../test/support.ts';
import { checkConformance } from './conformance.ts';

test('an owner that is not declared is missing, and named', () => {
  const owned = anEndpoint({ id: 'ep_owned', owner: 'shop', template: 'standard' });
  const orphan = anEndpoint({ id: 'ep_orphan', owner: 'ghosts', template: 'standard' });
  const noOwner = anEndpoint({ id: 'ep_nobody', template: 'standard' });
  const own = anEndpoint({ id: 'ep_own', tenant: 'posthorn' });
  const declared = new Map([['order.made', { owner: 'ghosts', template: 'standard' }]]);
  const facts = {
    endpoints: [owned, orphan, noOwner, own],
    objectives: [],
    seen: [],
    declared,
    teams: new Set(['shop']),
  };
  const { total, items } = checkConformance(facts);
  expect(total).toBe(4);
  expect(items.map(({ id, owner, missing }) => [id, owner, missing.includes('owner')])).toEqual([
    ['ep_owned', 'shop', false],
    ['ep_orphan', 'ghosts', true],
    ['ep_nobody', null, true],
    ['order.made', 'ghosts', true],
  ]);
});
