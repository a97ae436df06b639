import { notFound } from '../domain/errors.ts';
import { auditEntry } from './audit.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Call } from './handler.ts';

/**
 * Returns the current signing secret of an endpoint in clear, for APIs whose contract demands it: this API's own never answers one
 * (G9). Each reading is in the audit log. The caller's right to the endpoint is checked before.
 */
export async function revealSecret(
  { store, config, clock, keyring }: Pick<ServiceDependencies, 'store' | 'config' | 'clock' | 'keyring'>,
  id: string,
  call: Call,
): Promise<string> {
  const endpoint = await store.read.endpoint(id);
  const [current] = endpoint?.secrets ?? [];
  if (endpoint === null || current === undefined) throw notFound('endpoint by that id or name');
  const secret = keyring.open(current.secret, 'signing');
  await config.change(async () => {
    const now = clock.now();
    const target = { kind: 'endpoint', id };
    const after = { secret_read: true };
    const audit = [
      auditEntry(call, now, { action: 'endpoints.get', target, tenant: endpoint.tenant, after }),
    ];
    return { write: { now, audit }, answer: null };
  });
  return secret;
}
