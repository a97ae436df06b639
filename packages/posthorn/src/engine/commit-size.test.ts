import { expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import type { NewEvent } from '../domain/event.ts';
import { anEvent } from '../../../../test/support.ts';
import { Sharing } from '../runtime/sharing.ts';
import { Intake } from './intake.ts';

/** An intake on a store that takes a millisecond for each commit and 0.05 for each event of it. */
function anIntake() {
  const clock = aClock();
  const commits: number[] = [];
  const waits: { tenant: string; ms: number }[] = [];
  /** Commits that the store has been asked for: it makes one after the other. */
  const asked: (() => void)[] = [];
  const intake = new Intake({
    clock,
    sharing: new Sharing(clock),
    store: {
      accept: async (groups) => {
        const events = groups.reduce((sum, group) => sum + group.length, 0);
        commits.push(events);
        await new Promise<void>((resolve) => asked.push(resolve));
        clock.pass(1 + 0.05 * events);
        return {
          groups: groups.map((group) => ({
            receipts: group.map(({ id, tenant, type }) => ({
              id,
              tenant,
              type,
              acceptedAt: 0,
              deliveries: 1,
              suppressed: 0,
              duplicate: false,
            })),
          })),
          claimed: [],
          waiting: [],
          fanOuts: 0,
        };
      },
    },
    admission: {
      reserve: (now) => ({ now, node: 'a', leaseMs: 1, defaultRoom: 0, room: new Map() }),
      admit: () => {},
    },
    fanOut: { wake: () => {} },
    health: { report: () => {} },
    observer: undefined,
    tracing: undefined,
  });
  const publish = (tenant: string, count = 1, again = false): void => {
    const began = clock.monotonic();
    const events: NewEvent[] = Array.from({ length: count }, () => anEvent({ tenant }));
    void intake.publish(events).then(() => {
      waits.push({ tenant, ms: clock.monotonic() - began });
      if (again) publish(tenant, count, true);
    });
  };
  const turn = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    for (const commit of asked.splice(0)) {
      commit();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { clock, commits, waits, publish, turn };
}

test('G8: who publishes little is not held to one request a commit by the large batches of another', async () => {
  const { waits, publish, turn } = anIntake();
  for (let n = 0; n < 4; n++) publish('flood', 100, true);
  publish('quiet');
  await turn();
  for (let n = 0; n < 30; n++) {
    // More in each commit than one from each tenant.
    for (let each = 0; each < 5; each++) publish('quiet');
    await turn();
  }
  await turn();
  await turn();
  expect(waits.filter(({ tenant }) => tenant === 'quiet')).toHaveLength(151);
});

test('a tenant that publishes alone has large commits', async () => {
  const { commits, publish, turn } = anIntake();
  for (let n = 0; n < 2000; n++) publish('a', 1, true);
  for (let n = 0; n < 20; n++) await turn();
  expect(Math.max(...commits)).toBe(2000);
});

test.each([
  ['single events', 1, 1000],
  ['batches of 100', 100, 20],
])("G8: a flood of %s delays another tenant's publish by one short commit", async (_, size, connections) => {
  const { commits, waits, publish, turn } = anIntake();
  for (let n = 0; n < connections; n++) publish('flood', size, true);
  for (let n = 0; n < 200; n++) {
    publish(`quiet-${n % 3}`);
    await turn();
  }
  // The first ones come while the flood is alone.
  const others = waits.filter(({ tenant }) => tenant !== 'flood').slice(10);
  // The commit under way, of about 6 ms, and its own small one.
  expect(Math.max(...others.map(({ ms }) => ms))).toBeLessThan(8);
  // The flood goes on meanwhile.
  expect(commits.slice(10).filter((events) => events >= 40).length).toBeGreaterThan(80);
});
