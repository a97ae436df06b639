import { expect, test } from 'vitest';
import type { ConfigChange } from '../../../packages/posthorn/src/store/store.ts';
import { anEndpoint, start } from '../../support.ts';
import { aChannel, aTeam } from './documents.ts';
import type { Subject } from './subject.ts';

/** Changes of endpoints and documents: all or none, and never over concurrent changes (G4). */
export function describeConfiguring(subject: Subject): void {
  const { one } = subject;

  test('G4: endpoints and documents change together or not at all', async () => {
    const [kept, gone] = [await one(), await one()];
    const fresh = anEndpoint();
    const version = await subject.store.read.configVersion();
    const change: ConfigChange = {
      version,
      now: start + 1,
      createEndpoints: [fresh],
      updateEndpoints: [{ id: kept.id, change: { description: 'changed', updatedAt: start + 1 } }],
      deleteEndpoints: [gone.id],
      putDocuments: [{ kind: 'channel', name: 'ops', document: aChannel(fresh.id) }],
    };
    // The last part fails: there is no such endpoint.
    await expect(
      subject.store.write.changeConfig({
        ...change,
        updateEndpoints: [...change.updateEndpoints!, { id: 'ep_absent', change: { updatedAt: start } }],
      }),
    ).rejects.toThrow('ep_absent');
    expect(await subject.store.read.configVersion()).toBe(version);
    expect(await subject.store.read.documents('channel')).toEqual([]);
    expect(await subject.store.read.endpoint(kept.id)).toEqual(kept);
    expect(await subject.store.read.endpoint(gone.id)).toEqual(gone);

    const changed = { ...kept, description: 'changed', updatedAt: start + 1 };
    expect(await subject.store.write.changeConfig(change)).toEqual([fresh, changed]);
    expect(await subject.store.read.endpoint(fresh.id)).toEqual(fresh);
    expect(await subject.store.read.endpoint(kept.id)).toEqual(changed);
    expect(await subject.store.read.endpoint(gone.id)).toBeNull();
    expect(await subject.store.read.documents('channel')).toHaveLength(1);
    const next = await subject.store.read.configVersion();
    expect(next).toBeGreaterThan(version);
    await subject.store.write.changeConfig({
      version: next,
      now: start + 2,
      deleteDocuments: [{ kind: 'channel', name: 'ops' }],
    });
    expect(await subject.store.read.documents('channel')).toEqual([]);
  });

  test('G4: of changes that were computed from the same version, one is written', async () => {
    const endpoint = await one();
    const version = await subject.store.read.configVersion();
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((description) =>
        subject.store.write.changeConfig({
          version,
          now: start,
          updateEndpoints: [{ id: endpoint.id, change: { description, updatedAt: start } }],
        }),
      ),
    );
    const written = answers.filter((answer) => answer !== null);
    expect(written).toHaveLength(1);
    expect(await subject.store.read.endpoint(endpoint.id)).toEqual(written[0]![0]);
  });

  test('a name belongs to one endpoint of its tenant, which is found by it until it is deleted', async () => {
    const { store } = subject;
    const named = async (tenants: string[], names: string[]) =>
      (await store.read.endpointsNamed(tenants, names)).map(({ id }) => id).toSorted();
    const [shop, other] = [
      await one({ tenant: 'a', name: 'shop' }),
      await one({ tenant: 'b', name: 'shop' }),
    ];
    const nameless = await one({ tenant: 'a' });
    expect(await store.read.endpoint(shop.id)).toEqual(shop);
    expect(await named(['a'], ['shop'])).toEqual([shop.id]);
    expect(await named(['a', 'b', 'c'], ['shop', 'none'])).toEqual([shop.id, other.id].toSorted());
    expect(await named(['a'], ['none'])).toEqual([]);
    expect(await named([], ['shop'])).toEqual([]);

    const taken = { name: 'ConflictError', code: 'name_taken' };
    await expect(one({ tenant: 'a', name: 'shop' })).rejects.toMatchObject(taken);
    const rename = (id: string, name: string | null) =>
      store.write.updateEndpoint(id, { name, updatedAt: start + 1 });
    await expect(rename(nameless.id, 'shop')).rejects.toMatchObject(taken);
    expect(await store.read.endpoint(nameless.id)).toEqual(nameless);
    // A change that takes a name twice writes nothing.
    const twice = ['x', 'x'].map((name) => anEndpoint({ tenant: 'a', name }));
    const change = { version: await store.read.configVersion(), now: start, createEndpoints: twice };
    await expect(store.write.changeConfig(change)).rejects.toMatchObject(taken);
    expect(await named(['a'], ['x'])).toEqual([]);
    expect(await store.read.configVersion()).toBe(change.version);

    expect(await rename(shop.id, 'store')).toMatchObject({ name: 'store' });
    expect(await rename(shop.id, 'store')).toMatchObject({ name: 'store' });
    expect(await rename(nameless.id, 'shop')).toMatchObject({ name: 'shop' });
    expect(await named(['a'], ['shop', 'store'])).toEqual([shop.id, nameless.id].toSorted());
    expect(await rename(shop.id, null)).toMatchObject({ name: null });
    await store.write.deleteEndpoint(nameless.id, start + 2);
    expect(await named(['a'], ['shop', 'store'])).toEqual([]);
    await one({ tenant: 'a', name: 'shop' });
    // An object that is deleted in the same change has lost its name.
    const [before] = await store.read.endpointsNamed(['a'], ['shop']);
    const after = anEndpoint({ tenant: 'a', name: 'shop' });
    await store.write.changeConfig({
      version: await store.read.configVersion(),
      now: start,
      deleteEndpoints: [before!.id],
      createEndpoints: [after],
    });
    expect(await named(['a'], ['shop'])).toEqual([after.id]);
  });

  test('G4: every change of an endpoint or a document makes older decisions stale', async () => {
    const endpoint = await one();
    const changes: (() => Promise<unknown>)[] = [
      () => one(),
      () => subject.store.write.updateEndpoint(endpoint.id, { enabled: false, updatedAt: start }),
      () => subject.store.write.putDocument('team', 'payments', aTeam()),
      () => subject.store.write.deleteDocument('team', 'payments'),
      () => subject.store.write.deleteEndpoint(endpoint.id, start),
    ];
    for (const change of changes) {
      const version = await subject.store.read.configVersion();
      await change();
      const late = {
        version,
        now: start,
        putDocuments: [{ kind: 'team' as const, name: 'x', document: aTeam() }],
      };
      expect(await subject.store.write.changeConfig(late)).toBeNull();
    }
    expect(await subject.store.read.documents('team')).toEqual([]);
  });
}
