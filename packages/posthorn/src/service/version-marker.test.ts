import { expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { openHere } from '../store/sqlite/open-here.ts';
import { markVersion } from './version-marker.ts';

const all = { since: null, until: null, isAutomatic: null, after: null, limit: 10 };

test('the first start puts no marker, another version puts one, and two nodes that start at once put the same', async () => {
  const store = openHere({ dataDir: ':memory:' });
  const clock = aClock();
  clock.pass(1000);
  await markVersion({ store, clock, version: '0.9.0' });
  await markVersion({ store, clock, version: '0.9.0' });
  expect(await store.read.markers(all)).toEqual([]);
  // Both read the setting before either has written it.
  const before = await store.read.setting('version');
  const node = { ...store, setting: async () => before };
  clock.pass(1000);
  await markVersion({ store: node, clock, version: '0.10.0' });
  clock.pass(40);
  await markVersion({ store: node, clock, version: '0.10.0' });
  expect(await store.read.markers(all)).toMatchObject([
    { at: 2000, label: 'Posthorn 0.10.0, before it 0.9.0', kind: 'deploy', isAutomatic: true },
  ]);
  await markVersion({ store, clock, version: '0.9.0' });
  expect(await store.read.markers(all)).toHaveLength(2);
  await store.close();
});
