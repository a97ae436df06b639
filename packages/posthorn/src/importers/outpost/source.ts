import { createDecipheriv, hash } from 'node:crypto';
import type { Remark } from '../declarations.ts';
import { RedisReader } from './resp.ts';

// What is read of Outpost's Redis: hashes of tenants, and of their destinations.

export interface StoredTenant {
  readonly id: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredDestination {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;
  readonly topics: readonly string[];
  readonly config: Readonly<Record<string, string>>;
  readonly credentials: Readonly<Record<string, string>>;
  /** Headers of every request. */
  readonly deliveryMetadata: Readonly<Record<string, string>>;
  readonly filter: unknown;
  readonly disabled: boolean;
}

export interface Stored {
  readonly tenants: readonly StoredTenant[];
  readonly destinations: readonly StoredDestination[];
  readonly faults: readonly Remark[];
}

const maxTenants = 10_000;
const nonceBytes = 12;
const tagBytes = 16;

/** AES-256-GCM: a nonce, what is encrypted, and the tag. The key is the MD5 of the secret in hexadecimal digits. */
export function decrypt(sealed: Buffer, secret: string): string {
  const key = Buffer.from(hash('md5', secret, 'hex'));
  const end = sealed.length - tagBytes;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, end)), decipher.final()]).toString();
}

type Hash = ReadonlyMap<string, Buffer>;
const textOf = (fields: Hash, name: string): string => fields.get(name)?.toString() ?? '';

function mapOf(text: string): Readonly<Record<string, string>> {
  if (text === '') return {};
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object');
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, String(one)]));
}

function opened(fields: Hash, name: string, secret: string): Readonly<Record<string, string>> {
  const sealed = fields.get(name);
  if (sealed === undefined || sealed.length === 0) return {};
  let text: string;
  try {
    text = decrypt(sealed, secret);
  } catch {
    throw new Error(
      'its credentials cannot be decrypted: this is not the AES_ENCRYPTION_SECRET of that server',
    );
  }
  return mapOf(text);
}

function destinationFrom(fields: Hash, tenant: string, secret: string): StoredDestination {
  const filter = textOf(fields, 'filter');
  return {
    id: textOf(fields, 'id'),
    tenant,
    type: textOf(fields, 'type'),
    topics: textOf(fields, 'topics').split(','),
    config: mapOf(textOf(fields, 'config')),
    credentials: opened(fields, 'credentials', secret),
    deliveryMetadata: opened(fields, 'delivery_metadata', secret),
    filter: filter === '' ? null : (JSON.parse(filter) as unknown),
    disabled: textOf(fields, 'disabled_at') !== '',
  };
}

interface Options {
  readonly redisUrl: string;
  readonly secret: string;
  /** The server's DEPLOYMENT_ID; empty: it has none. */
  readonly deploymentId: string;
}

/** Reads everything that is not deleted. What cannot be read is a fault, and the rest is read all the same. */
export async function readStored({ redisUrl, secret, deploymentId }: Options): Promise<Stored> {
  const redis = await RedisReader.open(redisUrl);
  const prefix = deploymentId === '' ? '' : `${deploymentId}:`;
  const tenants: StoredTenant[] = [];
  const destinations: StoredDestination[] = [];
  const faults: Remark[] = [];
  const isDeleted = (fields: Hash): boolean => fields.size === 0 || fields.has('deleted_at');
  try {
    const [start, end] = [`${prefix}tenant:{`, '}:tenant'];
    // Braces are literal in a pattern, and a deployment's id contains no wildcards.
    for (const key of await redis.keys(`${start}*${end}`, maxTenants)) {
      const id = key.slice(start.length, -end.length);
      const fields = await redis.hash(key);
      if (isDeleted(fields)) continue;
      try {
        tenants.push({ id, metadata: mapOf(textOf(fields, 'metadata')) });
      } catch {
        tenants.push({ id, metadata: {} });
        faults.push({ kind: 'tenant', id, reason: 'its metadata is not readable, and is left out' });
      }
      const listed = await redis.hash(`${start}${id}}:destinations`);
      for (const destination of listed.keys()) {
        const found = await redis.hash(`${start}${id}}:destination:${destination}`);
        if (isDeleted(found)) continue;
        try {
          destinations.push(destinationFrom(found, id, secret));
        } catch (error) {
          const text = (error as Error).message;
          const reason = error instanceof SyntaxError ? 'its fields are not readable' : text;
          faults.push({ kind: 'destination', id: destination, reason });
        }
      }
    }
  } finally {
    redis.close();
  }
  return { tenants, destinations, faults };
}
