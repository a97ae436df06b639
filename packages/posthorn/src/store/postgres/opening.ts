import { StoreFaultError, StoreOpenError, UnavailableError } from '../../domain/errors.ts';
import type { Database } from './database.ts';
import { requirePrimaryWanted, serverUrls } from './servers.ts';

const oldestVersion = 14;

/** Host, port and database of a URL: what may be printed of it. */
function describe(url: string): string {
  const servers = serverUrls(url).map((one) => URL.parse(one));
  const [parsed] = servers;
  if (parsed === null || parsed === undefined) return 'the database';
  const host =
    parsed.hostname === ''
      ? 'the local server'
      : servers.map((one) => `${decodeURIComponent(one?.hostname ?? '')}:${one?.port || 5432}`).join(', ');
  const database = decodeURIComponent(parsed.pathname.slice(1));
  return `the database ${database === '' ? '' : `${database} `}at ${host}`;
}

function withoutPassword(text: string, url: string): string {
  const password = URL.parse(serverUrls(url)[0]!)?.password ?? '';
  if (password === '') return text;
  return [password, decodeURIComponent(password)].reduce(
    (clean, secret) => clean.replaceAll(secret, '…'),
    text,
  );
}

/** SQLSTATEs and system errors at opening: why, and what to do. */
const reasons: Readonly<Record<string, string>> = {
  '28P01': 'the server refuses the user name or password; check the database URL',
  '28000': 'the server refuses this user from this address; add a line for it to pg_hba.conf',
  '3D000': 'there is no such database; create it with createdb, or correct the name in the database URL',
  '42501': 'this user lacks the rights; GRANT CREATE ON DATABASE to it, or let it own the schema posthorn',
  '53300': 'every connection of the server is in use; raise max_connections, or lower the number of nodes',
  '57P03': 'the server is starting or stopping; try again in a moment',
  '25006': 'it may only be read; connect to the primary',
  '08P01':
    'what answers does not take the options of a session, as a connection pooler does; connect to the server itself, or use a pooler in session mode that passes the parameter options on',
  ENOTFOUND: 'its host name is unknown; correct it in the database URL',
  EAI_AGAIN: 'its host name cannot be looked up now; check the name server',
  ECONNREFUSED: 'nothing listens there; start the server, or correct host and port in the database URL',
  ETIMEDOUT: 'it does not answer; check the network and the firewall',
  EHOSTUNREACH: 'its host cannot be reached; check the network',
  ENETUNREACH: 'its network cannot be reached; check the network',
  ECONNRESET: 'the connection was closed at once; check host, port and TLS settings (sslmode)',
  ENOENT: 'a file or socket of the database URL is missing; correct the URL',
};
/** Those that pass by themselves. */
const passing: ReadonlySet<string> = new Set([
  '53300',
  '57P03',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNRESET',
]);

/** From what the driver said at opening to one sentence with the next step, and never the password. */
export function openingError(thrown: unknown, url: string): Error {
  if (thrown instanceof StoreOpenError || thrown instanceof StoreFaultError) return thrown;
  const error = (
    thrown instanceof UnavailableError && thrown.cause !== undefined ? thrown.cause : thrown
  ) as Error & {
    code?: string;
    errors?: readonly (Error & { code?: string })[];
  };
  // For a name with several addresses, each of which failed.
  const code = error.code ?? error.errors?.[0]?.code ?? '';
  const said = withoutPassword(error.message === '' ? code : error.message, url);
  const reason = reasons[code];
  const sentence =
    reason === undefined
      ? `${describe(url)} cannot be opened: ${said}`
      : `${describe(url)} cannot be opened: ${reason} (${said})`;
  const away = passing.has(code) || (reason === undefined && thrown instanceof UnavailableError);
  return away ? new UnavailableError(sentence) : new StoreOpenError(sentence);
}

/** A URL that the driver cannot read may hold a password with characters that have to be encoded. */
export function requireReadableUrl(url: string): void {
  if (serverUrls(url).every((one) => URL.canParse(one) && /^postgres(ql)?:$/.test(new URL(one).protocol)))
    return requirePrimaryWanted(url);
  throw new StoreOpenError(
    'the database URL cannot be read: write postgres://user:password@host:5432/database, with characters such as @ # ? / in user and password percent-encoded (%40 for @, and so on)',
  );
}

/** Refuses a server that is too old, or that cannot be written. */
export async function requireServer(db: Database, options: { readonly writes: boolean }): Promise<void> {
  const [row] = await db.query(
    '',
    `SELECT current_setting('server_version_num')::int, current_setting('server_version'), pg_is_in_recovery(),
       current_setting('default_transaction_read_only')`,
  );
  const [number, version, recovering, readOnly] = row!;
  if (Number(number) < oldestVersion * 10_000)
    throw new StoreOpenError(
      `PostgreSQL ${oldestVersion} or newer is needed, and this server is ${String(version)}; upgrade it`,
    );
  if (!options.writes) return;
  if (recovering === true)
    throw new StoreOpenError(
      'this server is a standby, which may only be read; connect to the primary, or name all servers in the database URL (postgres://user@one:5432,two:5432/app): nodes then follow the primary',
    );
  if (readOnly === 'on')
    throw new StoreOpenError(
      'default_transaction_read_only is on for this role or database, so nothing can be stored: ALTER ROLE … SET default_transaction_read_only = off',
    );
  await requireDurableCommits(db);
}

/**
 * What a failover would lose, as a sentence with the next step; null: nothing, or there is nothing to fail over to. A warning and not a
 * refusal: right after a failover the new primary still lacks a standby, and must go on.
 */
export async function failoverRisk(db: Database): Promise<string | null> {
  const [row] = await db.query(
    '',
    `SELECT current_setting('synchronous_standby_names'), current_setting('synchronous_commit'),
       (SELECT count(*) FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
        WHERE s.slot_type IS DISTINCT FROM 'logical')`,
  );
  const [names, commit, standbys] = row as [string, string, number];
  if (db.servers === 1 && standbys === 0 && names === '') return null;
  const lost =
    'a failover loses what was acknowledged and had not reached the standby: those events are in no state and in no count';
  if (names === '')
    return `no standby is synchronous, so ${lost}; set synchronous_standby_names on every server that may become the primary`;
  if (commit === 'local')
    return `synchronous_commit is local, so commits do not wait for the synchronous standby and ${lost}; ALTER ROLE … SET synchronous_commit = on`;
  if (commit === 'remote_write')
    return `synchronous_commit is remote_write, so commits do not wait for the standby's disk: if primary and standby lose power together, what was acknowledged is lost; ALTER ROLE … SET synchronous_commit = on`;
  return null;
}

/** G1: a commit that is answered before it is on disk is lost with the server, and the 202 was a lie. */
async function requireDurableCommits(db: Database): Promise<void> {
  const [[setting] = []] = await db.query('', 'SHOW synchronous_commit');
  if (setting === 'off')
    throw new StoreOpenError(
      'synchronous_commit is off for this role or database, so what is acknowledged could be lost: ALTER ROLE … SET synchronous_commit = on',
    );
}

/**
 * Refuses a pooler that gives a session's statements to different server connections (transaction mode): prepared statements,
 * LISTEN and settings would be lost between two of them. The second session takes the connection that the first has just
 * given back, if it is given back at all.
 */
export async function requireSessions(db: Database): Promise<void> {
  const session = await db.dedicated();
  try {
    const mark = 'kept';
    await session.query("SELECT set_config('posthorn.session', $1, false)", [mark]);
    const found = await db.transaction(async (other) => {
      await other.query('', 'SELECT 1');
      const { rows } = await session.query<{ kept: string | null }>(
        "SELECT current_setting('posthorn.session', true) AS kept",
      );
      return rows[0]?.kept;
    });
    const [[scans] = []] = await db.hot.query('', 'SHOW enable_seqscan');
    if (found === mark && scans === 'off') return;
  } finally {
    await session.end();
  }
  throw new StoreOpenError(
    'what answers is a connection pooler that does not keep sessions or their options (transaction mode): prepared statements and notifications would be lost; connect to the server itself, or use session mode',
  );
}
