import { systemRuntime } from '../runtime/system.ts';
import { WebhookVerificationError } from './errors.ts';

export interface PublicKeysOptions {
  /** How long fetched keys are used before they are fetched again; shorter than the grace of a rotation. Default 600 s. */
  readonly maxAgeS?: number;
  /** How much longer they are used while they cannot be fetched. Default 86,400 s. */
  readonly maxStaleS?: number;
  /** Least time between two fetches, also of a server that fails. Default 10 s. */
  readonly minIntervalS?: number;
  /** Default 5,000. */
  readonly timeoutMs?: number;
  /** A fetch failed; the keys that are known are used until they are too old. */
  readonly onFailed?: (error: unknown) => void;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds since the epoch. Default: the clock of this machine. */
  readonly now?: () => number;
}

/** A source of keys for `createReceiver`, which fetches them when it needs them. */
export interface PublicKeys {
  (): Promise<readonly string[]>;
}

/** Posthorn lists at most 17 keys, in 2 KB. */
const maxKeys = 64;
const maxBytes = 65_536;
const publicKey = /^whpk_[A-Za-z0-9+/]{43}=$/;

/**
 * Returns a source of the public keys (`whpk_…`) at a URL: `…/.well-known/posthorn/public-keys/{key_set}`. They are cached; concurrent
 * webhooks share one fetch; a server that is away is asked at most every `minIntervalS`, and meanwhile the known keys are used.
 * Without any key the webhook fails, and its sender tries again. Throws `invalid_options`.
 */
export function publicKeys(url: string | URL, options: PublicKeysOptions = {}): PublicKeys {
  const cache = new KeyCache(sourceFrom(url), options);
  return () => cache.keys();
}

interface Known {
  readonly keys: readonly string[];
  readonly at: number;
}

class KeyCache {
  readonly #url: URL;
  readonly #o: PublicKeysOptions;
  readonly #maxAgeMs: number;
  readonly #maxStaleMs: number;
  readonly #minIntervalMs: number;
  readonly #timeoutMs: number;
  #known: Known | null = null;
  #failure: { readonly error: unknown; readonly at: number } | null = null;
  #fetching: Promise<void> | null = null;

  constructor(url: URL, options: PublicKeysOptions) {
    this.#url = url;
    this.#o = options;
    this.#maxAgeMs = numberFrom('maxAgeS', options.maxAgeS ?? 600) * 1000;
    this.#maxStaleMs = numberFrom('maxStaleS', options.maxStaleS ?? 86_400) * 1000;
    this.#minIntervalMs = numberFrom('minIntervalS', options.minIntervalS ?? 10) * 1000;
    this.#timeoutMs = numberFrom('timeoutMs', options.timeoutMs ?? 5000);
  }

  async keys(): Promise<readonly string[]> {
    const now = this.#now();
    if (this.#isFresh(now)) return this.#known!.keys;
    if (this.#fetching !== null || !this.#hasJustFailed(now)) await this.#refresh();
    const known = this.#known;
    const age = known === null ? Number.POSITIVE_INFINITY : Math.abs(this.#now() - known.at);
    if (known !== null && age <= this.#maxAgeMs + this.#maxStaleMs) return known.keys;
    throw new Error(`The public keys at ${this.#url.host} are not known`, { cause: this.#failure?.error });
  }

  #now(): number {
    return (this.#o.now ?? systemRuntime.now)();
  }

  // A clock that went back makes nothing younger than it is for ever.
  #isFresh(now: number): boolean {
    return this.#known !== null && Math.abs(now - this.#known.at) < this.#maxAgeMs;
  }

  #hasJustFailed(now: number): boolean {
    return this.#failure !== null && Math.abs(now - this.#failure.at) < this.#minIntervalMs;
  }

  /** Resolves when the fetch has ended, however it has ended. */
  #refresh(): Promise<void> {
    this.#fetching ??= this.#fetch()
      .then(
        (keys) => {
          this.#known = { keys, at: this.#now() };
          this.#failure = null;
        },
        (error: unknown) => {
          this.#failure = { error, at: this.#now() };
          this.#o.onFailed?.(error);
        },
      )
      .finally(() => (this.#fetching = null));
    return this.#fetching;
  }

  async #fetch(): Promise<readonly string[]> {
    const response = await (this.#o.fetch ?? fetch)(this.#url, {
      headers: { accept: 'application/json' },
      // Another host must not name the keys that are trusted.
      redirect: 'error',
      signal: AbortSignal.timeout(this.#timeoutMs),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`the server answered ${response.status}`);
    }
    return keysIn(await boundedText(response));
  }
}

function sourceFrom(url: string | URL): URL {
  const source = URL.canParse(String(url)) ? new URL(url) : null;
  const isLocal = source !== null && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(source.hostname);
  if (source?.protocol !== 'https:' && !(source?.protocol === 'http:' && isLocal))
    throw new WebhookVerificationError(
      'invalid_options',
      'The URL of public keys must be https: anyone who can change the answer can sign webhooks',
    );
  return source;
}

function numberFrom(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new WebhookVerificationError('invalid_options', `The option ${name} is not a number from 0`);
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

function keysIn(text: string): readonly string[] {
  const value = JSON.parse(text) as { readonly items?: unknown } | null;
  const items = Array.isArray(value?.items) ? (value.items as readonly unknown[]) : [];
  const keys = items.map((item) =>
    typeof item === 'object' && item !== null && 'public_key' in item ? item.public_key : null,
  );
  if (
    keys.length === 0 ||
    keys.length > maxKeys ||
    !keys.every((key) => typeof key === 'string' && publicKey.test(key))
  )
    throw new Error('the answer is not a list of public keys');
  return keys as string[];
}
