import { isDeepStrictEqual } from 'node:util';
import { type AuditEntry, engineActor } from '../domain/audit-entry.ts';
import { type Channel, toReceiver, toShownChannel } from '../domain/channel.ts';
import type { DeclaredDocument, StoredDocument } from '../domain/documents.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { Logger } from '../runtime/logger.ts';
import { isSealed, type Keyring, type Purpose } from '../secrets/keyring.ts';
import { mapSecrets, sealedPart } from '../secrets/sealed-values.ts';
import type { EndpointChange } from '../store/store.ts';
import { sealedReceiver } from './channel-endpoint.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { fingerprintSaltBytes, sealedFingerprint } from './fingerprint.ts';

type Dependencies = Pick<ServiceDependencies, 'store' | 'config' | 'keyring' | 'random' | 'clock'>;

/** Endpoints that one transaction changes. */
export const sealedPage = 200;
/** A larger database is not rewritten at a start, or while it serves: that blocks its only writer for minutes. */
export const maxRewrittenBytes = 1024 ** 3;

/** A channel as it was stored before its secrets were sealed. */
type FormerChannel = {
  readonly channel: Channel;
  readonly endpointId: string;
  readonly fingerprint?: undefined;
};

/**
 * Seals what is stored in clear: by a version that sealed nothing, or under `--plaintext-secrets`. Also removes what
 * previous values have left in the files. Safe to repeat after a crash: it does what is left.
 */
export async function sealStored(deps: Dependencies, logger: Logger): Promise<void> {
  // Even if nothing is encrypted, channels are converted to their current form.
  const sealed = (await sealChannels(deps)) + (await sealEndpoints(deps)) + (await sealSettings(deps));
  if (sealed === 0 || deps.keyring.keyId === null) return;
  const purged = await deps.store.write.purgeFormerValues(maxRewrittenBytes).catch(() => false);
  logger.info(
    { code: 'secrets_sealed', changed: sealed, purged },
    'encrypted the secrets that were stored in clear',
  );
  if (!purged)
    logger.warn(
      { code: 'former_secrets_in_files' },
      'the database file may still contain secrets in clear: stop Posthorn and run posthorn secrets rotate',
    );
}

/** The same text if it is sealed under a key, or may stay in clear. */
function sealedText(keyring: Keyring, text: string, purpose: Purpose): string {
  if (keyring.keyId === null) return text;
  if (!isSealed(text)) return keyring.seal(text, purpose);
  return text.startsWith('plain:') ? keyring.renew(text) : text;
}

/** Declarations do not change, so the entry only says what was sealed. */
function sealEntry(at: number, after: Readonly<Record<string, readonly string[]>>): AuditEntry {
  const target = { kind: 'secrets', id: 'stored' };
  const by = { actor: engineActor, from: null, requestId: null };
  return { ...by, at, action: 'secrets.seal', target, tenant: null, before: null, after };
}

/** The parts of an endpoint to seal; null if there are none. */
function sealingChange(keyring: Keyring, endpoint: Endpoint): EndpointChange | null {
  const before = sealedPart(endpoint);
  // Values that were never sealed are the first kinds of secrets that existed.
  const named = {
    ...before,
    secrets: endpoint.secrets.map((one) => ({ ...one, secret: sealedText(keyring, one.secret, 'signing') })),
    headers: Object.fromEntries(
      Object.entries(endpoint.headers).map(([name, value]) => [name, sealedText(keyring, value, 'header')]),
    ),
  };
  const after = mapSecrets(named, (text) => sealedText(keyring, text, 'credential'));
  return isDeepStrictEqual(after, before) ? null : { ...after, updatedAt: endpoint.updatedAt };
}

async function sealEndpoints({ store, config, keyring, clock }: Dependencies): Promise<number> {
  let changed = 0;
  for (let after: string | null = null; ;) {
    const from: string | null = after;
    const { endpoints, answer: read } = await config.change(async () => {
      const listed = await store.read.endpoints({ after: from, limit: sealedPage });
      const updateEndpoints = listed.flatMap((endpoint) => {
        const change = sealingChange(keyring, endpoint);
        return change === null ? [] : [{ id: endpoint.id, change }];
      });
      const now = clock.now();
      const audit = [sealEntry(now, { endpoints: updateEndpoints.map(({ id }) => id) })];
      return {
        write: updateEndpoints.length === 0 ? null : { now, updateEndpoints, audit },
        answer: listed,
      };
    });
    changed += endpoints.length;
    if (read.length < sealedPage) return changed;
    after = read.at(-1)!.id;
  }
}

async function sealChannels(deps: Dependencies): Promise<number> {
  const { store, config, clock, random } = deps;
  const { answer: changed } = await config.change(async () => {
    const now = clock.now();
    const former = (await store.read.documents('channel')).filter(isFormer);
    const putDocuments: DeclaredDocument[] = [];
    const updateEndpoints: { id: string; change: EndpointChange }[] = [];
    for (const { name, document } of former) {
      const { channel, endpointId } = document;
      const fingerprint = await sealedFingerprint(channel, random.bytes(fingerprintSaltBytes));
      putDocuments.push({
        kind: 'channel',
        name,
        document: { channel: toShownChannel(channel), fingerprint, endpointId },
      });
      const endpoint = await store.read.endpoint(endpointId);
      if (endpoint === null) continue;
      const { members } = toReceiver(channel);
      const change = {
        ...sealedReceiver({ url: endpoint.url, members }, endpoint, deps),
        updatedAt: endpoint.updatedAt,
      };
      updateEndpoints.push({ id: endpointId, change });
    }
    const audit = [sealEntry(now, { channels: former.map(({ name }) => name) })];
    return {
      write: former.length === 0 ? null : { now, putDocuments, updateEndpoints, audit },
      answer: former.length,
    };
  });
  return changed;
}

/** The store's port describes what is written now; an older document has another form. */
function isFormer(
  stored: StoredDocument<'channel'>,
): stored is StoredDocument<'channel'> & { document: FormerChannel } {
  return (stored.document as { fingerprint?: string }).fingerprint === undefined;
}

async function sealSettings({ store, keyring }: Dependencies): Promise<number> {
  let changed = 0;
  for (const { name, value } of await store.read.sealedSettings()) {
    const sealed = sealedText(keyring, value, 'setting');
    if (sealed !== value && (await store.write.replaceSetting(name, value, sealed))) changed++;
  }
  return changed;
}
