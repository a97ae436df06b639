import type { Beat, NodeRecord } from '../store.ts';
import type { Database } from './database.ts';

/** A node that has not been heard of for so long is dead; judged by the database's clock alone. */
const deadAfterMs = 8000;
const databaseNow = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

export async function beat(db: Database, node: string): Promise<Beat> {
  const [row] = await db.query(
    'node_beat',
    `INSERT INTO posthorn.nodes (node, started_at, beat_at) VALUES ($1, ${databaseNow}, ${databaseNow})
     ON CONFLICT (node) DO UPDATE SET beat_at = excluded.beat_at RETURNING beat_at`,
    [node],
  );
  const now = row![0] as number;
  // Whoever removes a dead node's row has to give its claims back: exactly one does.
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
  return rows.map(([node, startedAt, beatAt]) => ({
    node: node as string,
    startedAt: startedAt as number,
    beatAt: beatAt as number,
  }));
}
