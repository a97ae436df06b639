import { versionMarker } from '../domain/automatic-marker.ts';
import { identified } from '../store/markers.ts';
import type { ServiceDependencies } from './dependencies.ts';

const setting = 'version';

/**
 * Creates a marker if the previous node had another version. Nodes that start at the same time record the same change
 * once: its id is derived from the previous setting.
 */
export async function markVersion({
  store,
  clock,
  version,
}: Pick<ServiceDependencies, 'store' | 'clock' | 'version'>): Promise<void> {
  const now = clock.now();
  const before = await store.read.setting(setting);
  if (before !== null) {
    const [former = '', since] = before.split(' ');
    if (former === version) return;
    const marker = identified(versionMarker(former, version, now), `${before} ${version}`, Number(since));
    await store.write.createMarker(marker, null);
  }
  await store.write.saveSetting(setting, `${version} ${now}`);
}
