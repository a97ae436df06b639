import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { freePort } from '../packages/posthorn/src/cli/demo/receivers.ts';
import { kill, startServer } from '../packages/posthorn/src/cli/demo/server-process.ts';
import { table } from '../packages/posthorn/src/cli/output.ts';
import { buildDashboard } from '../scripts/dashboard.ts';
import { startChromium } from '../test/browser/chromium.ts';
import { createWireClient, type WireClient } from '../test/wire-client.ts';
import { endpointId, writeHistory } from './payment-history.ts';

// `npm run bench:readings [-- --deliveries 10000000] [-- --data-dir DIR]`: how long each call of the API takes that a page of the
// dashboard makes, with so many deliveries stored. Every page is opened in Chromium, and what it asks for is asked for again, alone.
// A data directory that is named is kept, and not filled again.

const { values } = parseArgs({
  options: {
    deliveries: { type: 'string', default: '10000000' },
    'data-dir': { type: 'string' },
    rounds: { type: 'string', default: '7' },
  },
});
const apiKey = 'phk_bench_0123456789abcdef';
const rounds = Number(values.rounds);
/** What no filter of a page asks for by itself, but people do. */
const searches = [
  '/v1/deliveries?status_code=418&limit=100',
  '/v1/deliveries?ordering_key=none&limit=100',
  '/v1/deliveries?min_value=99999999&limit=100',
  '/v1/deliveries?owner=team-3&state=dead&late=false&limit=100',
  '/v1/deliveries?state=delivered&late=true&limit=100',
  '/v1/events?unmatched=true&limit=100',
  '/v1/search?q=nothing-like-this',
  '/v1/search?q=receiver-42',
  '/v1/series?measure=counts&by=event_type&step=hour&since={7d}',
  '/v1/series?measure=failures&by=endpoint&since={7d}',
  '/v1/series?measure=latency&by=none&step=hour&since={1d}',
  '/v1/slos?include=status',
  '/v1/endpoints?include=health&limit=200',
  `/v1/redrives?limit=100`,
  ...['endpoint', 'event_type', 'owner', 'tenant', 'hour', 'day'].map(
    (by) => `/v1/accounting?by=${by}&since={7d}`,
  ),
];

const note = (text: string): void => void process.stderr.write(`${text}\n`);
const agoIso = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();

/** A page's path with something in it that is there. */
async function pathsOf(client: WireClient): Promise<string[]> {
  const get = async (path: string) =>
    (
      await client.request<{ items: readonly { id: string; event_id: string; tenant: string }[] }>(
        'GET',
        path,
      )
    ).items[0];
  const delivery = (await get('/v1/deliveries?state=dead&limit=1'))!;
  const known: Readonly<Record<string, string>> = {
    $delivery: delivery.id,
    $tenant: delivery.tenant,
    $id: delivery.event_id,
    $endpoint: endpointId(0),
    $objective: 'type-0-in-time',
    $team: 'team-0',
    $redrive: '',
    $replay: '',
  };
  const table = readFileSync(new URL('../packages/dashboard/src/pages.ts', import.meta.url), 'utf8');
  return [...table.matchAll(/path: '([^']+)'/g)]
    .map(([, path]) => path!.replaceAll(/\$\w+/g, (name) => known[name]!))
    .filter((path) => !path.endsWith('/') || path === '/')
    .concat(
      '/?last=30d',
      '/deliveries?state=dead&last=7d',
      '/deliveries?last=30d',
      '/dead-letters?last=30d',
      `/missed?endpoint_id=${endpointId(5)}&by=ours&last=7d`,
    );
}

/** Opens each page, and answers with what it asked for. */
async function askedBy(
  browser: Browser,
  url: string,
  paths: readonly string[],
): Promise<Map<string, string>> {
  const context = await browser.newContext({
    baseURL: url,
    locale: 'en-US',
    viewport: { width: 1280, height: 900 },
  });
  await context.request.post('/v1/sessions', { data: { key: apiKey } });
  const asked = new Map<string, string>();
  for (const path of paths) {
    const page = await context.newPage();
    page.on('request', (request) => {
      const { pathname, search } = new URL(request.url());
      if (request.method() !== 'GET' || !pathname.startsWith('/v1/') || pathname === '/v1/stream') return;
      if (!asked.has(pathname + search)) asked.set(pathname + search, path);
    });
    await page.goto(path);
    note(path);
    await page.locator('main').first().waitFor({ timeout: 60_000 });
    // The stream stays open, so what is quiet is the rest.
    for (let before = -1; before !== asked.size;) {
      before = asked.size;
      await page.waitForTimeout(1500);
    }
    await page.close();
  }
  await context.close();
  return asked;
}

interface Measured {
  readonly median: number;
  readonly worst: number;
  readonly bytes: number;
  readonly isPart: boolean;
  readonly status: number;
}

async function measure(url: string, path: string): Promise<Measured> {
  const times: number[] = [];
  let [bytes, status, isPart] = [0, 0, false];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    const response = await fetch(url + path, {
      headers: { authorization: `Bearer ${apiKey}`, connection: 'close' },
    });
    const text = await response.text();
    times.push(performance.now() - began);
    [bytes, status, isPart] = [text.length, response.status, /"searched_to":"/.test(text)];
  }
  times.sort((a, b) => a - b);
  return { median: times[Math.floor(rounds / 2)]!, worst: times.at(-1)!, bytes, isPart, status };
}

const dataDir = values['data-dir'] ?? mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
try {
  mkdirSync(dataDir, { recursive: true });
  if (!existsSync(join(dataDir, 'posthorn.db'))) {
    await writeHistory(dataDir, Number(values.deliveries), Date.now());
    note('The history is written');
  }
  await buildDashboard();
  const port = await freePort();
  const server = await startServer({ port, dataDir, apiKey });
  const url = `http://127.0.0.1:${port}`;
  const client = createWireClient(url, apiKey);
  const browser = await startChromium();
  try {
    const asked = await askedBy(browser, url, await pathsOf(client));
    await browser.close();
    for (const path of searches)
      asked.set(
        path.replaceAll(/\{(\d+)d\}/g, (_, days: string) => agoIso(Number(days))),
        '',
      );
    const rows: string[][] = [];
    for (const [path, page] of asked) {
      const { median, worst, bytes, isPart, status } = await measure(url, path);
      rows.push([
        median.toFixed(0),
        worst.toFixed(0),
        `${(bytes / 1000).toFixed(0)} kB`,
        isPart ? 'part' : status === 200 ? '' : String(status),
        path.slice(0, 150),
        page,
      ]);
    }
    rows.sort((a, b) => Number(b[0]) - Number(a[0]));
    process.stdout.write(table(['median ms', 'worst', 'answer', '', 'call', 'first asked by'], rows));
  } finally {
    await browser.close();
    await kill(server, 'SIGTERM');
  }
} finally {
  if (values['data-dir'] === undefined) rmSync(dataDir, { recursive: true, force: true });
}
