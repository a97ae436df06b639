import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempDir } from '../support.ts';
import { apiKey, serve } from './serving.ts';

// docs/start/publishing.md, word for word but for the id: each language publishes its event twice, which is accepted once.

const page = readFileSync(join(import.meta.dirname, '../../docs/start/publishing.md'), 'utf8');
const run = promisify(execFile);

interface Language {
  readonly heading: string;
  readonly block: string;
  readonly file: string;
  /** Succeeds where it is on the machine. */
  readonly probe: readonly string[];
  readonly command: (file: string) => readonly string[];
}

const languages: readonly Language[] = [
  {
    heading: 'curl',
    block: 'sh',
    file: 'publish.sh',
    probe: ['curl', '--version'],
    command: (file) => ['sh', file],
  },
  {
    heading: 'Node, Bun, Deno',
    block: 'ts',
    file: 'publish.ts',
    probe: [process.execPath, '--version'],
    command: (file) => [process.execPath, '--import', join(import.meta.dirname, '../../bin/source.js'), file],
  },
  {
    heading: 'Python',
    block: 'python',
    file: 'publish.py',
    probe: ['python3', '--version'],
    command: (file) => ['python3', file],
  },
  {
    heading: 'Go',
    block: 'go',
    file: 'main.go',
    probe: ['go', 'version'],
    command: (file) => ['go', 'run', file],
  },
];

/** The last block of a language below a heading. */
function codeOf({ heading, block }: Language): string {
  const section = page.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  return section.split(`\n\`\`\`${block}\n`).at(-1)!.split('\n```')[0]!;
}

let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  server = await serve();
  await server.client.request('POST', '/v1/endpoints', {
    url: 'https://shop.example/hook',
    event_types: ['payment.*'],
  });
});
afterAll(() => server.stop());

test.for(languages)('$heading', async (language, context) => {
  const [probe, ...rest] = language.probe as [string, ...string[]];
  if (spawnSync(probe, rest).status !== 0) return context.skip(`${probe} is not on this machine`);
  const id = `pay_17-${language.block}`;
  const file = join(tempDir(), language.file);
  writeFileSync(file, codeOf(language).replaceAll('pay_17-succeeded', id));
  const [command, ...args] = language.command(file) as [string, ...string[]];
  const env = { ...process.env, POSTHORN_URL: server.url, POSTHORN_API_KEY: apiKey };
  for (let time = 0; time < 2; time++) {
    const { stdout } = await run(command, args, { env });
    expect(stdout).toContain(id);
    expect(stdout).toMatch(/(?:^|\D)1(?:\D|$)/);
  }
  const { deliveries } = await server.client.request<{ deliveries: readonly unknown[] }>(
    'GET',
    `/v1/events/${id}`,
  );
  expect(deliveries).toHaveLength(1);
});
