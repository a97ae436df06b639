import { expect, test } from 'vitest';
import type { ConfigChange } from '../../../packages/posthorn/src/store/store.ts';
import { anEndpoint, start } from '../../support.ts';
import { aChannel, aTeam } from './documents.ts';
import type { Subject } from './subject.ts';

/** Changes of endpoints and documents: all or none, and never over what somebody else wrote (G4). */
export function describeConfiguring(subject: Subject): void {
  const { one } = subject;

  test('G4: endpoints and documents change together or not at all', async () => {
    const [kept, gone] = [await one(), await one()];
    const fresh = anEndpoint();
    const version = await subject.store.configVersion();
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
      subject.store.changeConfig({
        ...change,
        updateEndpoints: [...change.updateEndpoints!, { id: 'ep_nobody', change: { updatedAt: start } }],
      }),
    ).rejects.toThrow('ep_nobody');
    expect(await subject.store.configVersion()).toBe(version);
    expect(await subject.store.documents('channel')).toEqual([]);
    expect(await subject.store.endpoint(kept.id)).toEqual(kept);
    expect(await subject.store.endpoint(gone.id)).toEqual(gone);

    const changed = { ...kept, description: 'changed', updatedAt: start + 1 };
    expect(await subject.store.changeConfig(change)).toEqual([fresh, changed]);
    expect(await subject.store.endpoint(fresh.id)).toEqual(fresh);
    expect(await subject.store.endpoint(kept.id)).toEqual(changed);
    expect(await subject.store.endpoint(gone.id)).toBeNull();
    expect(await subject.store.documents('channel')).toHaveLength(1);
    const next = await subject.store.configVersion();
    expect(next).toBeGreaterThan(version);
    await subject.store.changeConfig({
      version: next,
      now: start + 2,
      deleteDocuments: [{ kind: 'channel', name: 'ops' }],
    });
    expect(await subject.store.documents('channel')).toEqual([]);
  });

  test('G4: of changes that were computed from the same version, one is written', async () => {
    const endpoint = await one();
    const version = await subject.store.configVersion();
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((description) =>
        subject.store.changeConfig({
          version,
          now: start,
          updateEndpoints: [{ id: endpoint.id, change: { description, updatedAt: start } }],
        }),
      ),
    );
    const written = answers.filter((answer) => answer !== null);
    expect(written).toHaveLength(1);
    expect(await subject.store.endpoint(endpoint.id)).toEqual(written[0]![0]);
  });

  test('G4: every change of an endpoint or a document makes older decisions stale', async () => {
    const endpoint = await one();
    const changes: (() => Promise<unknown>)[] = [
      () => one(),
      () => subject.store.updateEndpoint(endpoint.id, { enabled: false, updatedAt: start }),
      () => subject.store.putDocument('team', 'payments', aTeam()),
      () => subject.store.deleteDocument('team', 'payments'),
      () => subject.store.deleteEndpoint(endpoint.id, start),
    ];
    for (const change of changes) {
      const version = await subject.store.configVersion();
      await change();
      const late = {
        version,
        now: start,
        putDocuments: [{ kind: 'team' as const, name: 'x', document: aTeam() }],
      };
      expect(await subject.store.changeConfig(late)).toBeNull();
    }
    expect(await subject.store.documents('team')).toEqual([]);
  });
}
