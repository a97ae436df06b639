import { existsSync, readFileSync, statSync } from 'node:fs';
import { expect, vi } from 'vitest';
import { parse } from 'yaml';
import { runHere } from '../integration/run-here.ts';
import { apiKey, serve } from '../integration/serving.ts';

export interface Report {
  readonly tenants: number;
  readonly endpoints: number;
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
  readonly changed: readonly { readonly id: string; readonly reason: string }[];
}

/** Runs an import as it is documented: a dry run, which writes nothing, and then twice for the same file. */
export async function importTwice(
  args: readonly string[],
  file: string,
  variables: Readonly<Record<string, string>>,
): Promise<{ report: Report; document: { endpoints: Record<string, Record<string, unknown>> } }> {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const run = async (...more: readonly string[]): Promise<Report> => {
    const { code, out, err } = await runHere(...args, '--out', file, '--json', ...more);
    const report = JSON.parse(out) as Report;
    expect({ code, err }).toEqual({ code: report.skipped.length > 0 ? 1 : 0, err: '' });
    return report;
  };
  const dry = await run('--dry-run');
  expect(existsSync(file)).toBe(false);
  const report = await run();
  expect({ ...report, file: null }).toEqual(dry);
  const first = readFileSync(file, 'utf8');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await run();
  expect(readFileSync(file, 'utf8')).toBe(first);
  vi.unstubAllEnvs();
  return { report, document: parse(first) as never };
}

/** A server to which the file was applied; the second time nothing changes. */
export async function applied(file: string): Promise<Awaited<ReturnType<typeof serve>>> {
  const server = await serve();
  const remote = ['--url', server.url, '--api-key', apiKey];
  expect(await runHere('apply', '-f', file, ...remote)).toMatchObject({ code: 0 });
  const again = await runHere('apply', '-f', file, ...remote, '--json');
  expect(again.code).toBe(0);
  expect(again.out).not.toMatch(/"(create|update|created|updated)"/);
  return server;
}
