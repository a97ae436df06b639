import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { audit } from '../../packages/audit/src/audit.ts';
import { AuditError } from '../../packages/audit/src/errors.ts';
import type { AuditResult, QualityProblem } from '../../packages/audit/src/result.ts';
import { hashText } from '../../packages/posthorn/src/runtime/seeded-random.ts';

// Each reason for which the audit says "cannot tell", and beside it a log that looks alike and can tell: a gate that refuses what is
// complete is as useless as one that lets everything through.

const directory = mkdtempSync(join(tmpdir(), 'posthorn-quality-'));
afterAll(() => rmSync(directory, { recursive: true }));

interface Line {
  readonly ts: string;
  readonly event_id: string;
  readonly endpoint: string;
  readonly attempt: number;
  readonly status_code: number;
  readonly worker: string;
}

const begins = Date.UTC(2026, 10, 2);
const minute = 60_000;
const randomId = (n: number): string => `evt_${hashText(`id ${n}`).toString(16).padStart(8, '0')}`;
const countedId = (n: number): string => `evt_${10_000 + n}`;

interface Recipe {
  readonly events?: number;
  readonly id?: (n: number) => string;
  /** Failed once and never tried again. */
  readonly lost?: (n: number) => boolean;
  readonly worker?: (n: number, at: number) => string;
}

/** An event every five minutes; every sixth fails once and is delivered half a minute later. */
function linesOf({
  events = 240,
  id = randomId,
  lost = () => false,
  worker = (n) => `w${n % 2}`,
}: Recipe): Line[] {
  return Array.from({ length: events }).flatMap((_, n): Line[] => {
    const at = begins + n * 5 * minute;
    const line = (attempt: number, status: number): Line => ({
      ts: new Date(at + (attempt - 1) * 30_000).toISOString(),
      event_id: id(n),
      endpoint: 'https://a.example.com/hooks',
      attempt,
      status_code: status,
      worker: worker(n + attempt - 1, at),
    });
    // The end of the log is not about retries.
    if (n > events - 30) return [line(1, 200)];
    if (lost(n)) return [line(1, 500)];
    return n % 6 === 0 ? [line(1, 500), line(2, 200)] : [line(1, 200)];
  });
}

const jsonLines = (lines: readonly object[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const without = (lines: readonly Line[], ...names: (keyof Line)[]): object[] =>
  lines.map((line) =>
    Object.fromEntries(Object.entries(line).filter(([name]) => !names.includes(name as keyof Line))),
  );
const csvOf = (rows: readonly object[]): string =>
  [Object.keys(rows[0]!), ...rows.map((row) => Object.values(row) as unknown[])]
    .map((row) => row.join(','))
    .join('\n');

/** Cuts one of so many lines in the middle. */
const cut = (lines: readonly Line[], every: number, of: (line: Line) => boolean = () => true): string =>
  lines
    .map((line, at) => {
      const text = JSON.stringify(line);
      return `${at % every === 3 && of(line) ? text.slice(0, 60) : text}\n`;
    })
    .join('');

/** Three receivers for each event. */
const fannedOut = (lines: readonly Line[]): Line[] =>
  lines.flatMap((line) =>
    ['a', 'b', 'c'].map((name, receiver) => ({
      ...line,
      ts: line.ts.replace('.000Z', `.${receiver}00Z`),
      endpoint: `https://${name}.example.com/hooks`,
    })),
  );

/** Rows of a table of deliveries; those that wait were touched so long before the end. */
const states = (waitedMs: number): string =>
  csvOf(
    linesOf({ events: 60 }).flatMap(({ event_id: id, attempt, status_code: code, ts }, n, all) => {
      const waits = code !== 200 && all[n + 1]?.event_id !== id;
      if (code !== 200 && !waits) return [];
      return [{ id, status: 'DELIVERED', attempts: attempt, created_at: ts, updated_at: ts }];
    }),
  ) +
  [1, 2, 3]
    .map((n) => {
      const at = new Date(begins + 60 * 5 * minute - waitedMs).toISOString();
      return `\n${randomId(1000 + n)},RETRYING,3,${at},${at}`;
    })
    .join('');

const isLost = (n: number): boolean => n % 12 === 0 && n > 0;
const inSilence = (n: number): boolean => n >= 100 && n < 172;
const threeWorkers = (n: number): string => `w${n % 3}`;

const cases: readonly (readonly [
  code: QualityProblem['code'],
  what: string,
  bad: string,
  like: string,
  good: string,
])[] = [
  [
    'unusable_lines',
    'a tenth of the lines is cut',
    cut(linesOf({}), 10),
    'few lines are cut, and none of a retry',
    cut(linesOf({}), 30, ({ attempt, status_code: code }) => attempt === 1 && code === 200),
  ],
  [
    'unusable_lines',
    'few lines are cut, and they explain the few drops',
    cut(linesOf({ events: 2400, lost: (n) => n === 600 }), 40),
    'a line is cut, and there are many drops',
    jsonLines(linesOf({ lost: isLost })).replace(/\n.*\n/, '\n{"ts":\n'),
  ],
  [
    'no_success',
    'only failures are logged',
    jsonLines(linesOf({}).filter(({ status_code: code }) => code !== 200)),
    'successes are logged too',
    jsonLines(linesOf({ lost: isLost })),
  ],
  [
    'attempt_numbers_have_holes',
    'the file of a worker is missing',
    jsonLines(
      linesOf({ events: 480 })
        // Three attempts, the second by the worker whose file is missing.
        .map((line) => (line.attempt === 2 ? { ...line, attempt: 3 } : line)),
    ),
    'the log begins between the attempts of an event',
    jsonLines(linesOf({ lost: isLost }).slice(1)),
  ],
  [
    'worker_lines_missing',
    'a worker is silent for hours, and no other took over',
    jsonLines(
      linesOf({ events: 480, worker: threeWorkers }).filter(
        (line, at) => !(line.worker === 'w1' && at >= 110 && at < 300),
      ),
    ),
    'a worker was stopped, and the others took over',
    jsonLines(
      linesOf({
        events: 480,
        lost: (n) => n % 60 === 6,
        worker: (n) => (inSilence(n) && n % 3 === 1 ? `w${n % 2 === 0 ? 0 : 2}` : `w${n % 3}`),
      }),
    ),
  ],
  [
    'successes_may_be_sampled',
    'numbered events, a tenth of the successes missing',
    jsonLines(
      linesOf({ id: countedId }).filter(
        ({ status_code: code, event_id: id }) => code !== 200 || hashText(id) % 10 !== 0,
      ),
    ),
    'numbered events, each with a line',
    jsonLines(linesOf({ id: countedId, lost: isLost })),
  ],
  [
    'attempt_numbers_have_holes',
    'the file of a node is missing for a day, and no line names a node',
    jsonLines(
      without(
        linesOf({ events: 900, worker: (n) => `w${hashText(`worker ${n}`) % 3}` }).filter(
          ({ ts, worker }) => worker !== 'w1' || ts < '2026-11-03' || ts >= '2026-11-04',
        ),
        'worker',
      ),
    ),
    'a hole in another time than the drops',
    jsonLines(
      linesOf({ events: 900, lost: (n) => n > 500 && n % 12 === 0 }).filter(
        ({ ts, attempt }) => attempt === 2 || ts < '2026-11-02T02' || ts > '2026-11-02T05',
      ),
    ),
  ],
  [
    'successes_may_be_sampled',
    'one success in ten, ids without numbers',
    jsonLines(
      linesOf({ events: 480 }).filter(
        ({ status_code: code, event_id: id }) => code !== 200 || hashText(id) % 10 === 0,
      ),
    ),
    'a third of what failed is lost',
    jsonLines(linesOf({ events: 480, lost: (n) => n % 18 === 6 })),
  ],
  [
    'ids_do_not_join',
    'rows with a word and a code, none of which repeats',
    csvOf(
      linesOf({ lost: isLost })
        .filter(({ attempt }) => attempt === 1)
        .map((line) => ({
          event_id: line.event_id,
          url: line.endpoint,
          status: line.status_code === 200 ? 'delivered' : 'failed',
          response_code: line.status_code,
          created_at: line.ts,
        })),
    ),
    'rows with a word only: its last one',
    csvOf(
      linesOf({ lost: isLost })
        .filter(
          ({ attempt, status_code: code, event_id: id }) =>
            attempt === 1 && (code === 200 || hashText(id) % 2 === 0),
        )
        .map((line) => ({
          event_id: line.event_id,
          url: line.endpoint,
          status: line.status_code === 200 ? 'delivered' : 'failed',
          created_at: line.ts,
        })),
    ),
  ],
  [
    'ids_do_not_join',
    'ids of rows',
    csvOf(
      linesOf({}).map((line, row) => ({
        id: 5000 + row,
        created_at: line.ts,
        url: line.endpoint,
        response_status: line.status_code,
      })),
    ),
    'the id of the event beside that of the row',
    csvOf(
      linesOf({ lost: isLost }).map((line, row) => ({
        id: 5000 + row,
        event_id: line.event_id,
        created_at: line.ts,
        url: line.endpoint,
        response_status: line.status_code,
      })),
    ),
  ],
  [
    'fan_out_without_endpoint',
    'several receivers, and no word of which',
    jsonLines(without(fannedOut(linesOf({ lost: isLost })), 'endpoint')),
    'several receivers, each named',
    jsonLines(fannedOut(linesOf({ lost: isLost }))),
  ],
  [
    'times_conflict',
    'later attempts have earlier times',
    jsonLines(
      linesOf({}).map((line) =>
        line.attempt === 1
          ? line
          : { ...line, ts: new Date(Date.parse(line.ts) - 40 * minute).toISOString() },
      ),
    ),
    'clocks of workers differ by a second',
    jsonLines(
      linesOf({ lost: isLost }).map((line) =>
        line.worker === 'w1' ? line : { ...line, ts: new Date(Date.parse(line.ts) + 1000).toISOString() },
      ),
    ),
  ],
  [
    'state_table',
    'rows wait for hours',
    states(5 * 60 * minute),
    'rows wait for minutes',
    states(2 * minute),
  ],
];

async function verdictOn(content: string): Promise<AuditResult> {
  const path = join(directory, content.startsWith('{') ? 'log.jsonl' : 'log.csv');
  writeFileSync(path, content);
  return await audit({ files: [path], threads: 1 });
}

describe.each(cases)('%s', (code, what, bad, like, good) => {
  test(`cannot tell: ${what}`, async () => {
    const result = await verdictOn(bad).catch((error: unknown) => error);
    // A log without any id that joins is refused before there is a result.
    if (code === 'ids_do_not_join' && result instanceof AuditError) return;
    if (!(result instanceof Object && 'quality' in result)) throw result;
    const { quality, verdicts, causes } = result as AuditResult;
    expect(quality.problems.map((problem) => problem.code)).toContain(code);
    expect(quality.conclusive).toBe(false);
    expect([verdicts.silently_dropped, causes.length]).toEqual([0, 0]);
    for (const problem of quality.problems) {
      expect(problem.message).not.toBe('');
      expect(problem.next_step).not.toBe('');
    }
  });

  test(`can tell: ${like}`, async () => {
    const { quality } = await verdictOn(good);
    expect(quality).toEqual({ conclusive: true, suspected: 0, problems: [] });
  });
});

describe('receipts answer what missing lines leave open', () => {
  const lines = linesOf({ lost: isLost });
  const log = jsonLines(lines.filter(({ status_code: code }) => code !== 200));
  // The log ends with the failure of the last one, whose retry may still come.
  const lost = Array.from({ length: 204 }, (_, n) => n)
    .filter(isLost)
    .map(randomId);
  const receipts = (until: number): string =>
    csvOf(
      lines
        .filter(({ status_code: code }) => code === 200)
        .slice(0, until)
        .map(({ event_id: id, endpoint, ts }) => ({ event_id: id, endpoint, processed_at: ts })),
    );
  const audited = async (received: string): Promise<AuditResult> => {
    const paths = [join(directory, 'failures.jsonl'), join(directory, 'receipts.csv')] as const;
    writeFileSync(paths[0], log);
    writeFileSync(paths[1], received);
    return await audit({ files: [paths[0]], received: paths[1], threads: 1 });
  };

  test('a log of failures only: what the receiver has was delivered, and the rest was dropped', async () => {
    const { quality, verdicts, events, missing, causes } = await audited(receipts(1000));
    expect(quality).toEqual({ conclusive: true, suspected: 0, problems: [] });
    expect(missing.listed.map(({ event_id: id }) => id)).toEqual(lost);
    expect(verdicts).toMatchObject({
      silently_dropped: lost.length,
      unresolved: 1,
      delivered: events - lost.length - 1,
    });
    // The log may lack lines, so nothing in it is a proof.
    expect(causes.map(({ kind }) => kind)).not.toContain('proof');
  });

  test('receipts that end before the last retry leave it open', async () => {
    const { quality, verdicts } = await audited(receipts(60));
    expect(quality.problems.map(({ code }) => code)).toEqual(['no_success']);
    expect(verdicts.silently_dropped).toBe(0);
  });
});
