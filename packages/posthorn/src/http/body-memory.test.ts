import { describe, expect, test } from 'vitest';
import { BodyMemory } from './body-memory.ts';

describe('G8: memory of request bodies', () => {
  test('what is freed can be taken again, once', () => {
    const memory = new BodyMemory(100);
    const first = memory.reserve('a', 60)!;
    expect(memory.reserve('a', 20)).toBeNull();
    first();
    // Twice is once.
    first();
    expect(memory.reserve('a', 75)).not.toBeNull();
    expect(memory.reserve('a', 1)).toBeNull();
  });

  test('one sender that takes all it gets leaves some for others, and those that take all they get for the next', () => {
    const memory = new BodyMemory(1000);
    const takeAll = (sender: string): number => {
      let taken = 0;
      while (memory.reserve(sender, 1) !== null) taken++;
      return taken;
    };
    expect(takeAll('flood')).toBe(750);
    expect(takeAll('second')).toBe(125);
    expect(takeAll('third')).toBe(83);
    expect(takeAll('small')).toBeGreaterThan(30);
    // Never more than the bound.
    let total = 0;
    for (let n = 0; n < 1000; n++) total += takeAll(`sender-${n}`);
    expect(750 + 125 + 83 + total).toBeLessThan(1000);
  });
});
