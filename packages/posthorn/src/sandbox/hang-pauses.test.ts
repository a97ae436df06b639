import { expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { HangPauses } from './hang-pauses.ts';
import { Lane } from './lane.ts';

const program = { text: '', hash: 'h', isSimple: false };
function aLane(tenant: string): Lane<null> {
  const lane = new Lane<null>(program, tenant);
  lane.jobs.push({ texts: [''], results: [], since: 0, alone: false, resolve: () => {}, reject: () => {} });
  return lane;
}
function pauses() {
  const clock = aClock();
  const released: string[] = [];
  return { clock, released, pauses: new HangPauses<null>(clock, ({ tenant }) => released.push(tenant)) };
}

test('G8: a program that hangs for one owner after the other is tried more and more seldom', () => {
  const clock = aClock();
  const hangs: number[] = [];
  const tries: HangPauses<null> = new HangPauses(clock, () => hang());
  const hang = (): void => {
    hangs.push(clock.monotonic());
    tries.hung('h');
  };
  hang();
  for (let n = 0; n < 100; n++) tries.holds(aLane(`owner-${n}`));
  for (let ms = 0; ms < 60_000; ms += 100) clock.pass(100);
  expect(hangs.slice(0, 6)).toEqual([0, 100, 300, 700, 1500, 3100]);
  expect(hangs.slice(-2)).toEqual([51_300, 56_300]);
});

test('who waits is released in turn, at once when one stays within the budget, and others are not held', () => {
  const { clock, released, pauses: tries } = pauses();
  tries.hung('h');
  for (const tenant of ['a', 'b', 'c', 'd']) expect(tries.holds(aLane(tenant))).toBe(true);
  expect(tries.holds(new Lane<null>({ ...program, hash: 'another' }, 'a'))).toBe(false);
  const proven = aLane('quick');
  for (let n = 0; n < 10; n++) proven.used(1, true);
  expect(tries.holds(proven)).toBe(false);
  clock.pass(99);
  expect(released).toEqual([]);
  clock.pass(1);
  expect(released).toEqual(['a']);
  tries.hung('h');
  clock.pass(199);
  expect(released).toEqual(['a']);
  clock.pass(1);
  expect(released).toEqual(['a', 'b']);
  tries.ran('h');
  clock.pass(0);
  expect(released).toEqual(['a', 'b', 'c']);
  // Ten minutes without a hang, and nothing is remembered.
  clock.pass(600_001);
  expect(released).toEqual(['a', 'b', 'c', 'd']);
});
