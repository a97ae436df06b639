import { callbackify } from 'node:util';
import pg from 'pg';
import { StoreOpenError } from '../../domain/errors.ts';

// A database URL may name several servers, as libpq takes it: postgres://user@one:5432,two:5432/app. Nodes work on the one
// that is the primary, and follow when a standby is promoted.

/** Long enough for a server that answers, short enough for the timeout of the pool that waits for the answer. */
const probeMs = 2000;

const hostList = /^(postgres(?:ql)?:\/\/(?:[^@/?#]*@)?)([^@/?#]*)(.*)$/is;

/** The URL of each server that a database URL names; itself if it names one. */
export function serverUrls(url: string): string[] {
  const [, before, hosts, after] = hostList.exec(url) ?? [];
  if (hosts?.includes(',') !== true) return [url];
  return hosts.split(',').map((host) => `${before}${host}${after}`);
}

/** Only the primary takes what Posthorn writes, so only the values that ask for it are of use. */
const wanted: ReadonlySet<string | null> = new Set([null, 'any', 'primary', 'read-write']);

export function requirePrimaryWanted(url: string): void {
  const attributes = URL.parse(serverUrls(url)[0]!)?.searchParams.get('target_session_attrs') ?? null;
  if (!wanted.has(attributes))
    throw new StoreOpenError(
      `target_session_attrs=${attributes} is not possible: Posthorn writes, so it works on the primary; use primary or read-write, or leave it out`,
    );
}

interface Probed {
  readonly url: string;
  /** In hexadecimal digits of a fixed number, so that it compares as text; null: a standby. */
  readonly timeline: string | null;
}

async function probe(url: string): Promise<Probed> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: probeMs,
    query_timeout: probeMs,
    application_name: 'posthorn',
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ timeline: string | null }>(
      `SELECT CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline`,
    );
    return { url, timeline: rows[0]!.timeline };
  } finally {
    // Whatever the server does with the farewell.
    client.end().catch(() => {});
  }
}

/**
 * The URL of the primary among these servers, asked now: all at once. A former primary that comes back without having been made
 * a standby is on an older timeline than the standby that was promoted, and is left alone.
 */
async function findPrimary(urls: readonly string[]): Promise<string> {
  const answers = await Promise.allSettled(urls.map(probe));
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const primaries = found.filter(({ timeline }) => timeline !== null);
  const [newest] = primaries.toSorted((a, b) => (a.timeline! < b.timeline! ? 1 : -1));
  if (newest !== undefined) return newest.url;
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  throw Object.assign(new Error('all servers of the database URL are standbys: none was promoted yet'), {
    code: '57P03',
  });
}

/** A client of `pg` that connects to the server which is the primary when it connects. Clients that connect at once ask once. */
export function clientOfPrimary(urls: readonly string[]): new (config?: pg.ClientConfig) => pg.Client {
  let finding: Promise<string> | null = null;
  const primary = (): Promise<string> =>
    (finding ??= findPrimary(urls).finally(() => {
      finding = null;
    }));
  return class PrimaryClient extends pg.Client {
    override connect(): Promise<pg.Client>;
    override connect(callback: (error: Error | null) => void): void;
    override connect(callback?: (error: Error | null) => void): Promise<pg.Client> | void {
      // The pool listens for errors once it has heard that the client is connected, here some microtasks late: a server that dies
      // just then would end the process. The client knows that it is broken, and the pool replaces it.
      this.on('error', () => {});
      const connected = primary().then(async (url) => {
        const { host, port } = new pg.Client({ connectionString: url });
        Object.assign(this, { host, port });
        return await super.connect();
      });
      if (callback === undefined) return connected;
      callbackify(() => connected)(callback);
    }
  };
}
