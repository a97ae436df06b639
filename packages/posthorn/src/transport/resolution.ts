import type { Clock } from '../runtime/clock.ts';
import type { AddressRecord, NameServers, QueryDone } from './name-servers.ts';
import type { FoundAddresses } from './names.ts';

/** A question that is not answered is asked again, of the next name server; the former may still be answered. */
const askAgainMs = 1500;
const maxQuestions = 3;
/** The other family may answer this much later; many name servers are silent when asked for IPv6. */
const otherFamilyMs = 100;

export class LookupError extends Error {
  readonly code = 'POSTHORN_DNS';
  /** Whether asking again may well give another answer. */
  readonly isTemporary: boolean;

  constructor(message: string, isTemporary: boolean) {
    super(message);
    this.isTemporary = isTemporary;
  }
}

const notTemporary = ['ENOTFOUND', 'ENODATA', 'EBADNAME', 'EBADSTR'];

type Done = (found: FoundAddresses | null, error: LookupError | null) => void;

/** One lookup: each candidate name in turn, both families of addresses at once. */
export class Resolution {
  readonly #servers: NameServers;
  readonly #clock: Clock;
  readonly #host: string;
  readonly #candidates: readonly string[];
  readonly #done: Done;
  readonly #cancelLimit: () => void;
  #cancelOther: () => void = () => {};
  #ended = false;
  #temporary: string | null = null;
  #permanent: string | null = null;

  constructor(
    options: { readonly servers: NameServers; readonly clock: Clock; readonly limitMs: number },
    host: string,
    done: Done,
  ) {
    this.#servers = options.servers;
    this.#clock = options.clock;
    // It stands at the beginning of messages, which are cut.
    this.#host = host.length > 80 ? `${host.slice(0, 79)}…` : host;
    this.#done = done;
    this.#candidates = options.servers.candidates(host);
    this.#cancelLimit = options.clock.after(options.limitMs, () =>
      this.#fail(
        new LookupError(
          `no answer from the name servers of ${this.#host} within ${options.limitMs} ms`,
          true,
        ),
      ),
    );
  }

  begin(): void {
    this.#ask(0);
  }

  cancel(): void {
    this.#ended = true;
    this.#cancelLimit();
    this.#cancelOther();
  }

  #ask(nth: number): void {
    const name = this.#candidates[nth];
    if (name === undefined) {
      this.#fail(
        this.#temporary === null
          ? new LookupError(`${this.#host} ${this.#permanent}`, false)
          : new LookupError(this.#temporary, true),
      );
      return;
    }
    const found: { 4?: readonly AddressRecord[]; 6?: readonly AddressRecord[] } = {};
    const settle = (): void => {
      this.#cancelOther();
      if ((found[4] ?? []).length + (found[6] ?? []).length > 0)
        this.#succeed(found[4] ?? [], found[6] ?? []);
      else this.#ask(nth + 1);
    };
    for (const family of [4, 6] as const) {
      this.#askFor(name, family, (error, records) => {
        if (error !== null) this.#note(error);
        found[family] = records;
        if (found[4] !== undefined && found[6] !== undefined) settle();
        else if (records.length > 0) this.#cancelOther = this.#clock.after(otherFamilyMs, settle);
      });
    }
  }

  /** Calls back once, unless the lookup has ended by then. */
  #askFor(name: string, family: 4 | 6, done: QueryDone): void {
    let asked = 0;
    let open = 0;
    let answered = false;
    let cancelTimer = (): void => {};
    const ask = (): void => {
      cancelTimer();
      if (this.#ended || answered) return;
      open++;
      if (++asked < maxQuestions) cancelTimer = this.#clock.after(askAgainMs, ask);
      this.#servers.query(name, family, asked - 1, (error, records) => {
        open--;
        if (this.#ended || answered) return;
        const isFinal = error === null || notTemporary.includes(error.code ?? '');
        if (!isFinal && asked < maxQuestions) ask();
        else if (isFinal || open === 0) {
          answered = true;
          cancelTimer();
          done(error, records);
        }
      });
    };
    ask();
  }

  #note({ code = 'unknown' }: NodeJS.ErrnoException): void {
    if (code === 'ENOTFOUND') this.#permanent ??= 'does not exist (ENOTFOUND)';
    else if (code === 'ENODATA') this.#permanent = 'does not have an address (ENODATA)';
    else if (code === 'EBADNAME' || code === 'EBADSTR') this.#permanent ??= `is not a name (${code})`;
    else if (code === 'ETIMEOUT') this.#temporary ??= `no answer from the name servers of ${this.#host}`;
    else if (code === 'ECONNREFUSED') this.#temporary ??= 'no name server can be reached (ECONNREFUSED)';
    else this.#temporary ??= `the name servers of ${this.#host} answer with ${code}`;
  }

  #succeed(v4: readonly AddressRecord[], v6: readonly AddressRecord[]): void {
    if (this.#ended) return;
    this.cancel();
    const addresses = inOrder(
      v4.map(({ address }) => address),
      v6.map(({ address }) => address),
      this.#servers.hasIpv6(),
    );
    const ttlMs = Math.min(...[...v4, ...v6].map((record) => record.ttlMs));
    this.#done({ addresses, ttlMs }, null);
  }

  #fail(error: LookupError): void {
    if (this.#ended) return;
    this.cancel();
    this.#done(null, error);
  }
}

/** IPv6 and IPv4 in turn (RFC 8305, 4); without IPv6 here its addresses come last, for what the check may have missed. */
export function inOrder(v4: readonly string[], v6: readonly string[], hasIpv6: boolean): readonly string[] {
  if (!hasIpv6) return [...v4, ...v6];
  const turns = Math.max(v4.length, v6.length);
  return Array.from({ length: turns }, (_, n) => [v6[n], v4[n]])
    .flat()
    .filter((address) => address !== undefined);
}
