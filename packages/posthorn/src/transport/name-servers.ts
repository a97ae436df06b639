import { Resolver } from 'node:dns';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../runtime/clock.ts';
import {
  candidateNames,
  ParsedFile,
  parseHosts,
  parseResolvConf,
  type ResolverConfig,
} from './name-files.ts';

export interface AddressRecord {
  readonly address: string;
  readonly ttlMs: number;
}
export type QueryDone = (error: NodeJS.ErrnoException | null, records: readonly AddressRecord[]) => void;

/** What a machine knows of names, and whom it asks. */
export interface NameServers {
  /** Addresses that need no name server: of the hosts file, and of `localhost`. */
  localAddresses(host: string): readonly string[] | null;
  candidates(host: string): readonly string[];
  /** Asks one name server for the addresses of one family; the `nth` time the next one. */
  query(name: string, family: 4 | 6, nth: number, done: QueryDone): void;
  /** Whether this machine has an address of IPv6 to send from. */
  hasIpv6(): boolean;
  close(): void;
}

export interface SystemNameServerOptions {
  readonly clock: Clock;
  readonly hostsFile?: string;
  readonly resolvConf?: string;
  /** Instead of those of resolv.conf: addresses, with a port if it is not 53. */
  readonly servers?: readonly string[];
}

/**
 * c-ares forgets a question when it asks again, and an answer that comes later then counts for nothing: it asks once, and
 * waits as long as a lookup may take. Asking again is up to the lookup.
 */
const queryOptions = { timeout: 5000, tries: 1 };
const interfacesEveryMs = 30_000;

/**
 * One name server. After three answers c-ares waits no longer than some multiple of what they took (a second where all were
 * fast), and a name whose own servers are slow was never found beside fast ones: what has answered is asked nothing more.
 */
class NameServer {
  readonly #address: string;
  readonly #open = new Map<Resolver, number>();
  #current: Resolver | null = null;

  constructor(address: string) {
    this.#address = address;
  }

  /** A resolver for one question; `end` is called with it when it is over. */
  begin(): Resolver {
    if (this.#current === null) {
      this.#current = new Resolver(queryOptions);
      this.#current.setServers([this.#address]);
    }
    this.#open.set(this.#current, (this.#open.get(this.#current) ?? 0) + 1);
    return this.#current;
  }

  end(resolver: Resolver): void {
    if (this.#current === resolver) this.#current = null;
    const left = this.#open.get(resolver)! - 1;
    if (left === 0) this.#open.delete(resolver);
    else this.#open.set(resolver, left);
  }

  cancel(): void {
    for (const resolver of this.#open.keys()) resolver.cancel();
  }
}

/**
 * Asks the name servers of resolv.conf by c-ares. Not by getaddrinfo: that occupies one of libuv's four threads for
 * each lookup, and a few silent name servers then stop every new connection of every tenant.
 */
export class SystemNameServers implements NameServers {
  readonly #clock: Clock;
  readonly #hosts: ParsedFile<ReadonlyMap<string, readonly string[]>>;
  readonly #config: ParsedFile<ResolverConfig>;
  #nameServers: readonly NameServer[] = [];
  #nameServersFor: ResolverConfig | null = null;
  /** The one that answered last is asked first. */
  #preferred = 0;
  #ipv6 = false;
  #ipv6At = Number.NEGATIVE_INFINITY;

  constructor(options: SystemNameServerOptions) {
    const { clock, hostsFile = '/etc/hosts', resolvConf = '/etc/resolv.conf', servers } = options;
    this.#clock = clock;
    this.#hosts = new ParsedFile(hostsFile, clock, parseHosts);
    this.#config = new ParsedFile(resolvConf, clock, (text) => {
      const config = parseResolvConf(text);
      return servers === undefined ? config : { ...config, servers };
    });
  }

  localAddresses(host: string): readonly string[] | null {
    const name = host.toLowerCase().replace(/\.$/, '');
    const known = this.#hosts.get().get(name);
    if (known !== undefined) return known;
    // RFC 6761, 6.3: never a question for a name server.
    return name === 'localhost' || name.endsWith('.localhost') ? ['127.0.0.1', '::1'] : null;
  }

  candidates(host: string): readonly string[] {
    return candidateNames(host, this.#config.get());
  }

  query(name: string, family: 4 | 6, nth: number, done: QueryDone): void {
    const servers = this.#current();
    const at = (this.#preferred + nth) % servers.length;
    const server = servers[at]!;
    const resolver = server.begin();
    const finish = (
      error: NodeJS.ErrnoException | null,
      records: readonly { readonly address: string; readonly ttl: number }[] = [],
    ): void => {
      server.end(resolver);
      if (error === null) this.#preferred = at;
      done(
        error,
        records.map(({ address, ttl }) => ({ address, ttlMs: ttl * 1000 })),
      );
    };
    if (family === 4) resolver.resolve4(name, { ttl: true }, finish);
    else resolver.resolve6(name, { ttl: true }, finish);
  }

  hasIpv6(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#ipv6At >= interfacesEveryMs) {
      this.#ipv6At = now;
      this.#ipv6 = Object.values(networkInterfaces()).some((addresses) =>
        addresses?.some(
          ({ family, internal, address }) => family === 'IPv6' && !internal && !address.startsWith('fe80'),
        ),
      );
    }
    return this.#ipv6;
  }

  close(): void {
    for (const server of this.#nameServers) server.cancel();
  }

  /** A resolver cannot be given other servers while it waits for an answer: changed ones get new ones. */
  #current(): readonly NameServer[] {
    const config = this.#config.get();
    if (config === this.#nameServersFor) return this.#nameServers;
    this.#nameServersFor = config;
    this.#preferred = 0;
    // Without resolv.conf: the system's own servers, as c-ares finds them.
    const servers = config.servers.length > 0 ? config.servers : new Resolver().getServers();
    this.#nameServers = servers.map((server) => new NameServer(server));
    return this.#nameServers;
  }
}
