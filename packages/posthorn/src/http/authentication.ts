import { hash as digest, timingSafeEqual } from 'node:crypto';
import type { Caller } from '../domain/caller.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { PosthornError } from '../domain/errors.ts';
import type { KeyTable } from '../service/key-table.ts';

/** Failures that an address may have at once, and how soon it gets another one. Valid keys are never counted. */
const maxBurst = 30;
const refillMs = 2000;
/** Addresses that are remembered; beyond this the one with the oldest failure is forgotten. */
const maxAddresses = 10_000;
/** One log line per reason in this time, with the count since the last one. */
const logEveryMs = 60_000;

export type AuthenticationFailure = 'missing' | 'malformed' | 'unknown' | 'expired' | 'revoked';

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

interface ReasonCounter {
  loggedAt: number;
  since: number;
}

/** An IPv4 address, or the network of an IPv6 address: one client may use all addresses of its /64. */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const filled =
    tail === undefined
      ? left
      : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return `${filled.slice(0, 4).join(':')}::/64`;
}

/** The API key that a request presents, known or not. */
export function presentedKey(authorization: string | undefined): string | undefined {
  return /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
}

export interface Authentication {
  /**
   * Returns the caller. Refuses with 401, or with 429 for an address that has failed too often or a key that is used
   * too often; a valid key passes from every address. A promise only if the known keys have to be read again first.
   */
  require(authorization: string | undefined, address: string): Caller | Promise<Caller>;
  /**
   * The caller whose key has this SHA-256 (hex), if the key works now: for what was started with it. `counts`: as a
   * request with the key itself, against its rate and as its last use.
   */
  holder(keyHash: string, counts: boolean, address: string): Promise<Caller | null>;
  /** Whether the next failure of this address is refused with 429. */
  isExhausted(address: string): boolean;
  /** Counts, logs and limits a failure; throws 401 or 429. */
  refuse(reason: AuthenticationFailure, address: string): never;
}

interface AuthenticationOptions {
  /** Keys that exist without being created: their SHA-256 (hex), and their callers. */
  readonly keys: readonly { readonly hash: string; readonly caller: Caller }[];
  readonly keyTable: Pick<KeyTable, 'current' | 'find' | 'take' | 'used'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFailure?: ((reason: AuthenticationFailure) => void) | undefined;
}

/** Limits, counts and logs requests without a valid key. */
type Failures = Pick<Authentication, 'isExhausted' | 'refuse'>;

function createFailures({
  clock,
  logger,
  onFailure,
}: Pick<AuthenticationOptions, 'clock' | 'logger' | 'onFailure'>): Failures {
  const buckets = new Map<string, Bucket>();
  const counters = new Map<AuthenticationFailure, ReasonCounter>();

  /** What is left of the address's allowance of failures. */
  const tokensLeft = (group: string, now: number): number => {
    const before = buckets.get(group);
    return before === undefined ? maxBurst : Math.min(maxBurst, before.tokens + (now - before.at) / refillMs);
  };

  /** Takes one failure from the address's allowance; returns how long it has to wait for the next, 0 if this one fitted. */
  const waitMsFor = (group: string): number => {
    const now = clock.monotonic();
    const tokens = tokensLeft(group, now);
    buckets.delete(group);
    if (buckets.size >= maxAddresses) buckets.delete(buckets.keys().next().value!);
    buckets.set(group, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    return tokens >= 1 ? 0 : (1 - tokens) * refillMs;
  };

  const log = (reason: AuthenticationFailure, address: string): void => {
    const now = clock.monotonic();
    const counter = counters.get(reason) ?? { loggedAt: Number.NEGATIVE_INFINITY, since: 0 };
    counters.set(reason, counter);
    counter.since++;
    if (now - counter.loggedAt < logEveryMs) return;
    logger.warn(
      { code: 'authentication_failed', reason, address, failures: counter.since },
      'a request without a valid key was refused',
    );
    counter.loggedAt = now;
    counter.since = 0;
  };

  const refuse: Failures['refuse'] = (reason, address) => {
    onFailure?.(reason);
    log(reason, address);
    const waitMs = waitMsFor(addressGroup(address));
    if (waitMs > 0)
      throw new PosthornError(
        'too_many_failures',
        'too many requests without a valid key came from this address; send a valid key: Authorization: Bearer phk_…',
        undefined,
        Math.ceil(waitMs / 1000),
      );
    // The same for all reasons: a caller without a valid key learns nothing about existing keys.
    throw new PosthornError('unauthorized', 'send a valid key: Authorization: Bearer phk_…');
  };

  return {
    refuse,
    isExhausted: (address) => tokensLeft(addressGroup(address), clock.monotonic()) < 1,
  };
}

/** Compares keys with the hashes of known keys, and limits, counts and logs failures (G9). */
export function createAuthentication(options: AuthenticationOptions): Authentication {
  const { keyTable, clock, logger, onFailure } = options;
  const keys = options.keys.map((known) => ({ hash: Buffer.from(known.hash, 'hex'), caller: known.caller }));
  const failures = createFailures({ clock, logger, onFailure });
  const refuse: Authentication['refuse'] = failures.refuse;

  const callerWith = (hash: Buffer): Caller | undefined => {
    // Hashes have one length, so comparing them takes the same time for every key. Every one is compared, even after a
    // match.
    const fits = keys.map((known) => timingSafeEqual(hash, known.hash));
    return keys[fits.indexOf(true)]?.caller;
  };

  const createdBy = (hash: Buffer, address: string): Caller => {
    const found = keyTable.find(hash);
    if (found === null) return refuse('unknown', address);
    if (found.state !== 'active') return refuse(found.state, address);
    const waitMs = keyTable.take(found.id);
    if (waitMs > 0)
      throw new PosthornError(
        'rate_limited',
        'This key exceeds its requests per second: wait for Retry-After.',
        undefined,
        Math.ceil(waitMs / 1000),
      );
    keyTable.used(found.id, address === '' ? null : address);
    return found.caller;
  };
  const holderNow = (hash: Buffer, counts: boolean, address: string): Caller | null => {
    const found = keyTable.find(hash);
    if (found?.state !== 'active') return null;
    return counts ? createdBy(hash, address) : found.caller;
  };

  return {
    refuse,
    isExhausted: failures.isExhausted,
    holder: async (keyHash, counts, address) => {
      const hash = Buffer.from(keyHash, 'hex');
      const caller = callerWith(hash);
      if (caller !== undefined) return caller;
      await keyTable.current();
      return holderNow(hash, counts, address);
    },
    require: (authorization, address) => {
      const key = presentedKey(authorization);
      if (key === undefined) return refuse(authorization === undefined ? 'missing' : 'malformed', address);
      const hash = digest('sha256', key, 'buffer');
      const caller = callerWith(hash);
      if (caller !== undefined) return caller;
      const reading = keyTable.current();
      return reading === null ? createdBy(hash, address) : reading.then(() => createdBy(hash, address));
    },
  };
}
