import type pg from 'pg';
import type { Hints } from '../store.ts';
import type { Database } from './database.ts';
import { holdFreeName, holdName } from './node-name.ts';
import { openingError } from './opening.ts';

export interface NodeSession extends Hints {
  /** Holds the name of this process's node from now on: the given one, or a free one made from the host's. */
  takeName(given: string | undefined, host: string): Promise<string>;
}

/**
 * LISTEN on a connection of its own. Notices only save waiting: a node that misses one, or all while the connection is
 * away, looks by itself at the next heartbeat. `look` tells when to: with every heartbeat of the engine. The connection
 * also holds the node's name.
 */
export function listen(db: Database): NodeSession {
  const due: ((endpointIds: readonly string[]) => void)[] = [];
  const changed: (() => void)[] = [];
  let client: pg.Client | null = null;
  let connecting = false;
  let stopped = false;
  let node: string | null = null;
  let isNameHeld = true;

  const connect = async (): Promise<pg.Client> => {
    const fresh = await db.dedicated();
    fresh.on('error', () => (client = null));
    fresh.on('end', () => (client = null));
    fresh.on('notification', ({ channel, payload }) => {
      if (channel === 'posthorn_due' && payload !== undefined)
        for (const fn of due) fn(payload === '' ? [] : payload.split(' '));
      else if (channel !== 'posthorn_due') for (const fn of changed) fn();
    });
    await fresh.query('LISTEN posthorn_due; LISTEN posthorn_config; LISTEN posthorn_nodes');
    if (stopped) await fresh.end();
    else client = fresh;
    return fresh;
  };
  const look = async (): Promise<void> => {
    if (connecting || stopped || (client !== null && isNameHeld)) return;
    connecting = true;
    try {
      const isNew = client === null;
      const session = client ?? (await connect());
      if (node !== null && (isNew || !isNameHeld)) isNameHeld = await holdName(session, node);
    } catch {
      // The database is away: the next look tries again.
    } finally {
      connecting = false;
    }
  };
  return {
    onDue: (fn) => due.push(fn),
    onConfig: (fn) => changed.push(fn),
    get isNameShared() {
      return !isNameHeld;
    },
    takeName: async (given, host) => {
      const session = await connect().catch((error: unknown) => {
        throw openingError(error, '');
      });
      if (given !== undefined) isNameHeld = await holdName(session, given);
      node = given ?? (await holdFreeName(session, host));
      return node;
    },
    look: () => void look(),
    stop: async () => {
      stopped = true;
      await client?.end().catch(() => {});
    },
  };
}
