import { describe, expect, test } from 'vitest';
import {
  type Alert,
  type AlertNotification,
  alertTiming,
  type Condition,
  stepAlerts,
  withNotifications,
} from './alert.ts';

const minute = 60_000;
const condition = (fields: Partial<Condition> = {}): Condition => ({
  rule: 'dead_letters',
  group: 'ep_1/timeout',
  severity: 'ticket',
  owner: null,
  summary: 'dead letters',
  evidence: { count: 1 },
  waitMs: 30_000,
  ...fields,
});

/** Applies steps as the store does. */
function world() {
  let stored: Alert[] = [];
  let ids = 0;
  return {
    get stored() {
      return stored;
    },
    acknowledge(now: number, until?: number) {
      stored = stored.map((alert) => ({
        ...alert,
        acknowledgedAt: now,
        ...(until === undefined ? {} : { acknowledgement: { by: 'ines', note: 'on it', until } }),
      }));
    },
    notify(notification: AlertNotification) {
      stored = stored.map((alert) => withNotifications(alert, [notification]));
    },
    at(now: number, conditions: Condition[], unevaluated: string[] = []) {
      const step = stepAlerts(stored, conditions, now, () => `alr_${++ids}`, new Set(unevaluated));
      const changed = new Map(step.changed.map((alert) => [alert.id, alert]));
      stored = [...stored.filter(({ id }) => !changed.has(id)), ...changed.values()].filter(
        ({ id }) => !step.forgotten.includes(id),
      );
      return step.notify.map(({ state, severity, group }) => `${state} ${severity} ${group}`);
    },
  };
}

describe('alerts', () => {
  test('when one began to fire is kept: neither when it became true, nor when it was last notified', () => {
    const w = world();
    w.at(0, [condition()]);
    expect(w.stored[0]).toMatchObject({ since: 0, firedAt: null });
    w.at(minute, [condition()]);
    w.at(minute + alertTiming.repeatMs, [condition()]);
    expect(w.stored[0]).toMatchObject({ firedAt: minute, notifiedAt: minute + alertTiming.repeatMs });
    w.at(2 * minute + alertTiming.repeatMs, []);
    expect(w.stored[0]).toMatchObject({ state: 'resolved', firedAt: minute });
  });

  test('a temporary acknowledgement expires: then the alert is notified, and repeated as before', () => {
    const w = world();
    const at = (minutes: number) => w.at(minutes * minute, [condition({ waitMs: 0 })]);
    expect(at(0)).toHaveLength(1);
    w.acknowledge(minute, 90 * minute);
    for (const minutes of [2, 60, 89]) expect(at(minutes)).toEqual([]);
    expect(w.stored[0]).toMatchObject({ acknowledgedAt: minute, acknowledgement: { by: 'ines' } });
    expect(at(90)).toEqual(['firing ticket ep_1/timeout']);
    expect(w.stored[0]).toMatchObject({ acknowledgedAt: null });
    expect(w.stored[0]!.acknowledgement).toBeUndefined();
    expect(at(91)).toEqual([]);
    expect(at(90 + 240)).toHaveLength(1);
    // What is over keeps who was on it.
    w.acknowledge(400 * minute, 1000 * minute);
    w.at(401 * minute, []);
    expect(w.stored[0]).toMatchObject({ state: 'resolved', acknowledgement: { note: 'on it' } });
  });

  test('an alert keeps its newest notifications, and is not changed by a step that changes nothing', () => {
    const w = world();
    w.at(0, [condition({ waitMs: 0 })]);
    for (let at = 0; at < 25; at++)
      w.notify({ teams: ['shop'], channel: 'ops', at, says: 'firing', eventId: `e${at}` });
    expect(w.stored[0]!.notifications!.map(({ at }) => at)).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 5),
    );
    w.acknowledge(1, 1000 * minute);
    const before = w.stored;
    w.at(minute, [condition({ waitMs: 0 })]);
    expect(w.stored).toEqual(before);
    expect(stepAlerts(before, [condition({ waitMs: 0 })], minute, () => '').changed).toEqual([]);
  });

  test('what gets worse in stages is notified at each, and not in between', () => {
    const w = world();
    const day = 24 * 60 * minute;
    const at = (days: number, stage: string, severity: 'ticket' | 'page' = 'ticket') =>
      w.at(days * day, [condition({ waitMs: 0, stage, severity })]);
    expect(at(0, '30')).toEqual(['firing ticket ep_1/timeout']);
    for (let days = 1; days < 23; days++) expect(at(days, '30')).toEqual([]);
    // An acknowledgement at one stage does not silence the next.
    w.acknowledge(22 * day);
    expect(at(23, '7')).toEqual(['firing ticket ep_1/timeout']);
    expect(w.stored[0]).toMatchObject({ acknowledgedAt: null, notifiedStage: '7' });
    expect(at(24, '7')).toEqual([]);
    expect(at(29, '1', 'page')).toEqual(['firing page ep_1/timeout']);
    expect(at(30, '0', 'page')).toEqual(['firing page ep_1/timeout']);
    expect(at(40, '0', 'page')).toEqual([]);
    expect(w.at(41 * day, [])).toEqual(['resolved page ep_1/timeout']);
  });

  test('an alert is notified once it has lasted, once, and when it is resolved', () => {
    const w = world();
    expect(w.at(0, [condition()])).toEqual([]);
    expect(w.stored[0]).toMatchObject({ state: 'pending', since: 0 });
    expect(w.at(15_000, [condition()])).toEqual([]);
    expect(w.at(30_000, [condition({ evidence: { count: 100_000 } })])).toEqual([
      'firing ticket ep_1/timeout',
    ]);
    for (let at = 1; at < 200; at++)
      expect(w.at(30_000 + at * minute, [condition({ evidence: { count: at } })])).toEqual([]);
    expect(w.at(201 * minute, [])).toEqual(['resolved ticket ep_1/timeout']);
    expect(w.at(202 * minute, [])).toEqual([]);
    expect(w.stored[0]).toMatchObject({ state: 'resolved', resolvedAt: 201 * minute });
    expect(w.at(201 * minute + alertTiming.keepResolvedMs + 1, [])).toEqual([]);
    expect(w.stored).toEqual([]);
  });

  test('what passes before its delay is not notified', () => {
    const w = world();
    w.at(0, [condition()]);
    expect(w.at(15_000, [])).toEqual([]);
    expect(w.stored).toEqual([]);
  });

  test('it is repeated after four hours unless it is acknowledged; escalation is notified at once', () => {
    const w = world();
    const now = condition({ waitMs: 0 });
    expect(w.at(0, [now])).toHaveLength(1);
    expect(w.at(alertTiming.repeatMs - 1, [now])).toHaveLength(0);
    expect(w.at(alertTiming.repeatMs, [now])).toHaveLength(1);
    w.acknowledge(alertTiming.repeatMs + 1);
    expect(w.at(3 * alertTiming.repeatMs, [now])).toHaveLength(0);
    expect(w.at(3 * alertTiming.repeatMs + 1, [{ ...now, severity: 'page' }])).toEqual([
      'firing page ep_1/timeout',
    ]);
    expect(w.stored[0]!.acknowledgedAt).toBeNull();
    // An improvement is not notified.
    expect(w.at(3 * alertTiming.repeatMs + 2, [now])).toHaveLength(0);
  });

  test('three groups are three; a fourth that begins later is notified too', () => {
    const w = world();
    const groups = ['a', 'b', 'c'].map((group) => condition({ group, waitMs: 0 }));
    expect(w.at(0, groups)).toHaveLength(3);
    expect(w.at(minute, [...groups, condition({ group: 'd', waitMs: 0 })])).toEqual(['firing ticket d']);
  });

  test('a rule that cannot be evaluated leaves its alerts as they are', () => {
    const w = world();
    w.at(0, [condition({ rule: 'unaccounted', waitMs: 0 })]);
    const before = w.stored;
    expect(w.at(minute, [], ['unaccounted'])).toEqual([]);
    expect(w.stored).toEqual(before);
    expect(w.at(2 * minute, [])).toHaveLength(1);
  });
});

describe('endpoints of one host are one incident', () => {
  const down = (n: number, fields: Partial<Condition> = {}): Condition =>
    condition({ rule: 'endpoint_down', group: `ep_${n}`, host: 'shop.example', ...fields });
  const at = (w: ReturnType<typeof world>, seconds: number, ...conditions: Condition[]) =>
    w.at(seconds * 1000, conditions);
  const incidents = (w: ReturnType<typeof world>) => new Set(w.stored.map(({ incident }) => incident));

  test('what begins within the first wait is notified together', () => {
    const w = world();
    expect(at(w, 0, down(1))).toEqual([]);
    expect(at(w, 29, down(1), down(2), down(3))).toEqual([]);
    expect(at(w, 31, down(1), down(2), down(3))).toEqual([
      'firing ticket ep_1',
      'firing ticket ep_2',
      'firing ticket ep_3',
    ]);
    expect(incidents(w)).toEqual(new Set(['alr_1']));
  });

  test('what joins later waits for others, five minutes from the last notification, unless it is the first that pages', () => {
    const w = world();
    at(w, 0, down(1, { waitMs: 0 }));
    expect(at(w, 60, down(1), down(2, { waitMs: 0 }))).toEqual([]);
    expect(at(w, 299, down(1), down(2), down(3, { waitMs: 0 }))).toEqual([]);
    expect(at(w, 300, down(1), down(2), down(3, { waitMs: 0 }))).toEqual([
      'firing ticket ep_2',
      'firing ticket ep_3',
    ]);
    const page = down(4, { waitMs: 0, severity: 'page' });
    expect(at(w, 310, down(1), down(2), down(3), page)).toEqual(['firing page ep_4']);
    expect(at(w, 320, down(1), down(2), down(3), page, { ...page, group: 'ep_5' })).toEqual([]);
    expect(incidents(w)).toEqual(new Set(['alr_1', undefined]));
  });

  test('its end is notified once, with the last of them; what was never notified does not end either', () => {
    const w = world();
    at(w, 0, down(1, { waitMs: 0 }), down(2, { waitMs: 0 }));
    expect(at(w, 60, down(2), down(3, { waitMs: 0 }))).toEqual([]);
    expect(at(w, 120, down(2))).toEqual([]);
    expect(w.stored.map(({ state }) => state).toSorted()).toEqual(['firing', 'resolved', 'resolved']);
    expect(at(w, 180)).toEqual(['resolved ticket ep_2']);
  });

  test('it is repeated together, and what is acknowledged is not', () => {
    const w = world();
    const hours = (n: number): number => n * 3600;
    at(w, 0, down(1, { waitMs: 0 }));
    at(w, 600, down(1), down(2, { waitMs: 0 }));
    expect(at(w, hours(4), down(1), down(2))).toHaveLength(2);
    expect(at(w, hours(4) + 600, down(1), down(2))).toEqual([]);
    w.acknowledge(hours(5) * 1000);
    expect(at(w, hours(9), down(1), down(2))).toEqual([]);
  });

  test.each([
    ['another host', { host: 'bank.example' }],
    ['another owner', { owner: 'payments' }],
    ['another rule', { rule: 'overdue' }],
  ])('%s is another incident', (_, fields) => {
    const w = world();
    at(w, 0, down(1, { waitMs: 0 }));
    expect(at(w, 10, down(1), down(2, { waitMs: 0, ...fields }))).toHaveLength(1);
    expect(incidents(w).size).toBe(2);
    expect(at(w, 20, down(1))).toHaveLength(1);
  });

  test('an alert of an older Posthorn keeps the id under which channels know it', () => {
    const w = world();
    w.at(0, [condition({ waitMs: 0 })]);
    w.at(1000, [
      condition({ host: 'shop.example' }),
      condition({ group: 'ep_2', host: 'shop.example', waitMs: 0 }),
    ]);
    expect(
      w.at(400_000, [
        condition({ host: 'shop.example' }),
        condition({ group: 'ep_2', host: 'shop.example' }),
      ]),
    ).toHaveLength(1);
    expect(w.stored.map(({ id, incident }) => incident ?? id)).toEqual(['alr_1', 'alr_1']);
  });
});
