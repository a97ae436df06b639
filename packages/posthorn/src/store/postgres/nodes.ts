import { isLeap } from '../leap.ts';
import type { Heartbeat, NodeRecord } from '../store.ts';
import type { Database } from './database.ts';
import { postgresNow } from '../common/time.ts';

/** A node that has not been heard of for so long is dead, by the database's clock alone. */
const deadAfterMs = 8000;

/** When the last heartbeat of each node of this process was, by the database's clock. */
export type LastHeartbeats = Map<string, number>;

export async function heartbeat(
  db: Database,
  last: LastHeartbeats,
  node: string,
  sinceMs: number | null,
): Promise<Heartbeat> {
  const [row] = await db.query(
    'node_beat',
    `INSERT INTO posthorn.nodes (node, started_at, beat_at) VALUES ($1, ${postgresNow}, ${postgresNow})
     ON CONFLICT (node) DO UPDATE SET beat_at = excluded.beat_at,
       started_at = CASE WHEN $2 THEN excluded.started_at ELSE nodes.started_at END
     RETURNING beat_at`,
    [node, sinceMs === null],
  );
  const now = row![0] as number;
  const before = last.get(node);
  last.set(node, now);
  // After a leap of the clock every heartbeat looks old, and after a step back those of the dead look young: all begin anew.
  if (before !== undefined && isLeap(now - before, sinceMs))
    await db.query('node_begin_anew', 'UPDATE posthorn.nodes SET beat_at = $1 WHERE beat_at < $1', [now]);
  await db.query('node_not_ahead', 'UPDATE posthorn.nodes SET beat_at = $1 WHERE beat_at > $1 + $2::bigint', [
    now,
    deadAfterMs,
  ]);
  // The node that removes a dead node's row has to give its claims back: exactly one does.
  const dead = await db.query('node_reap', 'DELETE FROM posthorn.nodes WHERE beat_at < $1 RETURNING node', [
    now - deadAfterMs,
  ]);
  const rows = await db.query(
    'node_living',
    'SELECT n.node, c.version FROM posthorn.config c LEFT JOIN posthorn.nodes n ON true ORDER BY n.node COLLATE "C"',
  );
  return {
    now,
    nodes: rows.flatMap(([living]) => (living === null ? [] : [living as string])),
    dead: dead.map(([name]) => name as string),
    configVersion: rows[0]![1] as number,
  };
}

export async function leave(db: Database, node: string): Promise<void> {
  await db.query('node_leave', 'DELETE FROM posthorn.nodes WHERE node = $1', [node]);
  await db.query('node_notify', "SELECT pg_notify('posthorn_nodes', '')");
}

export async function readNodes(db: Database): Promise<NodeRecord[]> {
  const rows = await db.query(
    'nodes',
    'SELECT node, started_at, beat_at FROM posthorn.nodes ORDER BY node COLLATE "C"',
  );
  return rows.map(([node, startedAt, heartbeatAt]) => ({
    node: node as string,
    startedAt: startedAt as number,
    heartbeatAt: heartbeatAt as number,
  }));
}
