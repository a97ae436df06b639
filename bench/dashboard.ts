import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BrowserContext, Page } from 'playwright-core';
import { freePort } from '../packages/posthorn/src/cli/demo/receivers.ts';
import { kill, startServer } from '../packages/posthorn/src/cli/demo/server-process.ts';
import { table } from '../packages/posthorn/src/cli/output.ts';
import { buildDashboard } from '../scripts/dashboard.ts';
import { startChromium } from '../test/browser/chromium.ts';
import { createWireClient } from '../test/wire-client.ts';
import { endpointId, writeHistory } from './payment-history.ts';
import { startSink } from './sink-process.ts';

// What the dashboard costs: `npm run bench:dashboard [-- readers|inputs|memory …] [--rounds 3] [--seconds 20] [--minutes 10]`.
// readers: the server's processor time at 1,000 events a second, without and with the streams of 200 browsers in turn.
// inputs: how long after an input each page draws. memory: the heap of open pages while everything changes.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '20' },
    minutes: { type: 'string', default: '10' },
    deliveries: { type: 'string', default: '100000' },
    'data-dir': { type: 'string' },
  },
});
const apiKey = 'phk_bench_0123456789abcdef';
const browsers = 200;
const perS = 1000;
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const note = (text: string): void => void process.stderr.write(`${text}\n`);
const seconds = (s: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, s * 1000));

const dataDir = values['data-dir'] ?? mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
mkdirSync(dataDir, { recursive: true });
if (!existsSync(join(dataDir, 'posthorn.db')))
  await writeHistory(dataDir, Number(values.deliveries), Date.now());
await buildDashboard();
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const server = await startServer({ port, dataDir, apiKey });
const client = createWireClient(url, apiKey);
const sink = await startSink();
const { id: endpoint } = await client.request<{ id: string }>('POST', '/v1/endpoints', {
  tenant: 'bench',
  url: `http://127.0.0.1:${sink.port}/`,
});

/** Publishes at a steady rate, until it is ended. */
function publish(rate: number): () => void {
  const args = [url, apiKey, 1e9, 1, 8, rate, 'bench'].map(String);
  const child = spawn(process.execPath, [here('./publisher.ts'), ...args], { stdio: 'ignore' });
  return () => child.kill('SIGKILL');
}

/** Processor seconds of the server so far. */
async function spent(): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)![1]);
}

/** The streams of so many browsers, half of them on Now, half on an endpoint; ended by what is returned. */
async function openStreams(count: number): Promise<() => void> {
  const end = new AbortController();
  const streams = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      fetch(`${url}/v1/stream?topics=alerts,${n % 2 === 0 ? 'now' : `endpoint:${endpoint}`}`, {
        headers: { authorization: `Bearer ${apiKey}` },
        signal: end.signal,
      }),
    ),
  );
  for (const { body } of streams)
    void (async () => {
      for await (const _ of body!);
    })().catch(() => {});
  return () => end.abort();
}

async function readers(): Promise<void> {
  const measure = async (count: number): Promise<number> => {
    const close = await openStreams(count);
    const stop = publish(perS);
    await seconds(3);
    const before = await spent();
    await seconds(Number(values.seconds));
    const used = (await spent()) - before;
    stop();
    close();
    return (used / Number(values.seconds) / perS) * 1e6;
  };
  const rows: string[][] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const [none, many] = [await measure(0), await measure(browsers)];
    rows.push([none.toFixed(1), many.toFixed(1), `${((many / none - 1) * 100).toFixed(1)}%`]);
  }
  process.stdout.write(table(['µs an event', `with ${browsers} browsers`, 'more'], rows));
}

async function openContext(): Promise<{ readonly context: BrowserContext; close(): Promise<void> }> {
  const browser = await startChromium();
  const context = await browser.newContext({
    baseURL: url,
    locale: 'en-US',
    viewport: { width: 1280, height: 900 },
  });
  await context.request.post('/v1/sessions', { data: { key: apiKey } });
  return { context, close: () => browser.close() };
}

/** What people do on a page, by keys. */
const inputsOf: Readonly<Record<string, readonly string[]>> = {
  '/': ['Tab', 'Tab', 'Tab', 'Enter', 'Control+k', 'e', 'v', 't', 'Escape'],
  '/deliveries?last=30d': ['j', 'j', 'k', 'j', 'Enter', 'j', 'Escape', 'f', 'Escape', 'Tab', ' '],
  '/dead-letters?last=30d': ['j', 'j', 'k', 'Tab', 'Tab', 'Enter', 'Escape'],
  '/endpoints': ['Tab', 'r', 'e', 'c', 'Enter'],
  [`/endpoints/${endpointId(0)}`]: ['Tab', 'Tab', 'Enter', 'Escape'],
  '/objectives/type-0-in-time': ['Tab', 'Tab', 'Tab', 'ArrowRight', 'ArrowLeft'],
  '/impact': ['Tab', 'Tab', 'Enter'],
};

/** In the page: the durations, in ms, of inputs that took 16 ms or more. */
const observeInteractions = `
  globalThis.interactions = [];
  new PerformanceObserver((list) => {
    for (const { interactionId, duration } of list.getEntries()) if (interactionId > 0) interactions.push(duration);
  }).observe({ type: 'event', durationThreshold: 16 });`;

async function inputs(): Promise<void> {
  const { context, close } = await openContext();
  const stop = publish(50);
  const rows: string[][] = [];
  for (const [path, keys] of Object.entries(inputsOf)) {
    const page = await context.newPage();
    await page.goto(path);
    await page.locator('main').first().waitFor();
    await page.waitForTimeout(2000);
    await page.evaluate(observeInteractions);
    const all: { key: string; took: number }[] = [];
    for (let round = 0; round < Number(values.rounds); round++)
      for (const key of keys) {
        await page.keyboard.press(key);
        await page.waitForTimeout(300);
        // A key that leads to another page ends what is observed there only if the document is another one.
        for (const took of await page.evaluate<number[]>('interactions.splice(0)')) all.push({ key, took });
      }
    const sorted = all.toSorted((a, b) => a.took - b.took);
    const pressed = keys.length * Number(values.rounds);
    // An input that took less than 16 ms is not reported.
    const at = (q: number): string =>
      (sorted.at(-Math.max(1, Math.ceil((1 - q) * pressed)))?.took ?? 16).toFixed(0);
    const worst = sorted.at(-1) ?? { key: '', took: 16 };
    rows.push([path, String(pressed), at(0.75), at(0.98), worst.took.toFixed(0), worst.key]);
    note(
      sorted
        .slice(-8)
        .map(({ key, took }) => `${key} ${took}`)
        .join(', '),
    );
    await page.close();
  }
  stop();
  await close();
  process.stdout.write(table(['page', 'inputs', 'p75, ms', 'p98', 'worst', 'by'], rows));
}

async function memory(): Promise<void> {
  const { context, close } = await openContext();
  const stop = publish(50);
  const pages: (readonly [string, Page])[] = [];
  for (const path of ['/', '/deliveries?last=1h', `/endpoints/${endpoint}`]) {
    const page = await context.newPage();
    await page.goto(path);
    await page.locator('main').first().waitFor();
    pages.push([path, page]);
  }
  const heaps = async (): Promise<number[]> => {
    const sizes: number[] = [];
    for (const [, page] of pages) {
      const session = await context.newCDPSession(page);
      await session.send('HeapProfiler.collectGarbage');
      const { usedSize } = await session.send('Runtime.getHeapUsage');
      await session.detach();
      sizes.push(usedSize / 1e6);
    }
    return sizes;
  };
  const rows: string[][] = [];
  for (let minute = 0; minute <= Number(values.minutes); minute++) {
    rows.push([String(minute), ...(await heaps()).map((size) => size.toFixed(1))]);
    note(rows.at(-1)!.join(' '));
    if (minute < Number(values.minutes)) await seconds(60);
  }
  stop();
  await close();
  process.stdout.write(table(['minute', ...pages.map(([path]) => `${path}, MB`)], rows));
}

const parts: Readonly<Record<string, () => Promise<void>>> = { readers, inputs, memory };
try {
  for (const name of positionals.length === 0 ? Object.keys(parts) : positionals) {
    if (parts[name] === undefined)
      throw new Error(`Unknown part ${name}: use ${Object.keys(parts).join(', ')}.`);
    await parts[name]();
  }
} finally {
  sink.process.kill();
  await kill(server, 'SIGTERM');
  if (values['data-dir'] === undefined) rmSync(dataDir, { recursive: true, force: true });
}
