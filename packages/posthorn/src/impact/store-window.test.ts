import { describe, expect, test } from 'vitest';
import type { Alert } from '../domain/alert.ts';
import { detectedByAlert } from './from-store.ts';
import { byDayOfWeek, weekPartsOf } from './side.ts';
import { ledgerWindow, windowsAround } from './store-window.ts';

const hour = 3_600_000;
const day = 24 * hour;
/** A Wednesday, 10:30 UTC. */
const now = Date.UTC(2026, 10, 18, 10, 30);
const today = Date.UTC(2026, 10, 18);

describe('a window as the ledger can answer it', () => {
  test('young: whole hours around it, and nothing to say where it was whole already', () => {
    const asked = { from: now - 5 * hour, until: now - 2 * hour };
    const window = ledgerWindow(asked, now - 100 * day, now);
    expect(window).toMatchObject({
      from: asked.from - hour / 2,
      until: asked.until + hour / 2,
      byDay: false,
    });
    expect(window!.notes.join()).toContain('the ledger is kept by the hour');
    const whole = { from: today - 2 * day, until: today - day };
    expect(ledgerWindow(whole, 0, now)).toEqual({ ...whole, byDay: false, notes: [] });
  });

  test('old: whole days, and that is said', () => {
    const asked = { from: today - 20 * day + hour, until: today - 15 * day - hour };
    const window = ledgerWindow(asked, 0, now);
    expect(window).toMatchObject({ from: today - 20 * day, until: today - 15 * day, byDay: true });
    expect(window!.notes.join()).toContain('the ledger is kept by the day (UTC) after eight days');
  });

  test('what is not known is not guessed: it ends now, and begins with the ledger', () => {
    const window = ledgerWindow({ from: today - 3 * day, until: now + day }, today - day, now);
    expect(window).toMatchObject({ from: today - day, until: now });
    expect(window!.notes.join()).toMatch(/the ledger begins at 2026-11-17T00:00Z.*the window ends now/);
    expect(ledgerWindow({ from: today - 3 * day, until: today - 2 * day }, today - day, now)).toBeNull();
    expect(ledgerWindow({ from: now + 1, until: now + day }, 0, now)).toBeNull();
  });
});

describe('the times around a deployment', () => {
  test.each([
    ['weeks', today - 21 * day, 30 * day, 21 * day],
    ['days', today - 3 * day, 30 * day, 3 * day],
    ['hours', today + 5 * hour, 30 * day, 5 * hour],
    ['no more than there was before', today - 3 * day, day, day],
  ])('equally long, in whole %s', (_, deploy, before, length) => {
    expect(windowsAround(deploy, deploy - before, now)).toEqual({
      before: { from: deploy - length, until: deploy },
      after: { from: deploy, until: deploy + length },
    });
  });

  test('the hour of the deployment, and of an old one its day, is in neither', () => {
    const young = today - 2 * day + hour / 2;
    expect(windowsAround(young, 0, now)).toMatchObject({
      before: { until: young - hour / 2 },
      after: { from: young + hour / 2 },
    });
    const old = today - 30 * day + 9 * hour;
    expect(windowsAround(old, 0, now)).toMatchObject({
      before: { until: today - 30 * day },
      after: { from: today - 29 * day },
    });
  });

  test('without a whole hour on both sides there is nothing to compare', () => {
    expect(windowsAround(now, 0, now)).toBeNull();
    expect(windowsAround(today, today - hour / 2, now)).toBeNull();
  });
});

test('parts of the week begin on Monday, and six hours add up to days', () => {
  const parts = weekPartsOf(
    [
      { at: today, events: 3 },
      { at: today + 23 * hour, events: 2 },
      { at: today - 2 * day, events: 1 },
    ],
    6,
  );
  expect(parts).toEqual({
    hours: 6,
    events: new Map([
      ['8', 3],
      ['11', 2],
      ['0', 1],
    ]),
  });
  expect(byDayOfWeek(parts)).toEqual({
    hours: 24,
    events: new Map([
      ['2', 5],
      ['0', 1],
    ]),
  });
});

test('a loss is noticed when the first alert on the ledger fires after it', () => {
  const alert: Alert = {
    id: 'alr_1',
    rule: 'unaccounted',
    group: 'ledger',
    severity: 'page',
    state: 'firing',
    owner: null,
    summary: '',
    evidence: {},
    since: now + 60_000,
    firedAt: now + 120_000,
    resolvedAt: null,
    acknowledgedAt: null,
    notifiedAt: null,
    notifiedSeverity: null,
  };
  const { firedAt: _, ...older } = alert;
  expect(detectedByAlert([alert], now)).toBe(120_000);
  expect(detectedByAlert([older], now)).toBe(60_000);
  expect(
    detectedByAlert(
      [
        { ...alert, rule: 'dead_letters' },
        { ...alert, state: 'pending' },
      ],
      now,
    ),
  ).toBeNull();
  // It was over before this loss, or fires since before it.
  expect(
    detectedByAlert([{ ...alert, state: 'resolved', firedAt: now - day, resolvedAt: now - hour }], now),
  ).toBeNull();
  expect(detectedByAlert([{ ...alert, firedAt: now - day }], now)).toBe(0);
});
