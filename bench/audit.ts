import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';

// How long the audit of a large log takes, and in how much memory: `npm run bench:audit -- --attempts 10000000 [--wrapped]`. Beside it stands
// what counting the same file's lines and ids takes in plain DuckDB, in the same run.

const { values } = parseArgs({
  options: {
    attempts: { type: 'string', default: '1000000' },
    /** A log of one's own instead of a generated one. */
    log: { type: 'string' },
    /** Each line as a container runtime (json-file) writes it. */
    wrapped: { type: 'boolean', default: false },
    memory: { type: 'string', default: '1100' },
    json: { type: 'boolean', default: false },
    count: { type: 'string' },
  },
});
const attempts = Number(values.attempts);
if (!Number.isInteger(attempts) || attempts < 1000) throw new Error('--attempts takes a number from 1000 on');

/** What a process took. */
interface Usage {
  readonly seconds: number;
  /** user + sys */
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** Attempts every 60 ms; one in forty fails, and of these one in ten is never tried again. */
async function generate(path: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const at = (ms: string): string =>
    `strftime(make_timestamp(1767225600000000 + (${ms}) * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')`;
  await connection.run(`copy (
    select ${at('i * 60 + 200')} as ts, 'evt_' || event as event_id, 'pay_' || event as payment_id,
      'https://orders.example.com/webhooks' as endpoint, if(retry, 2, 1) as attempt, ${at('i * 60')} as started_at, ${at('i * 60 + 200')} as ended_at,
      if(fails, 503, 200) as status_code, null as error, if(fails, 'retrying', 'delivered') as status,
      if(fails, ${at('i * 60 + 260')}, null) as next_retry_at, (hash(i) % 100000)::int as amount_minor, 'USD' as currency
    from (select i, i % 40 = 39 as fails, i % 40 = 0 as retry, if(i % 40 = 0, i - 1, i) as event from range(1, ${attempts} + 1) t(i))
    where not (retry and hash(i) % 10 = 0)) to '${path}' (format json)`);
  if (values.wrapped) {
    const bare = `${path}.bare`;
    renameSync(path, bare);
    await connection.run(`copy (
      select line || chr(10) as log, 'stdout' as stream, '2026-01-01T00:00:00.000000000Z' as time
      from read_csv('${bare}', columns={line: 'VARCHAR'}, header=false, delim=chr(1), quote='', escape='')) to '${path}' (format json)`);
    rmSync(bare);
  }
  connection.closeSync();
  instance.closeSync();
}

/** The plain query, in a process of its own. */
async function count(path: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${values.memory}MiB`,
    temp_directory: join(directory, 'count'),
  });
  const connection = await instance.connect();
  await connection.runAndReadAll(
    `select count(*), count(distinct ${values.wrapped ? 'log' : 'event_id'}) from read_json('${path.replaceAll("'", "''")}', format='newline_delimited', columns={${values.wrapped ? 'log' : 'event_id'}: 'VARCHAR'})`,
  );
  connection.closeSync();
  instance.closeSync();
}

/** Runs a command of Node and asks it, at its end, what it took. */
async function measure(args: readonly string[]): Promise<Usage> {
  const usage = join(directory, 'usage.json');
  const ask = `import { writeFileSync } from 'node:fs'; process.on('exit', () => writeFileSync(${JSON.stringify(usage)}, JSON.stringify(process.resourceUsage())))`;
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(ask)}`, ...args],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  // 1 says that something was found.
  if (code !== 0 && code !== 1) throw new Error(`${args.join(' ')} ended with ${code}`);
  const seconds = (performance.now() - begun) / 1000;
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(
    readFileSync(usage, 'utf8'),
  ) as NodeJS.ResourceUsage;
  return { seconds, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMb: (maxRSS * 1024) / 1e6 };
}

const directory = mkdtempSync(join(tmpdir(), 'posthorn-bench-audit-'));
try {
  if (values.count !== undefined) await count(values.count);
  else {
    const path = values.log ?? join(directory, 'attempts.jsonl');
    if (values.log === undefined) {
      note(`writing a log of ${attempts.toLocaleString('en-US')} attempts`);
      await generate(path);
    }
    const bytes = statSync(path).size;
    const loadBefore = loadavg()[0]!;
    const plain = await measure([
      import.meta.filename,
      '--count',
      path,
      '--memory',
      values.memory,
      ...(values.wrapped ? ['--wrapped'] : []),
    ]);
    const whole = await measure([
      join(import.meta.dirname, '../bin/posthorn.js'),
      'audit',
      path,
      '--json',
      '--memory',
      values.memory,
    ]);
    const result = { attempts, bytes, cores: availableParallelism(), loadBefore, plain, audit: whole };
    const row = (what: string, one: Usage): string =>
      `| ${what} | ${one.seconds.toFixed(1)} s | ${one.cpuSeconds.toFixed(1)} s | ${Math.round(one.peakMb).toLocaleString('en-US')} MB |`;
    process.stdout.write(
      values.json
        ? `${JSON.stringify(result)}\n`
        : `${(bytes / 1e9).toFixed(2)} GB, ${result.cores} cores, load ${loadBefore.toFixed(1)} before

| | wall | user + sys | peak memory |
|---|---|---|---|
${row('DuckDB: count(*), count(distinct event_id)', plain)}
${row('posthorn audit', whole)}
`,
    );
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
