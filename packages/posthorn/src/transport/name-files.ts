import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Clock } from '../runtime/clock.ts';

const maxFileBytes = 1024 * 1024;
const checkEveryMs = 5000;
/** As the C library's. */
const maxServers = 3;
const maxSearch = 6;

/** What resolv.conf says (resolv.conf(5)). */
export interface ResolverConfig {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  /** A name with fewer dots is looked up below the search domains first. */
  readonly ndots: number;
}

export function parseResolvConf(text: string): ResolverConfig {
  const servers: string[] = [];
  let search: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined && isIP(values[0].replace(/%.*$/, '')) !== 0)
      servers.push(values[0]);
    else if (keyword === 'search' || keyword === 'domain')
      search = values.map((name) => name.toLowerCase().replace(/\.$/, '')).filter((name) => name !== '');
    else if (keyword === 'options')
      for (const option of values) {
        const dots = /^ndots:(\d{1,2})$/.exec(option);
        if (dots !== null) ndots = Math.min(15, Number(dots[1]));
      }
  }
  return { servers: servers.slice(0, maxServers), search: search.slice(0, maxSearch), ndots };
}

/** The addresses of each name in a hosts file. */
export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*$/, '').trim().split(/\s+/);
    if (address === undefined || isIP(address.replace(/%.*$/, '')) === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase().replace(/\.$/, '');
      const known = hosts.get(key);
      if (known === undefined) hosts.set(key, [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return hosts;
}

/** The full names to ask for, in turn: below the search domains, and as it is (resolv.conf(5), `search` and `ndots`). */
export function candidateNames(host: string, { search, ndots }: ResolverConfig): readonly string[] {
  if (host.endsWith('.')) return [host.slice(0, -1)];
  const below = search.map((domain) => `${host}.${domain}`);
  const dots = host.split('.').length - 1;
  return dots >= ndots ? [host, ...below] : [...below, host];
}

/** What is made of a small file, made anew when the file changes. */
export class ParsedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  readonly #clock: Clock;
  #checkAt = Number.NEGATIVE_INFINITY;
  #version = '';
  #value: T;

  constructor(path: string, clock: Clock, parse: (text: string) => T) {
    this.#path = path;
    this.#clock = clock;
    this.#parse = parse;
    this.#value = parse('');
  }

  get(): T {
    const now = this.#clock.monotonic();
    if (now < this.#checkAt) return this.#value;
    this.#checkAt = now + checkEveryMs;
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version === this.#version || size > maxFileBytes) return this.#value;
      this.#value = this.#parse(readFileSync(this.#path, 'utf8'));
      this.#version = version;
    } catch {
      // A file that is not there says nothing; one that is just being replaced is read at the next check.
    }
    return this.#value;
  }
}
