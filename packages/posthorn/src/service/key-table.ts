import { timingSafeEqual } from 'node:crypto';
import type { Caller } from '../domain/caller.ts';
import { callerFrom, type KeyRecord, keyState, type KeyUse } from '../domain/key.ts';
import type { Clock } from '../runtime/clock.ts';
import type { StorePart, StoreRead, StoreWrite } from '../store/store.ts';

/**
 * Cached keys count as fresh for this long; after that a request starts a check of their version in the background. The
 * check is one small read, at most two per second and node, and reads the keys only if the version has changed.
 */
const freshMs = 500;
/** After this a request waits for the check: no node honors a key longer than this after another one has revoked it. */
const maxAgeMs = 1000;
/** A key's use is written this long after the first request, and at most this often. */
const firstUseMs = 500;
const usesEveryMs = 10_000;

/** A key that a request presented. */
export interface FoundKey {
  readonly id: string;
  readonly caller: Caller;
  readonly state: 'active' | 'expired' | 'revoked';
}

/**
 * The working keys, in memory: a request with a key costs no read of the store, and neither does one with an unknown
 * key. `maxWorkingKeys` limits it.
 */
export interface KeyTable {
  /** Null if the cache is recent enough, else what to wait for: rejects with `UnavailableError` if the store is away. */
  current(): Promise<void> | null;
  /** By the SHA-256 of the key; null: not a known key. */
  find(hash: Buffer): FoundKey | null;
  /** The caller of a working key, for what acts on its behalf. */
  callerBy(id: string): Caller | null;
  /** Takes one request from the key's rate; returns how many milliseconds to wait for the next, 0 if this one fitted. */
  take(id: string): number;
  /** Records a request; it is written in the background. */
  used(id: string, from: string | null): void;
  /** The last use that this node knows of and has not written yet. */
  lastUse(id: string): KeyUse | null;
  /** Reads the keys again if any was changed: call it after every change, so that it applies here at once. */
  refresh(): Promise<void>;
  /** Writes the remaining uses. */
  close(): Promise<void>;
}

/** This node's state of one key. Changed in place: requests allocate nothing. */
interface Entry {
  record: KeyRecord;
  caller: Caller;
  tokens: number;
  tokensAt: number;
  usedAt: number;
  usedFrom: string | null;
  /** Whether a use waits to be written. */
  isUsed: boolean;
}

interface Hash {
  readonly bytes: Buffer;
  readonly entry: Entry;
  /** The previous key after a rotation; null: the current one. */
  readonly until: number | null;
}

/** The keys as they were last read. */
interface KnownKeys {
  readonly byId: ReadonlyMap<string, Entry>;
  readonly byHash: ReadonlyMap<string, Hash>;
}

/** Returns these keys, with this node's state of those that were known before. */
function indexKeys(
  keys: readonly KeyRecord[],
  before: ReadonlyMap<string, Entry>,
  monotonic: number,
): KnownKeys {
  const byId = new Map<string, Entry>();
  const byHash = new Map<string, Hash>();
  for (const record of keys) {
    const entry: Entry = before.get(record.id) ?? {
      record,
      caller: callerFrom(record),
      tokens: maxTokens(record),
      tokensAt: monotonic,
      usedAt: 0,
      usedFrom: null,
      isUsed: false,
    };
    entry.record = record;
    byId.set(record.id, entry);
    byHash.set(record.hash, { bytes: Buffer.from(record.hash, 'hex'), entry, until: null });
    const { former } = record;
    if (former !== null)
      byHash.set(former.hash, { bytes: Buffer.from(former.hash, 'hex'), entry, until: former.until });
  }
  return { byId, byHash };
}

/** Keeps the keys as recent as `KeyTable.current` promises. */
function followKeys(
  store: Pick<StoreRead, 'knownKeys'>,
  clock: Clock,
): Pick<KeyTable, 'current' | 'refresh'> & { known(): KnownKeys } {
  let known: KnownKeys = { byId: new Map(), byHash: new Map() };
  let version: number | null = null;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | null = null;
  let isStale = false;

  const read = async (): Promise<void> => {
    do {
      isStale = false;
      const asked = clock.monotonic();
      const found = await store.knownKeys(version);
      if (found !== null) {
        known = indexKeys(found.keys, known.byId, clock.monotonic());
        version = found.version;
      }
      readAt = asked;
    } while (isStale);
  };
  const check = (): Promise<void> => (reading ??= read().finally(() => (reading = null)));

  return {
    known: () => known,
    current: () => {
      const ageMs = clock.monotonic() - readAt;
      if (ageMs < freshMs) return null;
      const checked = check();
      if (ageMs >= maxAgeMs) return checked;
      // The next request detects it, and waits if it has to.
      void checked.catch(() => {});
      return null;
    },
    refresh: async () => {
      // A read in progress may have begun before the change.
      isStale = true;
      await check();
    },
  };
}

export function createKeyTable(store: StorePart<'recordKeyUses', 'knownKeys'>, clock: Clock): KeyTable {
  const { known, current, refresh } = followKeys(store.read, clock);
  const uses = createUses(store.write, clock);
  return {
    current,
    refresh,
    find: (hash) => {
      const found = known().byHash.get(hash.toString('hex'));
      if (found === undefined || !timingSafeEqual(found.bytes, hash)) return null;
      const { entry, until } = found;
      const now = clock.now();
      const state = keyState(entry.record, now);
      const isOver = state === 'active' && until !== null && until <= now;
      return { id: entry.record.id, caller: entry.caller, state: isOver ? 'expired' : state };
    },
    callerBy: (id) => {
      const entry = known().byId.get(id);
      return entry !== undefined && keyState(entry.record, clock.now()) === 'active' ? entry.caller : null;
    },
    take: (id) => {
      const entry = known().byId.get(id);
      return entry === undefined ? 0 : takeToken(entry, clock.monotonic());
    },
    used: (id, from) => {
      const entry = known().byId.get(id);
      if (entry !== undefined) uses.note(entry, from);
    },
    lastUse: (id) => {
      const entry = known().byId.get(id);
      return entry?.isUsed === true ? { at: entry.usedAt, from: entry.usedFrom } : null;
    },
    close: () => uses.close(),
  };
}

const maxTokens = ({ ratePerS }: KeyRecord): number => Math.max(1, ratePerS ?? 1);

/** A bucket of one second's requests. */
function takeToken(entry: Entry, now: number): number {
  const { ratePerS } = entry.record;
  if (ratePerS === null) return 0;
  const tokens = Math.min(maxTokens(entry.record), entry.tokens + ((now - entry.tokensAt) * ratePerS) / 1000);
  entry.tokensAt = now;
  entry.tokens = tokens >= 1 ? tokens - 1 : tokens;
  return tokens >= 1 ? 0 : ((1 - tokens) * 1000) / ratePerS;
}

/** Writes last uses in the background: one write for all keys, however many requests there were. */
function createUses(
  store: Pick<StoreWrite, 'recordKeyUses'>,
  clock: Clock,
): { note(entry: Entry, from: string | null): void; close(): Promise<void> } {
  let waiting: Entry[] = [];
  let writtenAt = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | null = null;
  let isClosed = false;

  const write = async (): Promise<void> => {
    cancel = null;
    const entries = waiting;
    waiting = [];
    for (const entry of entries) entry.isUsed = false;
    writtenAt = clock.monotonic();
    if (entries.length === 0) return;
    const written = entries.map(({ record: { id }, usedAt: at, usedFrom: from }) => ({ id, at, from }));
    await store.recordKeyUses(written).catch(() => {
      for (const entry of entries) wait(entry);
    });
  };
  const wait = (entry: Entry): void => {
    if (entry.isUsed) return;
    entry.isUsed = true;
    waiting.push(entry);
    if (cancel !== null || isClosed) return;
    const afterMs = Math.max(firstUseMs, writtenAt + usesEveryMs - clock.monotonic());
    cancel = clock.after(afterMs, () => void write());
  };
  return {
    note: (entry, from) => {
      entry.usedAt = clock.now();
      entry.usedFrom = from;
      wait(entry);
    },
    close: async () => {
      isClosed = true;
      cancel?.();
      await write();
    },
  };
}
