import { expect, test } from 'vitest';
import { RequestTurns } from './request-turns.ts';

interface Who {
  readonly id: string;
  readonly tenant: string | null;
}

/** Turns of an event loop that come when the test says so. */
function aLoop() {
  let go: (() => void) | null = null;
  const turns = new RequestTurns(() => new Promise<void>((resolve) => (go = resolve)));
  return {
    turns,
    next: async (): Promise<void> => {
      go?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('G8: a request waits for no flood of another caller', async () => {
  const { turns, next } = aLoop();
  const begun: string[] = [];
  const ask = (id: string): void => {
    const wait = turns.admit({ id, tenant: null }, undefined);
    if (wait === null) begun.push(id);
    else void wait.then(() => begun.push(id));
  };
  for (let n = 0; n < 500; n++) ask('flood');
  // What fits into a turn begins at once.
  expect(begun).toHaveLength(20);
  ask('other');
  await next();
  expect(begun.slice(20)).toContain('other');
  expect(begun).toHaveLength(40);
  for (let n = 0; n < 30; n++) await next();
  expect(begun).toHaveLength(501);
});

test('G8: a tenant gains nothing by many keys, and its callers take turns among themselves', async () => {
  const { turns, next } = aLoop();
  const begun: string[] = [];
  const ask = (tenant: string, id: string): void => {
    void turns.admit({ tenant, id }, undefined)?.then(() => begun.push(`${tenant}/${id}`));
  };
  for (let n = 0; n < 20; n++) ask('flood', 'first');
  for (let n = 0; n < 300; n++) ask('flood', `session-${n % 100}`);
  for (let n = 0; n < 10; n++) ask('other', 'key');
  ask('flood', 'last');
  await next();
  expect(begun.filter((one) => one === 'other/key')).toHaveLength(10);
  for (let n = 0; n < 5; n++) await next();
  expect(begun).toContain('flood/last');
});

test('G8: a large body counts as many small requests, and nothing waits once the flood is over', async () => {
  const { turns, next } = aLoop();
  const [a, b] = ['a', 'b'].map((id) => ({ id, tenant: null })) as [Who, Who];
  expect(turns.admit(a, String(4096 * 18))).toBeNull();
  expect(turns.admit(a, '10')).toBeNull();
  expect(turns.admit(b, '10')).not.toBeNull();
  await next();
  await next();
  expect(turns.admit(b, undefined)).toBeNull();
  expect(turns.admit(b, 'nonsense')).toBeNull();
});
