import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command } from '../bundles.ts';
import { parse } from 'yaml';
import { dashboards } from '../../packages/posthorn/src/reliability/prometheus/dashboard.ts';
import { exportedFiles, ruleFile } from '../../packages/posthorn/src/reliability/prometheus/export.ts';
import { sloMetrics } from '../../packages/posthorn/src/reliability/prometheus/slo-rules.ts';
import { readSlos } from '../../packages/posthorn/src/cli/slo-file.ts';
import { sloFile } from '../../packages/posthorn/src/cli/slo-file.ts';
import { parsePromql } from '../prometheus/promql.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

const declared = fileURLToPath(new URL('../prometheus/posthorn.yaml', import.meta.url));

let server: Awaited<ReturnType<typeof serve>>;
let receiver: Awaited<ReturnType<typeof aReceiver>>;
let scraped = '';

/** Name → labels of every series that a scrape has; a histogram by the names of its series. */
function exposed(text: string): Map<string, Set<string>> {
  const series = new Map<string, Set<string>>();
  for (const line of text.split('\n')) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line);
    if (found === null) continue;
    const labels = series.get(found[1]!) ?? new Set<string>();
    for (const [, label] of (found[2] ?? '').matchAll(/(\w+)="/g)) labels.add(label!);
    series.set(found[1]!, labels);
  }
  return series;
}

beforeAll(async () => {
  server = await serve({ reconcileEveryS: 1, evaluateEveryS: 1 });
  receiver = await aReceiver();
  const { client } = server;
  await client.request('POST', '/v1/endpoints', { url: receiver.url });
  await client.request('POST', '/v1/endpoints', {
    url: 'http://127.0.0.1:1/',
    retry: { schedule_s: [] },
  });
  await client.request('POST', '/v1/events', { type: 'payment.succeeded', data: { n: 1 } });
  // The store is read at most every 15 seconds, so the test scrapes only after the data exists.
  await until('the dead letter is there', async () => {
    const { items } = await client.request<{ items: unknown[] }>('GET', '/v1/dead-letters');
    return items.length === 1;
  });
  await until('the ledger was checked and the rules were evaluated', async () => {
    scraped = await (await fetch(`${server.url}/metrics`)).text();
    return (
      /posthorn_deliveries\{[^}]*state="dead"\} 1/.test(scraped) &&
      /^posthorn_last_evaluation_timestamp_seconds \d/m.test(scraped)
    );
  });
});
afterAll(async () => {
  await server.stop();
  await receiver.close();
});

test('every metric and label that rules and dashboard speak of is exposed by a running server', () => {
  const series = exposed(scraped);
  // Objectives are evaluated every minute, so their series come later than this test waits; their names exist.
  for (const name of [...Object.values(sloMetrics), 'posthorn_slo_bad_total']) {
    expect(scraped).toMatch(new RegExp(`^# TYPE ${name} `, 'm'));
    series.set(name, new Set(name === 'posthorn_slo_bad_total' ? ['slo', 'fault_domain'] : ['slo']));
  }
  // Made by Prometheus itself.
  series.set('ALERTS', new Set(['alertname', 'alertstate', 'severity']));
  const rules = ruleFile(readSlos(declared), null).groups.flatMap((group) => group.rules);
  const recorded = new Set(rules.flatMap((rule) => ('record' in rule ? [rule.record] : [])));
  const queries = [
    ...rules.map(({ expr }) => expr),
    ...Object.values(dashboards()).flatMap(({ panels }) =>
      panels.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr)),
    ),
  ];
  const unknown = new Set<string>();
  for (const query of queries) {
    const { selectors, groupedBy } = parsePromql(query);
    const all = new Set(['instance', 'le']);
    for (const { metric, labels } of selectors) {
      if (recorded.has(metric)) for (const label of ['slo', 'endpoint_id', 'error_class']) all.add(label);
      const has = series.get(metric);
      if (has === undefined && !recorded.has(metric)) unknown.add(metric);
      for (const label of has ?? []) all.add(label);
      for (const label of labels)
        if (has !== undefined && !has.has(label)) unknown.add(`${metric}{${label}}`);
    }
    for (const label of groupedBy) if (!all.has(label)) unknown.add(`by (${label}) in ${query}`);
  }
  expect([...unknown]).toEqual([]);
});

test('the reference names every metric of our own, and no other', () => {
  const own = new Set([...scraped.matchAll(/^# TYPE (posthorn_\w+)/gm)].map(([, name]) => name!));
  const page = readFileSync('docs/reference/metrics.md', 'utf8');
  const documented = new Set([...page.matchAll(/^\| `(posthorn_\w+)/gm)].map(([, name]) => name!));
  expect([...documented].toSorted()).toEqual([...own].toSorted());
});

test('names follow the conventions, and no label has an id that grows without bound', () => {
  const kinds = new Map(
    [...scraped.matchAll(/^# TYPE (posthorn_\w+) (\w+)/gm)].map(([, name, kind]) => [name!, kind!]),
  );
  expect(kinds.size).toBeGreaterThan(25);
  for (const [name, kind] of kinds) {
    expect(name.endsWith('_total')).toBe(kind === 'counter');
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|percent)(_|$)/);
    if (kind === 'histogram') expect(name).toMatch(/_seconds$/);
  }
  const labels = new Set(
    [...exposed(scraped)].filter(([name]) => name.startsWith('posthorn_')).flatMap(([, all]) => [...all]),
  );
  expect([...labels].toSorted()).toEqual(
    [
      'endpoint_id',
      'error_class',
      'le',
      'node_version',
      'outcome',
      'severity',
      'state',
      'store',
      'tenant',
      'version',
    ].toSorted(),
  );
});

test('rules export writes the files, says what it wrote, and names faults by their lines', async () => {
  const out = tempDir();
  const faulty = join(out, 'faulty.yaml');
  writeFileSync(
    faulty,
    'teams: {}\nslos:\n  a:\n    objective: delivered_within\n    target: 1\n    producer: p\n    consumer: c\n  b:\n    objective: delivered\n    targett: 0.9\n  Bad: {}\n',
  );
  const run = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [command, 'rules', 'export', ...args],
        { cwd: out },
        (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), out: stdout, err: stderr }),
      );
    });
  const [made, printed, alone, refused] = await Promise.all([
    run('-f', declared, '--out', out, '--json'),
    run('-f', declared),
    run(),
    run('-f', faulty),
  ]);
  const written = JSON.parse(made.out) as { slos: string[]; alerts: number; written: string[] };
  expect(written).toMatchObject({ slos: ['payments', 'mails', 'ledger'] });
  expect(written.written.map((path) => path.slice(out.length))).toEqual([
    '/posthorn-rules.yaml',
    '/grafana/posthorn.json',
    '/grafana/posthorn-objectives.json',
    '/grafana/posthorn-tenants.json',
    '/grafana/provider.yaml',
  ]);
  const text = readFileSync(join(out, 'posthorn-rules.yaml'), 'utf8');
  expect(text.match(/- alert: /g)).toHaveLength(written.alerts);
  expect(printed.out).toBe(text);
  expect(alone).toMatchObject({ code: 0, err: expect.stringContaining('no objectives') as string });
  expect(alone.out).toContain('PosthornUnaccounted');
  expect(refused.code).toBe(2);
  expect(refused.err).toMatch(/faulty\.yaml:5: slos\.a\.target: must be at most 0.99999/);
  expect(refused.err).toMatch(/faulty\.yaml:11: slos\.Bad: /);
  expect(refused.err).toMatch(/faulty\.yaml:9: slos\.b\.objective/);
  expect(refused.err).toMatch(/faulty\.yaml:10: slos\.b\.targett/);
});

test('slo export and slo import: out and in again', async () => {
  const run = (args: readonly string[], input = ''): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const child = execFile(process.execPath, [command, 'slo', ...args], (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), out: stdout, err: stderr }),
      );
      // A command that reads nothing may be over before this is written.
      child.stdin!.on('error', () => {});
      child.stdin!.end(input);
    });
  const exported = await run(['export', '-f', declared]);
  expect(exported).toMatchObject({ code: 0, err: '' });
  const foreign = exported.out.replace(
    'kind: SLO\nmetadata:\n',
    'kind: SLO\nmetadata:\n  displayName: Payments\n',
  );
  const [again, noted, refused] = await Promise.all([
    run(['import', '-', '--json'], exported.out),
    run(['import', '-'], foreign),
    run(['import', '-'], exported.out.replace('openslo/v1', 'openslo/v2')),
  ]);
  const { slos } = sloFile.parse(parse(readFileSync(declared, 'utf8')));
  expect(JSON.parse(again.out)).toEqual({ slos, notes: [] });
  expect(noted).toMatchObject({ code: 0, err: 'SLO payments: metadata.displayName is not kept\n' });
  expect(parse(noted.out)).toEqual({ slos });
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('Use openslo/v1') as string });
});

// The parser's verdict above does not need it; where Prometheus is installed it is asked as well.
const promtool = spawnSync('promtool', ['--version']).error === undefined;
test.runIf(promtool)('promtool takes the rules', () => {
  const path = join(tempDir(), 'posthorn-rules.yaml');
  writeFileSync(path, exportedFiles(readSlos(declared))[0].text);
  expect(execFileSync('promtool', ['check', 'rules', path], { encoding: 'utf8' })).toContain('SUCCESS');
});

test('G9: with a metrics key, /metrics takes that key or the admin key, and the key opens nothing else', async () => {
  const metricsKey = 'scrape_0123456789abcdef';
  const closed = await serve({ metricsKey });
  const status = async (path: string, key?: string): Promise<number> =>
    (
      await fetch(
        `${closed.url}${path}`,
        key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } },
      )
    ).status;
  expect(await status('/metrics')).toBe(401);
  expect(await status('/metrics', 'phk_wrong_0123456789abcdef')).toBe(401);
  expect(await status('/metrics', metricsKey)).toBe(200);
  expect(await status('/metrics', apiKey)).toBe(200);
  expect(await status('/v1/endpoints', metricsKey)).toBe(401);
  expect(await status('/healthz')).toBe(200);
  await closed.stop();
});
