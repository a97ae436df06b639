import type pg from 'pg';
import type { Hints } from '../store.ts';
import type { Database } from './database.ts';

/**
 * LISTEN on a connection of its own. Notices only save waiting: a node that misses one, or all while the connection is
 * away, looks by itself at the next heartbeat. `look` tells when to: with every heartbeat of the engine.
 */
export function listen(db: Database): Hints {
  const due: ((endpointIds: readonly string[]) => void)[] = [];
  const changed: (() => void)[] = [];
  let client: pg.Client | null = null;
  let connecting = false;
  let stopped = false;

  const connect = async (): Promise<void> => {
    if (client !== null || connecting || stopped) return;
    connecting = true;
    try {
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
    } catch {
      // The database is away: the next look tries again.
    } finally {
      connecting = false;
    }
  };
  return {
    onDue: (fn) => due.push(fn),
    onConfig: (fn) => changed.push(fn),
    look: () => void connect(),
    stop: async () => {
      stopped = true;
      await client?.end().catch(() => {});
    },
  };
}
