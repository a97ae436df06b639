import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../contract/table.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { type Keyring, keyIdFrom, SecretError } from '../secrets/keyring.ts';
import { mapSecrets, missingKeys, sealedPart, endpointSecrets } from '../secrets/sealed-values.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
import type { EndpointChange } from '../store/store.ts';
import { auditEntry, type By } from './audit.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers, Of } from './handler.ts';
import { maxRewrittenBytes, sealedPage } from './seal-stored.ts';

type Dependencies = Pick<ServiceDependencies, 'store' | 'config' | 'keyring' | 'clock'> & {
  readonly engine: Pick<ServiceDependencies['engine'], 'endpointChanged'>;
};

/** The keys of stored secrets: counted, and replaced by the newest one (G9). */
export function secretService(deps: ServiceDependencies): Handlers<Of<'secrets'>> {
  return {
    'secrets.status': () => secretsStatus(deps),
    'secrets.rotate': async (_, call) => await rotateSecrets(deps, call, maxRewrittenBytes),
  };
}

/** Counts stored secrets by their keys. */
export async function secretsStatus({
  store,
  keyring,
}: Pick<ServiceDependencies, 'store' | 'keyring'>): Promise<Answer<'secrets.status'>> {
  const counts = new Map<string | null, number>(keyring.keyIds.map((id) => [id, 0]));
  const note = (text: string): void => {
    const id = keyIdFrom(text);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  };
  let locked = 0;
  for await (const endpoint of everyEndpoint(store.read)) {
    for (const text of endpointSecrets(endpoint)) note(text);
    if (missingKeys(keyring, endpoint).length > 0) locked++;
  }
  for (const { value } of await store.read.sealedSettings()) note(value);
  const keys = [...counts].flatMap(([id, secrets]) =>
    id === null ? [] : [{ id, available: keyring.keyIds.includes(id), secrets }],
  );
  return {
    encrypted: keyring.keyId !== null,
    key_id: keyring.keyId,
    keys,
    plaintext: counts.get(null) ?? 0,
    locked_endpoints: locked,
    removable_keys: keys
      .filter(({ id, available, secrets }) => available && secrets === 0 && id !== keyring.keyId)
      .map(({ id }) => id),
  };
}

/**
 * Seals every stored secret with the newest key, some endpoints per transaction. Secrets that cannot be opened stay as
 * they are. Safe to repeat after a crash: it does what is left.
 */
export async function rotateSecrets(
  deps: Dependencies,
  by: By | null,
  maxBytes?: number,
): Promise<Answer<'secrets.rotate'>> {
  const { store, config, keyring, clock, engine } = deps;
  let changed = 0;
  let unreadable = 0;
  for (let after: string | null = null; ;) {
    const from: string | null = after;
    const { endpoints, answer } = await config.change(async () => {
      const now = clock.now();
      const renewal = new Renewal(keyring);
      const listed = await store.read.endpoints({ after: from, limit: sealedPage });
      const updateEndpoints = listed.flatMap((endpoint): { id: string; change: EndpointChange }[] => {
        const change = renewal.of(endpoint);
        return change === null ? [] : [{ id: endpoint.id, change }];
      });
      const target = { kind: 'secrets', id: 'stored' };
      const told = { key_id: keyring.keyId, endpoints: updateEndpoints.map(({ id }) => id) };
      const audit = [auditEntry(by, now, { action: 'secrets.rotate', target, tenant: null, after: told })];
      return {
        write: updateEndpoints.length === 0 ? null : { now, updateEndpoints, audit },
        answer: { listed, unreadable: renewal.unreadable },
      };
    });
    for (const endpoint of endpoints) engine.endpointChanged(endpoint.id, endpoint);
    changed += endpoints.length;
    unreadable += answer.unreadable;
    if (answer.listed.length < sealedPage) break;
    after = answer.listed.at(-1)!.id;
  }
  const renewal = new Renewal(keyring);
  for (const { name, value } of await store.read.sealedSettings()) {
    const sealed = renewal.renewed(value);
    if (sealed !== value && (await store.write.replaceSetting(name, value, sealed))) changed++;
  }
  unreadable += renewal.unreadable;
  const purged = await store.write.purgeFormerValues(maxBytes).catch(() => false);
  return { changed, unreadable, purged, status: await secretsStatus({ store, keyring }) };
}

/** Seals again what another key has sealed, and counts what cannot be opened. */
class Renewal {
  readonly #keyring: Keyring;
  unreadable = 0;

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  renewed(text: string): string {
    try {
      return this.#keyring.renew(text);
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      this.unreadable++;
      return text;
    }
  }

  /** Null if nothing of the endpoint changes. */
  of(endpoint: Endpoint): EndpointChange | null {
    const before = sealedPart(endpoint);
    const after = mapSecrets(before, (text) =>
      keyIdFrom(text) === this.#keyring.keyId ? text : this.renewed(text),
    );
    return isDeepStrictEqual(after, before) ? null : { ...after, updatedAt: endpoint.updatedAt };
  }
}
