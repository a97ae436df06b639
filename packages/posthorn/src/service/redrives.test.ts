import { localCall } from '../library/local-api.ts';
import { expect, test, vi } from 'vitest';
import { UnavailableError } from '../domain/errors.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { redriveService } from './redrives.ts';

test('G5: a redrive that is refused because the store cannot be read has stored nothing', async () => {
  const createRedrive = vi.fn<() => Promise<never>>();
  const deps = {
    store: {
      read: {
        endpoint: () => Promise.reject(new UnavailableError('away')),
        endpointsNamed: () => Promise.resolve([]),
      },
      write: { createRedrive },
    },
    engine: { status: () => ({ throttled: ['ep_1'] }) },
    clock: { now: () => 0 },
    random: { bytes: (n: number) => new Uint8Array(n) },
  } as unknown as ServiceDependencies;
  const create = redriveService(deps)['redrives.create'];
  const call = localCall;
  const input = { params: undefined, query: undefined, body: { filter: {}, dry_run: false } };
  await expect(create(input, call)).rejects.toThrow(UnavailableError);
  expect(createRedrive).not.toHaveBeenCalled();
});
