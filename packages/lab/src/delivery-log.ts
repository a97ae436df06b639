import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { readLines } from 'posthorn/logs';
import type { NaiveLogLine } from './naive-sender.ts';
import type { Plan } from './plan.ts';
import type { Scenario } from './scenario.ts';
import { worldBegins } from './world-begins.ts';

const iso = (elapsed: number): string => new Date(worldBegins + elapsed).toISOString();

/** A line of the naive sender's delivery log, as services of its kind write them: JSON, in the order of `ts`. */
export function naiveLogLine(line: NaiveLogLine, plan: Plan, scenario: Scenario, prefix: string): string {
  const { payment, attempt, startedAt, endedAt, statusCode, error, status, nextRetryAt } = line;
  return JSON.stringify({
    ts: iso(endedAt),
    event_id: `evt_${prefix}${payment}`,
    payment_id: `pay_${prefix}${payment}`,
    endpoint: `https://${scenario.endpoints[0]!.name}.example.com/webhooks`,
    attempt,
    started_at: iso(startedAt),
    ended_at: iso(endedAt),
    status_code: statusCode,
    error,
    status,
    next_retry_at: nextRetryAt === null ? null : iso(nextRetryAt),
    amount_minor: plan.amounts[payment],
    currency: scenario.value.currency,
  });
}

async function* textsOf(path: string): AsyncGenerator<string> {
  for await (const lines of readLines(createReadStream(path)))
    for (const line of lines) {
      if ('fault' in line) throw new Error(`${path}: line ${line.number}: ${line.fault}`);
      yield line.text;
    }
}

/** Merges logs, each in the order of its `ts`, into one in that order. */
export async function mergeLogs(from: readonly string[], into: string): Promise<void> {
  const out = createWriteStream(into);
  const readers = from.map((path) => textsOf(path));
  // Every line begins {"ts":"2026-…Z": twenty-four characters from the seventh on.
  const timeOf = (line: string): string => line.slice(7, 31);
  const heads = await Promise.all(
    readers.map(async (reader) => (await reader.next()).value as string | undefined),
  );
  for (;;) {
    let first = -1;
    for (const [index, head] of heads.entries())
      if (head !== undefined && (first < 0 || timeOf(head) < timeOf(heads[first]!))) first = index;
    if (first < 0) break;
    if (!out.write(`${heads[first]!}\n`)) await once(out, 'drain');
    heads[first] = (await readers[first]!.next()).value as string | undefined;
  }
  out.end();
  await once(out, 'finish');
}
