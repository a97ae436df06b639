import type { Item } from '../../api.ts';

type Marker = Item<'markers.list'>;

const hourMs = 3_600_000;

/**
 * The marker that is compared first, of some with the newest first: what people and pipelines have noted goes before what Posthorn
 * has, and what has a whole hour behind it before what has nothing to compare yet.
 */
export function comparable(markers: readonly Marker[], now: number): Marker | undefined {
  const old = markers.filter(({ at }) => now - Date.parse(at) >= 2 * hourMs);
  return old.find(({ automatic }) => !automatic) ?? old[0] ?? markers[0];
}
