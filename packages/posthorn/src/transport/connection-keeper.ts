import type { Socket } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import { Connection } from './connection.ts';
import type { Names } from './names.ts';
import type { ProxyChoice } from './proxy.ts';
import type { Reach } from './reach.ts';
import { Target } from './target.ts';

/**
 * Shorter than what firewalls and address translators in between allow (60 s and more): these forget a connection
 * without a word, and the next request on it would wait for its timeout.
 */
const keepIdleMs = 30_000;
/** Before this long after the last request the receiver's own limit, if it names one. */
const keepAliveMarginMs = 1000;
/** No connection lives longer, whatever its name says: load balancers drain by it. The older half of it is drawn. */
const maxAgeMs = 300_000;
/** A connection's address is compared with its name's again after the name's time to live, but not more often. */
const minAddressCheckMs = 10_000;
/** A target without a connection is forgotten this long after its last use. */
const forgetTargetMs = 60_000;
const sweepEveryMs = 1000;
/**
 * Over all senders, and no more than half of the files that the process may have open: the API and the store need some too.
 * Beyond it a connection is closed after its answer instead of kept; one in use never is.
 */
const maxIdle = 10_000;
/** After so many closed ones in a row no connection is kept for a while. */
const maxStaleInARow = 3;
const keepNoneMs = 60_000;

interface Kept {
  readonly target: Target;
  readonly address: string;
  readonly closeAt: number;
  checkAt: number;
}

/** The connections of every sender: each has its own, as many at once as it has requests in flight. */
export class ConnectionKeeper {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #names: Names;
  readonly #proxyFor: ProxyChoice;
  readonly #maxIdle: number;
  readonly #targets = new Map<string, Target>();
  readonly #open = new Map<Connection, Kept>();
  #idle = 0;
  #cancelSweep: (() => void) | null = null;

  constructor(options: {
    readonly clock: Clock;
    readonly random: Random;
    readonly names: Names;
    readonly proxyFor: ProxyChoice;
    readonly maxOpenFiles: number | null;
  }) {
    this.#maxIdle = Math.min(maxIdle, Math.floor((options.maxOpenFiles ?? Number.POSITIVE_INFINITY) / 2));
    this.#proxyFor = options.proxyFor;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#names = options.names;
  }

  /** Where this sender's requests to a URL go. Another URL than before, or another way to it, ends the connections of the former. */
  target(sender: string, url: string, reach: Reach | null): Target {
    let target = this.#targets.get(sender);
    if (target === undefined || !target.isFor(url, reach)) {
      const fresh = new Target(url, this.#proxyFor, reach);
      if (target !== undefined) {
        target.retired = true;
        this.#closeIdle(target);
      }
      target = fresh;
      this.#targets.set(sender, target);
      this.#cancelSweep ??= this.#clock.after(sweepEveryMs, () => this.#sweep());
    }
    target.usedAt = this.#clock.monotonic();
    return target;
  }

  /** A connection that is open and not too old, or null. */
  take(target: Target, tenant: string): Connection | null {
    for (let last = target.idle.pop(); last !== undefined; last = target.idle.pop()) {
      this.#idle--;
      const { connection, idleSince } = last;
      if (connection.isOpen && this.#isGood(connection, idleSince, tenant)) return connection;
      connection.destroy();
      this.#open.delete(connection);
    }
    return null;
  }

  /** A connection that has just been made. */
  add(target: Target, socket: Socket, address: string, ttlMs: number): Connection {
    const now = this.#clock.monotonic();
    const connection = new Connection(socket, address);
    this.#open.set(connection, {
      target,
      address,
      closeAt: now + maxAgeMs * (0.5 + this.#random.float() / 2),
      checkAt: now + Math.max(ttlMs, minAddressCheckMs),
    });
    connection.onClose = () => this.#closed(connection);
    return connection;
  }

  /** After a complete answer: kept if it may be used again. */
  release(connection: Connection): void {
    const kept = this.#open.get(connection);
    if (kept === undefined || !connection.isOpen) return;
    const { target } = kept;
    const now = this.#clock.monotonic();
    if (
      target.retired ||
      this.#idle >= this.#maxIdle ||
      target.keepNoneUntil > now ||
      keepMs(connection) <= 0
    ) {
      this.discard(connection);
      return;
    }
    if (connection.requests > 1) target.staleInARow = 0;
    this.#idle++;
    target.idle.push({ connection, idleSince: now });
  }

  discard(connection: Connection): void {
    this.#open.delete(connection);
    connection.destroy();
  }

  /** A reused connection was closed before a byte of the answer. */
  foundStale(target: Target): void {
    if (++target.staleInARow < maxStaleInARow) return;
    target.staleInARow = 0;
    target.keepNoneUntil = this.#clock.monotonic() + keepNoneMs;
    this.#closeIdle(target);
  }

  /**
   * A reused connection was silent: whatever forgot it in between (a firewall, an address translator, a receiver that is gone)
   * may have forgotten the others, and each of them would cost an attempt its whole timeout.
   */
  foundSilent(target: Target): void {
    this.#closeIdle(target);
  }

  /** Gives the process's file descriptors back that nothing needs now, and answers how many. */
  closeIdle(): number {
    const idle = this.#idle;
    for (const target of this.#targets.values()) this.#closeIdle(target);
    return idle;
  }

  close(): void {
    this.#cancelSweep?.();
    for (const connection of this.#open.keys()) this.discard(connection);
    this.#targets.clear();
    this.#idle = 0;
  }

  #isGood(connection: Connection, idleSince: number, tenant: string): boolean {
    const kept = this.#open.get(connection);
    if (kept === undefined) return false;
    const now = this.#clock.monotonic();
    if (now > kept.closeAt || now - idleSince > keepMs(connection)) return false;
    if (now < kept.checkAt) return true;
    const found = this.#names.known(kept.target.host, tenant);
    // Not known yet: the answer that is on its way decides at the next use.
    if (found === null) return true;
    if (!found.addresses.includes(kept.address)) return false;
    kept.checkAt = now + Math.max(found.ttlMs, minAddressCheckMs);
    return true;
  }

  #closed(connection: Connection): void {
    const kept = this.#open.get(connection);
    if (kept === undefined) return;
    this.#open.delete(connection);
    const at = kept.target.idle.findIndex((idle) => idle.connection === connection);
    if (at < 0) return;
    kept.target.idle.splice(at, 1);
    this.#idle--;
  }

  #closeIdle(target: Target): void {
    this.#idle -= target.idle.length;
    for (const { connection } of target.idle.splice(0)) this.discard(connection);
  }

  /** Closes what has been idle for too long. The oldest are at the bottom. */
  #sweep(): void {
    const now = this.#clock.monotonic();
    for (const [sender, target] of this.#targets) {
      const { idle } = target;
      let old = 0;
      while (old < idle.length && now - idle[old]!.idleSince > keepMs(idle[old]!.connection)) old++;
      if (old > 0) {
        this.#idle -= old;
        for (const { connection } of idle.splice(0, old)) this.discard(connection);
      }
      if (idle.length === 0 && now - target.usedAt > forgetTargetMs) {
        target.retired = true;
        this.#targets.delete(sender);
      }
    }
    this.#cancelSweep =
      this.#targets.size === 0 ? null : this.#clock.after(sweepEveryMs, () => this.#sweep());
  }
}

/** For how long a connection may be idle. */
function keepMs({ reader: { keepAliveS } }: Connection): number {
  return keepAliveS === null ? keepIdleMs : Math.min(keepIdleMs, keepAliveS * 1000 - keepAliveMarginMs);
}
