import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import { type NameServers, SystemNameServers } from './name-servers.ts';
import type { FoundAddresses, LookupListener, Names } from './names.ts';
import { inOrder, LookupError, Resolution } from './resolution.ts';

/** Well below the default timeout of an attempt, and enough for three questions. */
const lookupMs = 5000;
/** For a place among the lookups at once. With the attempt's timeout it stays within the delivery's lease. */
const maxWaitMs = 3000;
/** More questions at once than this are what small resolvers drop; each lookup asks two. */
const maxAtOnce = 128;
/** Lookups at once of names that did not answer last time. */
const maxSilentAtOnce = 16;
const minTtlMs = 1000;
const maxTtlMs = 300_000;
/** Where name servers fail, what they said before is good for so long (RFC 8767). */
const maxStaleMs = 3_600_000;
/** And after so long it is used while the question is still open. */
const staleAnswerMs = 1500;
const missingMs = 5000;
/** After a failure the name servers are asked again: doubled with each failure in a row. */
const firstRetryMs = 1000;
const maxRetryMs = 10_000;
const localTtlMs = 10_000;
const maxNames = 20_000;

interface Name {
  readonly host: string;
  addresses: readonly string[] | null;
  freshUntil: number;
  error: LookupError | null;
  askAgainAt: number;
  failures: number;
  flight: Flight | null;
}

/** A lookup that is under way, or waits for its place, and who waits for it. */
interface Flight {
  readonly name: Name;
  readonly tenant: string;
  readonly listeners: Set<LookupListener>;
  started: boolean;
  /** Its name servers did not answer last time. */
  readonly isSilent: boolean;
  cancelTimer: () => void;
  /** The answer to lookups meanwhile: the name servers take too long. */
  stale: FoundAddresses | null;
  resolution: Resolution | null;
}

/**
 * Finds addresses by name servers of the machine, with a memory that honours their time to live. One question
 * at a time for each name; how many at once is shared by tenants: each may have twice as many as are still free, so that
 * an endpoint whose names never resolve leaves places for the others (G8).
 */
export class NameLookup implements Names {
  readonly #clock: Clock;
  readonly #servers: NameServers;
  /** The least recently looked up first. */
  readonly #names = new Map<string, Name>();
  readonly #waiting = new Map<string, Set<Flight>>();
  readonly #active = new Set<Flight>();
  readonly #activeOf = new Map<string, number>();
  #silentAtOnce = 0;

  constructor(options: { readonly clock: Clock; readonly servers: NameServers }) {
    this.#clock = options.clock;
    this.#servers = options.servers;
  }

  find(host: string, tenant: string, listener: LookupListener): () => void {
    const now = this.#clock.monotonic();
    const name = this.#nameOf(host);
    const settled = this.#settled(name, now);
    if (settled !== null) {
      listener.onLookupStarted();
      if (settled instanceof LookupError) listener.onNotFound(settled);
      else listener.onFound(settled);
      return () => {};
    }
    const flight = this.#fly(name, tenant);
    flight.listeners.add(listener);
    if (flight.started) listener.onLookupStarted();
    if (flight.stale !== null) this.#answer(flight, flight.stale, null);
    return () => flight.listeners.delete(listener);
  }

  known(host: string, tenant: string): FoundAddresses | null {
    const name = this.#nameOf(host);
    const settled = this.#settled(name, this.#clock.monotonic());
    if (settled === null) this.#fly(name, tenant);
    return settled instanceof LookupError ? null : settled;
  }

  close(): void {
    const closed = new LookupError('Posthorn stopped', true);
    for (const flight of [...this.#active, ...[...this.#waiting.values()].flatMap((queue) => [...queue])]) {
      flight.cancelTimer();
      flight.resolution?.cancel();
      for (const listener of flight.listeners) listener.onNotFound(closed);
    }
    this.#active.clear();
    this.#waiting.clear();
    this.#servers.close();
  }

  /** What needs no question now: an address that holds, or a failure that is too recent to ask again. */
  #settled(name: Name, now: number): FoundAddresses | LookupError | null {
    const local = this.#servers.localAddresses(name.host);
    if (local !== null) {
      const families = [4, 6].map((family) =>
        local.filter((address) => isIP(address.replace(/%.*$/, '')) === family),
      );
      return { addresses: inOrder(families[0]!, families[1]!, false), ttlMs: localTtlMs };
    }
    if (name.addresses !== null && now < name.freshUntil)
      return { addresses: name.addresses, ttlMs: name.freshUntil - now };
    if (name.error === null || now >= name.askAgainAt) return null;
    return this.#stale(name, now) ?? name.error;
  }

  #stale({ addresses, freshUntil, error }: Name, now: number): FoundAddresses | null {
    if (addresses === null || now > freshUntil + maxStaleMs || error?.isTemporary === false) return null;
    return { addresses, ttlMs: minTtlMs };
  }

  #nameOf(host: string): Name {
    const key = host.toLowerCase();
    let name = this.#names.get(key);
    if (name !== undefined) return name;
    if (this.#names.size >= maxNames) this.#forgetOne();
    name = {
      host: key,
      addresses: null,
      freshUntil: 0,
      error: null,
      askAgainAt: 0,
      failures: 0,
      flight: null,
    };
    this.#names.set(key, name);
    return name;
  }

  #forgetOne(): void {
    for (const [key, { flight }] of this.#names) {
      if (flight !== null) continue;
      this.#names.delete(key);
      return;
    }
  }

  #fly(name: Name, tenant: string): Flight {
    if (name.flight !== null) return name.flight;
    const flight: Flight = {
      name,
      tenant,
      listeners: new Set(),
      started: false,
      isSilent: name.failures > 0,
      cancelTimer: () => {},
      stale: null,
      resolution: null,
    };
    name.flight = flight;
    if (this.#hasPlace(tenant) && this.#maySend(flight)) this.#start(flight);
    else this.#wait(flight);
    return flight;
  }

  #hasPlace(tenant: string): boolean {
    return (this.#activeOf.get(tenant) ?? 0) < 2 * (maxAtOnce - this.#active.size);
  }

  #maySend({ isSilent }: Flight): boolean {
    return !isSilent || this.#silentAtOnce < maxSilentAtOnce;
  }

  #wait(flight: Flight): void {
    const queue = this.#waiting.get(flight.tenant);
    if (queue === undefined) this.#waiting.set(flight.tenant, new Set([flight]));
    else queue.add(flight);
    flight.cancelTimer = this.#clock.after(maxWaitMs, () => {
      this.#unqueue(flight);
      const stale = this.#stale(flight.name, this.#clock.monotonic());
      const error = new LookupError(
        `${flight.name.host} was not looked up: too many other names wait for name servers that do not answer`,
        true,
      );
      this.#land(flight, stale, error);
    });
  }

  #unqueue(flight: Flight): void {
    const queue = this.#waiting.get(flight.tenant);
    queue?.delete(flight);
    if (queue?.size === 0) this.#waiting.delete(flight.tenant);
  }

  #start(flight: Flight): void {
    flight.cancelTimer();
    const { name, tenant } = flight;
    this.#active.add(flight);
    this.#activeOf.set(tenant, (this.#activeOf.get(tenant) ?? 0) + 1);
    if (flight.isSilent) this.#silentAtOnce++;
    flight.started = true;
    for (const listener of flight.listeners) listener.onLookupStarted();
    const stale = this.#stale(name, this.#clock.monotonic());
    flight.cancelTimer =
      stale === null
        ? () => {}
        : this.#clock.after(staleAnswerMs, () => {
            flight.stale = stale;
            this.#answer(flight, stale, null);
          });
    const options = { servers: this.#servers, clock: this.#clock, limitMs: lookupMs };
    flight.resolution = new Resolution(options, name.host, (found, error) =>
      this.#ended(flight, found, error),
    );
    flight.resolution.begin();
  }

  #ended(flight: Flight, found: FoundAddresses | null, error: LookupError | null): void {
    flight.cancelTimer();
    const { name, tenant } = flight;
    const now = this.#clock.monotonic();
    // The order of the map is that of lookups: the least recently used is forgotten first.
    this.#names.delete(name.host);
    this.#names.set(name.host, name);
    if (found !== null) {
      name.addresses = found.addresses;
      name.freshUntil = now + Math.min(maxTtlMs, Math.max(minTtlMs, found.ttlMs));
      name.error = null;
      name.failures = 0;
    } else {
      name.error = error;
      if (error!.isTemporary)
        name.askAgainAt = now + Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(10, name.failures++));
      else name.askAgainAt = now + missingMs;
    }
    this.#active.delete(flight);
    if (flight.isSilent) this.#silentAtOnce--;
    const left = this.#activeOf.get(tenant)! - 1;
    if (left === 0) this.#activeOf.delete(tenant);
    else this.#activeOf.set(tenant, left);
    this.#land(flight, found ?? this.#stale(name, now), error);
    this.#startWaiting();
  }

  #land(flight: Flight, found: FoundAddresses | null, error: LookupError | null): void {
    if (flight.name.flight === flight) flight.name.flight = null;
    this.#answer(flight, found, error);
  }

  #answer({ listeners }: Flight, found: FoundAddresses | null, error: LookupError | null): void {
    const waiting = [...listeners];
    listeners.clear();
    for (const listener of waiting) {
      if (found === null) listener.onNotFound(error!);
      else listener.onFound(found);
    }
  }

  /** One of each tenant in turn. */
  #startWaiting(): void {
    for (let started = true; started && this.#waiting.size > 0;) {
      started = false;
      for (const [tenant, queue] of this.#waiting) {
        if (!this.#hasPlace(tenant)) continue;
        const next = findFirst(queue, (flight) => this.#maySend(flight));
        if (next === undefined) continue;
        this.#unqueue(next);
        this.#start(next);
        started = true;
      }
    }
  }
}

function findFirst<T>(all: Iterable<T>, holds: (one: T) => boolean): T | undefined {
  for (const one of all) if (holds(one)) return one;
  return undefined;
}

/** These names for what connects by itself, in the form of `dns.lookup`. */
export function lookupFunction(names: Names, tenant: string): LookupFunction {
  return (host, options, callback) => {
    names.find(host, tenant, {
      onLookupStarted: () => {},
      onNotFound: (error) => callback(error, ''),
      onFound: ({ addresses }) => {
        const all: LookupAddress[] = addresses.map((address) => ({ address, family: isIP(address) }));
        const wanted = all.filter(({ family }) => !options.family || options.family === family);
        const [first] = wanted;
        if (first === undefined)
          callback(new LookupError(`${host} does not have an address of this family`, false), '');
        else if (options.all === true) callback(null, wanted);
        else callback(null, first.address, first.family);
      },
    });
  };
}

/** Names as this machine's name servers and hosts file know them. */
export function systemNames(clock: Clock): Names {
  return new NameLookup({ clock, servers: new SystemNameServers({ clock }) });
}
