import { createServer, type Server } from 'node:http';
import type { Clock } from '../runtime/clock.ts';
import type { Observer } from './consume.ts';
import type { RefusedMessage } from './source.ts';

/** Counts of one run, as progress lines, the summary and the metrics show them. */
export interface Counts {
  readonly accepted: number;
  /** Accepted before, under the same id: delivered again by the broker. */
  readonly duplicates: number;
  readonly refused: number;
  readonly batches: number;
  readonly reconnects: number;
  /** Null: not known. */
  readonly lag: number | null;
  /** Bytes that the broker keeps until they are read; null: not known, or it keeps them anyway. */
  readonly heldBytes: number | null;
}

const firstNotedBytes = 1e9;

/** Counts what happens, and passes on what an operator has to know. */
export class Status implements Observer {
  readonly #clock: Clock;
  readonly #note: (text: string) => void;
  #counts: Counts = {
    accepted: 0,
    duplicates: 0,
    refused: 0,
    batches: 0,
    reconnects: 0,
    lag: null,
    heldBytes: null,
  };
  /** At so many the next note is due: once for each doubling. */
  #nextNotedBytes = firstNotedBytes;
  #troubleSince: number | null = null;

  constructor(clock: Clock, note: (text: string) => void) {
    this.#clock = clock;
    this.#note = note;
  }

  get counts(): Counts {
    return this.#counts;
  }

  /** How long nothing has worked, ms; 0: all is well. */
  troubleMs(): number {
    return this.#troubleSince === null ? 0 : this.#clock.monotonic() - this.#troubleSince;
  }

  sawLag(lag: number | null, heldBytes: number | null): void {
    this.#counts = { ...this.#counts, lag, heldBytes };
    if (heldBytes === null || heldBytes < firstNotedBytes) this.#nextNotedBytes = firstNotedBytes;
    else if (heldBytes >= this.#nextNotedBytes) {
      this.#nextNotedBytes = 2 * heldBytes;
      this.#note(
        `the replication slot holds back ${(heldBytes / 1e9).toFixed(1)} GB of PostgreSQL's log: its disk fills unless this process catches up`,
      );
    }
  }

  accepted(isDuplicate: boolean): void {
    this.#troubleSince = null;
    const { accepted, duplicates } = this.#counts;
    this.#counts = {
      ...this.#counts,
      accepted: accepted + 1,
      duplicates: duplicates + (isDuplicate ? 1 : 0),
    };
  }

  setAside(refused: readonly RefusedMessage[]): void {
    this.#counts = { ...this.#counts, refused: this.#counts.refused + refused.length };
    const { message, code, reason } = refused[0]!;
    const more = refused.length === 1 ? '' : `, and ${refused.length - 1} more`;
    this.#note(`set aside ${message.position}: ${reason} (${code})${more}`);
  }

  committed(): void {
    this.#troubleSince = null;
    this.#counts = { ...this.#counts, batches: this.#counts.batches + 1 };
  }

  reconnecting(reason: string, waitMs: number): void {
    this.#troubleSince ??= this.#clock.monotonic();
    this.#counts = { ...this.#counts, reconnects: this.#counts.reconnects + 1 };
    this.#note(`${reason}; trying again in ${(waitMs / 1000).toFixed(1)} s`);
  }

  retrying(error: Error, waitMs: number): void {
    this.#troubleSince ??= this.#clock.monotonic();
    this.#note(`${error.message}; publishing the batch again in ${(waitMs / 1000).toFixed(1)} s`);
  }

  keepAliveFailed(error: Error): void {
    this.#note(`the broker may deliver this batch again: ${error.message}`);
  }
}

/** After so long without success, the health check fails. */
const unhealthyMs = 60_000;

const metrics = (
  source: string,
  { accepted, duplicates, refused, reconnects, lag, heldBytes }: Counts,
): string =>
  [
    ['events_accepted_total', 'counter', 'Messages accepted by Posthorn, duplicates included.', accepted],
    ['events_duplicate_total', 'counter', 'Accepted before under the same id.', duplicates],
    ['messages_refused_total', 'counter', 'Messages refused and set aside.', refused],
    ['reconnects_total', 'counter', 'Connections to the broker that failed.', reconnects],
    ['lag_messages', 'gauge', 'Messages that wait at the broker.', lag],
    ['held_bytes', 'gauge', "PostgreSQL's log that the replication slot keeps on disk.", heldBytes],
  ]
    .flatMap(([name, type, help, value]) =>
      value === null
        ? []
        : [
            `# HELP posthorn_ingest_${name} ${help}`,
            `# TYPE posthorn_ingest_${name} ${type}`,
            `posthorn_ingest_${name}{source="${source}"} ${value}`,
            '',
          ],
    )
    .join('\n');

/** Serves `/healthz` and `/metrics`. */
export async function serveStatus(
  status: Status,
  source: string,
  { host, port }: { host: string; port: number },
): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET') return void response.writeHead(405).end();
    if (request.url === '/metrics')
      return void response
        .writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
        .end(metrics(source, status.counts));
    if (request.url !== '/healthz') return void response.writeHead(404).end();
    const isWell = status.troubleMs() < unhealthyMs;
    response
      .writeHead(isWell ? 200 : 503, { 'content-type': 'application/json' })
      .end(JSON.stringify({ status: isWell ? 'ok' : 'stalled', ...status.counts }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  return server;
}
