import { expect, test } from 'vitest';
import type { Endpoint } from '../../../packages/posthorn/src/domain/endpoint.ts';
import { minFailures } from '../../../packages/posthorn/src/domain/failing.ts';
import type { FailingChange } from '../../../packages/posthorn/src/store/store.ts';
import { anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { noRoom, type Subject } from './subject.ts';

const hour = 3_600_000;

/** Endpoints that are paused when they have only failed for too long. */
export function describeFailing(subject: Subject): void {
  const { one } = subject;

  const failure = (
    { id: endpointId, url }: Endpoint,
    since: number,
    at: number,
    count = minFailures,
  ): FailingChange => ({ endpointId, url, failing: { since, count }, at });
  const success = ({ id: endpointId, url }: Endpoint, at: number): FailingChange => ({
    endpointId,
    url,
    failing: null,
    at,
  });
  const row = async ({ id }: Endpoint) =>
    (await subject.store.read.failingEndpoints()).find(({ endpointId }) => endpointId === id) ?? null;

  test('G5: an endpoint that has failed for long enough is paused with its reason, once, in the audit log', async () => {
    const endpoint = await one({ disableAfterMs: hour });
    await subject.store.write.saveFailing([failure(endpoint, start, start, 1)]);
    expect(await row(endpoint)).toEqual({ endpointId: endpoint.id, since: start, count: 1 });
    expect(await subject.store.write.pauseFailing(failure(endpoint, start, start + hour - 1))).toBeNull();
    const late = failure(endpoint, start, start + hour);
    expect(await subject.store.write.pauseFailing(late)).toMatchObject({
      enabled: false,
      pausedReason: 'failing',
    });
    expect(await subject.store.read.endpoint(endpoint.id)).toMatchObject({
      enabled: false,
      pausedReason: 'failing',
      updatedAt: start + hour,
    });
    expect(await subject.store.write.pauseFailing(late)).toBeNull();
    const entries = await subject.store.read.auditLog({}, { after: null, limit: 10 });
    expect(entries.map(({ document }) => document)).toMatchObject([
      {
        actor: { kind: 'engine' },
        action: 'endpoints.pause',
        target: { kind: 'endpoint', id: endpoint.id },
        after: { enabled: false, paused_reason: 'failing' },
      },
    ]);
  });

  test('too few failures, or an endpoint that sets no time, pause nothing', async () => {
    const few = await one({ disableAfterMs: hour });
    expect(
      await subject.store.write.pauseFailing(failure(few, start, start + 9 * hour, minFailures - 1)),
    ).toBeNull();
    const never = await one();
    expect(await subject.store.write.pauseFailing(failure(never, start, start + 9 * hour))).toBeNull();
    expect(await row(never)).toBeNull();
  });

  test('of two nodes the earlier beginning counts, and a success of any ends what was before it', async () => {
    const endpoint = await one({ disableAfterMs: hour });
    await subject.store.write.saveFailing([failure(endpoint, start + 10, start + 10, 1)]);
    await subject.store.write.saveFailing([failure(endpoint, start, start + 20, 2)]);
    await subject.store.write.saveFailing([failure(endpoint, start + 5, start + 30, 1)]);
    expect(await row(endpoint)).toMatchObject({ since: start, count: 2 });
    await subject.store.write.saveFailing([success(endpoint, start + 40)]);
    expect(await row(endpoint)).toBeNull();
    // A node that has not heard of it.
    expect(await subject.store.write.pauseFailing(failure(endpoint, start, start + 9 * hour))).toBeNull();
    expect(await row(endpoint)).toBeNull();
    await subject.store.write.saveFailing([failure(endpoint, start + 50, start + 50, 1)]);
    // One that is heard of late says nothing of what came after it.
    await subject.store.write.saveFailing([success(endpoint, start + 45)]);
    expect(await row(endpoint)).toMatchObject({ since: start + 50, count: 1 });
  });

  test('what was delivered meanwhile counts, whether or not its node has lived to record it', async () => {
    const endpoint = await one({ disableAfterMs: hour });
    await subject.store.write.accept([[anEvent()]], noRoom);
    await subject.store.write.saveFailing([failure(endpoint, start, start)]);
    const [delivery] = (await subject.claim(endpoint.id, start)).deliveries;
    await subject.store.write.settle([settlementOf(delivery!, 'delivered', start + 10)]);
    const late = failure(endpoint, start, start + hour);
    expect(await subject.store.write.pauseFailing(late)).toBeNull();
    expect(await row(endpoint)).toBeNull();
    expect(await subject.store.write.pauseFailing(failure(endpoint, start, start + 2 * hour))).toBeNull();
    const again = failure(endpoint, start + hour + 1, start + 2 * hour + 1);
    expect(await subject.store.write.pauseFailing(again)).toMatchObject({ enabled: false });
  });

  test('it ends with the URL, with a resume and with the setting; a pause by it ends with the URL', async () => {
    const endpoint = await one({ disableAfterMs: hour });
    const { id, url } = endpoint;
    const change = (fields: Partial<Endpoint>, at: number) =>
      subject.store.write.updateEndpoint(id, { ...fields, updatedAt: at });
    await subject.store.write.saveFailing([failure(endpoint, start, start)]);
    await change({ maxInFlight: 3 }, start + 1);
    expect(await row(endpoint)).not.toBeNull();
    await change({ disableAfterMs: null }, start + 2);
    expect(await row(endpoint)).toBeNull();
    await change({ disableAfterMs: hour }, start + 3);
    expect(await row(endpoint)).toBeNull();
    await subject.store.write.pauseFailing(failure(endpoint, start + 4, start + 4 + hour));
    expect(await row(endpoint)).toMatchObject({ since: start + 4 });
    await change({ enabled: true, pausedReason: null }, start + 2 * hour);
    expect(await row(endpoint)).toBeNull();
    expect(await subject.store.write.pauseFailing(failure(endpoint, start + 4, start + 9 * hour))).toBeNull();
    const again = failure(endpoint, start + 3 * hour, start + 5 * hour);
    expect(await subject.store.write.pauseFailing(again)).toMatchObject({ enabled: false });
    expect(await change({ url: `${url}/new` }, start + 6 * hour)).toMatchObject({
      enabled: true,
      pausedReason: null,
    });
    expect(await row(endpoint)).toBeNull();
    // What was learned of the former URL.
    await subject.store.write.saveFailing([failure(endpoint, start + 7 * hour, start + 7 * hour)]);
    expect(await row(endpoint)).toBeNull();
  });

  test('a leap of the clock is not a failure', async () => {
    const endpoint = await one({ disableAfterMs: hour });
    await subject.store.write.saveFailing([failure(endpoint, start, start)]);
    const { text } = await subject.store.read.clock();
    const leap = { now: start + 1000 + 99 * hour, byMs: 99 * hour };
    expect(await subject.store.write.saveClock({ expected: text, text: '{}', rebase: leap })).toBe(true);
    expect(await row(endpoint)).toMatchObject({ since: start + 99 * hour });
    const back = { now: start + 2000, byMs: -99 * hour };
    expect(await subject.store.write.saveClock({ expected: '{}', text: '{"n":2}', rebase: back })).toBe(true);
    expect(await row(endpoint)).toMatchObject({ since: start + 2000 });
  });

  test('is shown with what else is known of the receiver', async () => {
    const endpoint = await one({ disableAfterMs: hour });
    await subject.store.write.saveFailing([failure(endpoint, start, start)]);
    expect(await subject.store.read.receiverHealth([endpoint.id], start)).toEqual([
      {
        endpointId: endpoint.id,
        openSince: null,
        throttledUntil: null,
        failingSince: start,
        serverCertificate: null,
        contact: null,
      },
    ]);
    await subject.store.write.deleteEndpoint(endpoint.id, start);
    expect(await row(endpoint)).toBeNull();
  });
}
