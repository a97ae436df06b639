import { expect, test } from 'vitest';
import { anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { lease, noRoom, type Subject } from './subject.ts';

/** What a claim takes and for how long, and in which order (G2). */
export function describeClaiming(subject: Subject): void {
  const { one, claim } = subject;

  test('G2: a claim moves due_at by its lease, and runs out by itself', async () => {
    const endpoint = await one();
    await subject.store.write.accept([[anEvent()]], noRoom);
    const [first] = (await claim(endpoint.id, start)).deliveries;
    expect(first).toMatchObject({ claim: 1, leaseUntil: start + lease, attemptsMade: 0 });
    expect((await claim(endpoint.id, start + lease - 1)).deliveries).toEqual([]);
    expect((await claim(endpoint.id, start + lease)).deliveries).toMatchObject([{ claim: 2 }]);
  });

  test('a paused endpoint keeps its pending deliveries and is not claimed from', async () => {
    const endpoint = await one();
    await subject.store.write.accept([[anEvent()]], noRoom);
    await subject.store.write.updateEndpoint(endpoint.id, { enabled: false, updatedAt: start });
    expect(await claim(endpoint.id, start)).toEqual({ deliveries: [], nextDueAt: null });
    await subject.store.write.updateEndpoint(endpoint.id, { enabled: true, updatedAt: start });
    expect((await claim(endpoint.id, start)).deliveries).toHaveLength(1);
  });

  test('ordering: only the head of a key is claimed; the next follows when it has ended', async () => {
    const endpoint = await one({ ordering: 'key' });
    for (const id of ['k-1', 'k-2', 'k-3'])
      await subject.store.write.accept([[anEvent({ id, orderingKey: 'k' })]], { ...noRoom, defaultRoom: 9 });
    const first = (await claim(endpoint.id, start)).deliveries;
    expect(first.map(({ eventId }) => eventId)).toEqual(['k-1']);
    await subject.store.write.settle([settlementOf(first[0]!, 'pending', start + 1, { keyed: true })]);
    expect((await claim(endpoint.id, start + 2)).deliveries).toEqual([]);
    const retried = (await claim(endpoint.id, start + 6000)).deliveries;
    expect(retried.map(({ eventId }) => eventId)).toEqual(['k-1']);
    await subject.store.write.settle([settlementOf(retried[0]!, 'dead', start + 6001, { keyed: true })]);
    expect((await claim(endpoint.id, start + 6001)).deliveries.map(({ eventId }) => eventId)).toEqual([
      'k-2',
    ]);
  });

  test('ordering: a long queue of one key takes one claim a step, and is not read again and again', async () => {
    const endpoint = await one({ ordering: 'key' });
    const count = 150;
    const events = Array.from({ length: count }, (_, n) => anEvent({ id: `q${n}`, orderingKey: 'k' }));
    await subject.store.write.accept([events, [anEvent({ id: 'free' })]], noRoom);
    const arrived: string[] = [];
    let now = start;
    let claims = 0;
    while (arrived.length < count + 1 && claims < 2 * count) {
      claims++;
      const { deliveries } = await claim(endpoint.id, ++now, 20);
      arrived.push(...deliveries.map(({ eventId }) => eventId));
      await subject.store.write.settle(
        deliveries.map((d) => settlementOf(d, 'delivered', now, { keyed: true })),
      );
    }
    expect(arrived.filter((id) => id !== 'free')).toEqual(events.map(({ id }) => id));
    expect(claims).toBeLessThan(count + 40);
  });

  test('ordering: what waits for its key is put to sleep once, and not with every claim', async () => {
    const endpoint = await one({ ordering: 'key' });
    const events = Array.from({ length: 9 }, (_, n) => anEvent({ id: `q${n}`, orderingKey: 'k' }));
    await subject.store.write.accept([events], noRoom);
    const sleeping = async (): Promise<(number | null)[]> =>
      (await subject.store.read.deliveries({}, { after: null, limit: 100 }))
        .toSorted((a, b) => a.number - b.number)
        .slice(2)
        .map(({ dueAt }) => dueAt);
    const [head] = (await claim(endpoint.id, start)).deliveries;
    const before = await sleeping();
    await subject.store.write.settle([settlementOf(head!, 'delivered', start + 5000, { keyed: true })]);
    const next = await claim(endpoint.id, start + 5000);
    expect(next.deliveries.map(({ eventId }) => eventId)).toEqual(['q1']);
    expect(await sleeping()).toEqual(before);
  });

  test('a claim given back unused keeps its place: it is due when it was due before', async () => {
    const endpoint = await one();
    for (const [n, id] of ['a', 'b', 'c'].entries())
      await subject.store.write.accept([[anEvent({ id })]], { ...noRoom, now: start + n });
    const first = (await claim(endpoint.id, start + 5)).deliveries;
    expect(first.map(({ dueAt }) => dueAt).toSorted()).toEqual([start, start + 1, start + 2]);
    const unused = first.filter(({ eventId }) => eventId !== 'c');
    await subject.store.write.release(
      unused.map(({ number, claim: n, dueAt }) => ({ number, claim: n, dueAt })),
    );
    const again = (await claim(endpoint.id, start + 6)).deliveries.toSorted((a, b) => a.dueAt - b.dueAt);
    expect(again.map(({ eventId, claim: n, dueAt }) => [eventId, n, dueAt])).toEqual([
      ['a', 2, start],
      ['b', 2, start + 1],
    ]);
  });

  test('G3: retries are brought forward, all or those that a receiver asked to wait; never what is claimed', async () => {
    const endpoint = await one();
    const other = await one();
    await subject.store.write.accept([['a', 'b', 'c'].map((id) => anEvent({ id }))], noRoom);
    const claimed = (await claim(endpoint.id, start)).deliveries;
    const others = (await claim(other.id, start)).deliveries;
    const codes = { a: 429, b: 500, c: 503 } as Record<string, number>;
    const waiting = claimed.filter(({ eventId }) => eventId !== 'c');
    await subject.store.write.settle(
      [...waiting, ...others].map((d) => ({
        ...settlementOf(d, 'pending', start + 1),
        dueAt: start + 1e6,
        statusCode: codes[d.eventId]!,
      })),
    );
    const forward = (only: 'all' | 'throttled', limit = 100) =>
      subject.store.write.bringForward({ endpointId: endpoint.id, only, now: start + 2, limit });
    const dueAt = async () =>
      Promise.all(claimed.map(async ({ number }) => (await subject.store.read.delivery(number))!.dueAt));
    expect(await forward('throttled')).toBe(1);
    const by = new Map(claimed.map(({ eventId }, index) => [eventId, index]));
    const seen = async (id: string) => (await dueAt())[by.get(id)!];
    expect([await seen('a'), await seen('b'), await seen('c')]).toEqual([
      start + 2,
      start + 1e6,
      start + lease,
    ]);
    expect([await forward('all'), await forward('all')]).toEqual([1, 0]);
    expect([await seen('b'), await seen('c')]).toEqual([start + 2, start + lease]);
    expect(
      await subject.store.write.bringForward({ endpointId: 'ep_absent', only: 'all', now: 0, limit: 1 }),
    ).toBe(0);
    expect((await subject.store.read.delivery(others[0]!.number))!.dueAt).toBe(start + 1e6);
  });

  test('released claims are due again, and so are those of a previous run of the node, and only these', async () => {
    const endpoint = await one();
    await subject.store.write.accept([[anEvent()], [anEvent()]], noRoom);
    const [mine] = (await claim(endpoint.id, start, 1)).deliveries;
    await subject.store.write.release([{ number: mine!.number, claim: mine!.claim, dueAt: start + 7 }]);
    expect(await subject.store.read.delivery(mine!.number)).toMatchObject({ dueAt: start + 7 });
    await claim(endpoint.id, start + 7, 1, 'a');
    await claim(endpoint.id, start + 7, 1, 'b');
    expect(await subject.store.write.takeOver('a', start + 8)).toBe(1);
    expect((await claim(endpoint.id, start + 8)).deliveries).toHaveLength(1);
  });
}
