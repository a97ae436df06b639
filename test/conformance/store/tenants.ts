import { expect, test } from 'vitest';
import { anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { lease, noRoom, type Subject } from './subject.ts';

/** Counts of a tenant, to which its limits apply. */
export function describeTenants(subject: Subject): void {
  const { one, claim, balanced } = subject;
  const ofTenant = (tenant: string) => anEvent({ tenant });
  const pending = async (...tenants: string[]) => await subject.store.read.pendingIn(tenants);

  test("a tenant's endpoints are counted without those that are deleted", async () => {
    const first = await one({ tenant: 'a' });
    await one({ tenant: 'a' });
    await one({ tenant: 'b' });
    await subject.store.write.deleteEndpoint(first.id, start);
    const count = (tenant: string) => subject.store.read.endpointCount(tenant);
    expect([await count('a'), await count('b'), await count('absent')]).toEqual([1, 1, 0]);
  });

  test('pending deliveries of a tenant are what was accepted and has not ended', async () => {
    expect(await pending()).toEqual([]);
    const endpoint = await one({ tenant: 'a' });
    await one({ tenant: 'a' });
    const suppressed = await one({ tenant: 'b', enabled: false });
    await subject.store.write.accept([[ofTenant('a'), ofTenant('a')], [ofTenant('b')]], noRoom);
    expect(await pending('b', 'absent', 'a')).toEqual([0, 0, 4]);
    const { deliveries } = await claim(endpoint.id, start + 1);
    // What is claimed is pending still.
    expect(await pending('a')).toEqual([4]);
    await subject.store.write.settle([settlementOf(deliveries[0]!, 'delivered', start + 2)]);
    expect(await pending('a')).toEqual([3]);
    await subject.store.write.settle([settlementOf(deliveries[1]!, 'dead', start + 2)]);
    expect(await pending('a')).toEqual([2]);
    await subject.store.write.redriveDelivery(deliveries[1]!.number, start + lease);
    expect(await pending('a')).toEqual([3]);
    await subject.store.write.deleteEndpoint(endpoint.id, start + lease);
    expect(await pending('a')).toEqual([2]);
    await subject.store.write.deleteEndpoint(suppressed.id, start);
    await balanced();
  });

  test('pending deliveries of a tenant are also those that a fan-out is still to create', async () => {
    for (let n = 0; n < 5; n++) await one({ tenant: 'a' });
    await subject.store.write.accept([[ofTenant('a'), ofTenant('a')]], { ...noRoom, maxDirect: 3 });
    expect(await pending('a')).toEqual([10]);
    for (let steps = 0; steps < 20; steps++)
      await subject.store.write.stepFanOut({ ...noRoom, now: start + 1, limit: 4, after: null });
    expect(await pending('a')).toEqual([10]);
    await balanced();
  });
}
