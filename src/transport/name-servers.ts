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
 * Asks the name servers of resolv.conf by c-ares. Not by getaddrinfo: that occupies one of libuv's four threads for
 * each lookup, and a few silent name servers then stop every new connection of every tenant.
 */
export class SystemNameServers implements NameServers {
  readonly #clock: Clock;
  readonly #hosts: ParsedFile<ReadonlyMap<string, readonly string[]>>;
  readonly #config: ParsedFile<ResolverConfig>;
  /** One for each name server. */
  #resolvers: readonly Resolver[] = [];
  #resolversFor: ResolverConfig | null = null;
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
    const resolvers = this.#current();
    const at = (this.#preferred + nth) % resolvers.length;
    const finish = (
      error: NodeJS.ErrnoException | null,
      records: readonly { readonly address: string; readonly ttl: number }[] = [],
    ): void => {
      if (error === null) this.#preferred = at;
      done(
        error,
        records.map(({ address, ttl }) => ({ address, ttlMs: ttl * 1000 })),
      );
    };
    if (family === 4) resolvers[at]!.resolve4(name, { ttl: true }, finish);
    else resolvers[at]!.resolve6(name, { ttl: true }, finish);
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
    for (const resolver of this.#resolvers) resolver.cancel();
  }

  /** A resolver cannot be given other servers while it waits for an answer: changed ones get new resolvers. */
  #current(): readonly Resolver[] {
    const config = this.#config.get();
    if (config === this.#resolversFor) return this.#resolvers;
    this.#resolversFor = config;
    this.#preferred = 0;
    // Without resolv.conf: the system's own servers, as c-ares finds them.
    const servers = config.servers.length > 0 ? config.servers : new Resolver().getServers();
    this.#resolvers = servers.map((server) => {
      const resolver = new Resolver(queryOptions);
      resolver.setServers([server]);
      return resolver;
    });
    return this.#resolvers;
  }
}
