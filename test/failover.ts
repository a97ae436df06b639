import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import {
  ask,
  copy,
  createDatabaseAt,
  makeCluster,
  prepareGround,
  type Server,
  serverOn,
} from './postgres.ts';
import { until } from './support.ts';

// A primary and its synchronous standby, both real: streaming replication between two servers of the tests' own.

export interface Pair {
  /** A fresh database; the URL names both servers. */
  createDatabase(): Promise<string>;
  /** SIGKILL to every process of the primary. */
  kill(): Promise<void>;
  /** Starts the killed primary again, as it was. */
  restart(): Promise<void>;
  /** Makes the standby the primary, without one of its own; resolves when it takes writes. */
  promote(): Promise<void>;
  /** Starts the former primary as it was: a second one that takes writes. */
  startFormer(): Promise<void>;
  /** Makes the former primary the synchronous standby of the new one. */
  rejoin(): Promise<void>;
  stop(): Promise<void>;
}

/** A base backup: `save` copies the files; returns the label that belongs beside them. */
async function backUp(url: string, save: () => Promise<void>): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: versions } = await client.query<{ number: number }>(
      "SELECT current_setting('server_version_num')::int AS number",
    );
    const isRenamed = versions[0]!.number >= 150_000;
    await client.query(
      isRenamed ? "SELECT pg_backup_start('rejoin', true)" : "SELECT pg_start_backup('rejoin', true, false)",
    );
    await save();
    const { rows } = await client.query<{ labelfile: string }>(
      `SELECT labelfile FROM ${isRenamed ? 'pg_backup_stop' : 'pg_stop_backup'}(false)`,
    );
    return rows[0]!.labelfile;
  } finally {
    await client.end();
  }
}

export async function startPair(): Promise<Pair> {
  const ground = await prepareGround();
  const dataOf = (name: string): string => join(ground.home, name);
  const settings = ['fsync=off', 'wal_keep_size=1GB', 'wal_level=replica', 'hot_standby=on'];
  await makeCluster(ground, dataOf('one'));
  await copy(dataOf('one'), dataOf('two'), ground.as);
  const servers = {
    one: await serverOn(ground, dataOf('one'), settings),
    two: await serverOn(ground, dataOf('two'), settings),
  };
  /** As the user of the servers, who opens some of them to write. */
  const write = (path: string, text: string): void => {
    writeFileSync(path, text);
    if (ground.as.uid !== undefined) chownSync(path, ground.as.uid, ground.as.gid!);
  };
  let primary: keyof typeof servers = 'one';
  const other = (): keyof typeof servers => (primary === 'one' ? 'two' : 'one');

  /** From now on, commits wait for the standby. */
  const synchronize = async (): Promise<void> => {
    const { url } = servers[primary];
    await ask(url, "ALTER SYSTEM SET synchronous_standby_names = '*'", 'SELECT pg_reload_conf()');
    await until('the standby is synchronous', async () => {
      const rows = await ask(
        url,
        "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND current_setting('synchronous_standby_names') = '*'",
      );
      return rows.length > 0;
    });
  };
  const follow = async (standby: Server, data: string): Promise<void> => {
    const { port } = servers[primary];
    write(join(data, 'standby.signal'), '');
    write(
      join(data, 'postgresql.auto.conf'),
      `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres'\n`,
    );
    await standby.start();
    await until('the standby streams', async () => {
      const rows = await ask(
        servers[primary].url,
        "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'",
      );
      return rows.length > 0;
    });
  };
  await servers.one.start();
  await follow(servers.two, dataOf('two'));
  await synchronize();

  return {
    createDatabase: async () => {
      const url = new URL(await createDatabaseAt(servers[primary].url));
      const hosts = `127.0.0.1:${servers.one.port},127.0.0.1:${servers.two.port}`;
      return `postgres://postgres@${hosts}${url.pathname}?target_session_attrs=read-write`;
    },
    kill: () => servers[primary].signal('SIGKILL'),
    restart: () => servers[primary].start(),
    promote: async () => {
      primary = other();
      await ask(servers[primary].url, 'SELECT pg_promote(true, 60)');
    },
    startFormer: () => servers[other()].start(),
    rejoin: async () => {
      const name = other();
      await servers[name].signal('SIGKILL');
      const data = dataOf(name);
      rmSync(data, { recursive: true, force: true });
      // Files that vanish meanwhile are not a fault of a base backup; what they held is in the log.
      const label = await backUp(servers[primary].url, () =>
        copy(dataOf(primary), data, ground.as).catch(() => {}),
      );
      write(join(data, 'backup_label'), label);
      rmSync(join(data, 'postmaster.pid'), { force: true });
      await follow(servers[name], data);
      await synchronize();
    },
    stop: async () => {
      for (const server of Object.values(servers)) await server.signal('SIGKILL');
      rmSync(ground.home, { recursive: true, force: true });
    },
  };
}
