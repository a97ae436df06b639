import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import type { AuditResult } from '../../packages/audit/src/result.ts';
import { tempDir } from '../support.ts';
import { runHere } from './run-here.ts';

const begin = Date.UTC(2026, 2, 2);
const iso = (at: number): string => new Date(at).toISOString();
const dir = tempDir();

function file(name: string, content: string | Buffer): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

const lines = (records: readonly object[]): string =>
  records.map((one) => `${JSON.stringify(one)}\n`).join('');

interface Attempt {
  readonly id: string;
  readonly n: number;
  readonly at: number;
  readonly code: number;
}

/** 300 events, one a minute; every tenth fails at first and is tried again after ten minutes, but for every fiftieth: lost. */
function attempts(): { all: Attempt[]; lost: string[] } {
  const all: Attempt[] = [];
  const lost: string[] = [];
  for (let i = 0; i < 300; i++) {
    const [id, at] = [`evt_${i}`, begin + i * 60_000];
    if (i % 10 !== 3) all.push({ id, n: 1, at, code: 200 });
    else {
      all.push({ id, n: 1, at, code: 500 });
      if (i % 50 === 3) lost.push(id);
      else all.push({ id, n: 2, at: at + 600_000, code: 200 });
    }
  }
  return { all, lost };
}
const { all, lost } = attempts();
const plain = ({ id, n, at, code }: Attempt): Record<string, unknown> => ({
  event_id: id,
  attempt: n,
  ts: iso(at),
  duration_ms: 80,
  status_code: code,
  payment_id: `pay_${id}`,
  amount_minor: 1000,
  currency: 'EUR',
});

/** The command with `--json` and `--missing`: what was printed, the exit code, and the ids to send again. */
async function auditOf(...args: string[]): Promise<{ result: AuditResult; code: number; ids: string[] }> {
  const missing = join(dir, 'missing.csv');
  const { out, code, err } = await runHere('audit', ...args, '--json', '--missing', missing);
  if (out === '') throw new Error(err);
  const [, ...rows] = readFileSync(missing, 'utf8').trimEnd().split('\n');
  return {
    result: JSON.parse(out) as AuditResult,
    code,
    ids: rows.map((row) => row.split(',')[0]!).toSorted(),
  };
}
const asExpected = { code: 1, ids: lost.toSorted() };

describe('what senders write', () => {
  test('GitHub: never tries again by itself, so what failed and was not redelivered is lost', async () => {
    const deliveries = all.map(({ id, n, at, code }, index) => ({
      id: index,
      guid: id,
      delivered_at: iso(at),
      redelivery: n > 1,
      duration: 0.08,
      status: code === 200 ? 'OK' : 'Internal Server Error',
      status_code: code,
      event: 'push',
      action: null,
    }));
    const { result, ...seen } = await auditOf(file('github.json', JSON.stringify(deliveries)));
    expect(seen).toEqual(asExpected);
    expect(result.source.format).toBe('github');
  });

  test('SNS: failures are the sender’s own word, so they are given up and not silent, and successes may be sampled', async () => {
    const status = all.map(({ id, at, code }) => ({
      notification: { messageId: id, topicArn: 'arn:aws:sns:eu-west-1:1:payments', timestamp: iso(at) },
      delivery: { destination: 'https://a.example.com', dwellTimeMs: 80, statusCode: code, attempts: 1 },
      status: code === 200 ? 'SUCCESS' : 'FAILURE',
    }));
    const { result, code } = await auditOf(file('sns.jsonl', lines(status)));
    expect(result.source.format).toBe('sns');
    expect(result.verdicts).toMatchObject({ silently_dropped: 0, given_up: lost.length });
    expect(result.coverage.sampling.why).toMatch(/sampl/);
    expect(code).toBe(0);
  });

  test('Parquet, as an export of a table', async () => {
    const path = join(dir, 'attempts.parquet');
    const json = file('attempts.jsonl', lines(all.map(plain)));
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(`copy (select * from read_json_auto('${json}')) to '${path}' (format parquet)`);
    connection.closeSync();
    instance.closeSync();
    const { result, ...seen } = await auditOf(path);
    expect(seen).toEqual(asExpected);
    expect(result.source.files[0]).toMatchObject({ container: 'parquet' });
    expect(result.value_at_risk).toEqual([{ currency: 'EUR', amount_minor: 6000, events: 6 }]);
  });

  test('times without a zone are of the zone that is given, and over a change of the clock none is lost by it', async () => {
    const night = Date.UTC(2026, 2, 29, 0, 0); // Berlin goes from 01:59 to 03:00 this night.
    const local = new Intl.DateTimeFormat('sv-SE', {
      timeZone: 'Europe/Berlin',
      dateStyle: 'short',
      timeStyle: 'medium',
    });
    const shifted = all.map((one) => ({ ...plain(one), ts: local.format(one.at - begin + night) }));
    const { result, ...seen } = await auditOf(
      file('local.jsonl', lines(shifted)),
      '--timezone',
      'Europe/Berlin',
    );
    expect(seen).toEqual(asExpected);
    expect(result.coverage.from).toBe(iso(night));
    const wrong = await runHere('audit', join(dir, 'local.jsonl'), '--timezone', 'Mars/Olympus');
    expect(wrong.err).toContain('unknown time zone Mars/Olympus: use an IANA name, such as Europe/Berlin');
    expect(wrong.code).toBe(2);
  });

  test('--deploys: losses around a deployment are reported, and a file without times is wrong usage', async () => {
    // What came in the ten minutes before two deployments failed, waited for its retry, and was forgotten by the new process.
    const deploys = [begin + 100 * 60_000, begin + 200 * 60_000];
    const around = (at: number): boolean => deploys.some((deploy) => at > deploy - 600_000 && at <= deploy);
    const log = all
      .filter(({ n, at }) => !(n > 1 && around(at)))
      .map((one) => ({ ...plain(one), ...(around(one.at) ? { status_code: 500 } : {}) }));
    const path = file('deploys.jsonl', lines(log));
    const { result, code } = await auditOf(
      path,
      '--deploys',
      file('deploys.csv', `time,label\n${deploys.map((at) => `${iso(at)},release`).join('\n')}\n`),
    );
    expect(result.markers).toMatchObject([
      { label: 'release', from: 'file' },
      { label: 'release', from: 'file' },
    ]);
    expect(result.causes.map(({ cause }) => cause)).toContain('restart_loss');
    expect(code).toBe(1);
    const none = await runHere('audit', path, '--deploys', file('none.csv', 'label\nrelease\n'));
    expect(none.err).toMatch(/none\.csv/);
    expect(none.code).toBe(2);
  });
});

describe('an error message contains the next step', () => {
  test.each<[string, string | Buffer, string[], RegExp]>([
    ['an empty file', '', [], /empty/],
    [
      'a log read as another sender’s',
      lines(all.map(plain)),
      ['--format', 'svix'],
      /324 have no event id.*--format or --map/,
    ],
    ['a mapping to a missing field', lines(all.map(plain)), ['--map', 'event_id=nothing'], /nothing/],
    ['an invalid mapping', lines(all.map(plain)), ['--map', 'event_id'], /must be pairs, such as/],
    [
      'a duration without a unit',
      lines(all.map(plain)),
      ['--horizon', '90'],
      /must be a duration, such as 90s/,
    ],
    ['no such list', lines(all.map(plain)), ['--expected', 'nowhere.csv'], /nowhere\.csv/],
    [
      'no such directory for the report',
      lines(all.map(plain)),
      ['--html', '/nonexistent/x.html'],
      /nonexistent/,
    ],
  ])('%s', async (name, content, args, message) => {
    const { code, err } = await runHere(
      'audit',
      file(`${name.replaceAll(' ', '-')}.jsonl`, content),
      ...args,
    );
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n\s+at /);
    expect(code).toBe(2);
  });

  test('a log with cut lines, mixed encodings and implausible times is audited, and its faults are reported', async () => {
    const content = Buffer.concat([
      Buffer.from(lines(all.map(plain))),
      Buffer.from(lines([{ ...plain(all[0]!), event_id: 'evt_1970', ts: '1970-01-01T00:00:00Z' }])),
      Buffer.from('{"event_id":"caf\u00e9","ts":"2026-03-02T00:00:00Z","status_code":200}\n', 'latin1'),
      Buffer.from('{"ts":"2026-03-02T00:00:00Z","msg":"caf\u00e9"}\n'),
      Buffer.from('{"event_id":"evt_half","ts":"2026-0'),
    ]);
    const { out, code } = await runHere('audit', file('mixed.jsonl', content));
    expect(out).toMatch(/^6 of 300 events were silently dropped/);
    expect(out).toMatch(/2 malformed lines \(.*evt_half/);
    expect(out).toMatch(/1 unusable line: .*time/);
    expect(out).toMatch(/1 unusable line: no event id/);
    expect(code).toBe(1);
  });

  test('G5: a healthy audit with unreadable lines exits with 1', async () => {
    const healthy = all.filter(({ id }) => !lost.includes(id));
    const { code, err } = await runHere(
      'audit',
      file('cut.jsonl', `${lines(healthy.map(plain))}{"event_id":"evt_h`),
    );
    expect(err).toMatch(/1 of \d+ lines of the log cannot be read/);
    expect(code).toBe(1);
  });

  test('G5: a healthy audit with unreadable receipts, or receipts without an id, exits with 1', async () => {
    const healthy = all.filter(({ id }) => !lost.includes(id));
    const log = file('healthy.jsonl', lines(healthy.map(plain)));
    const ids = [...new Set(healthy.map(({ id }) => id))];
    const rows = ids.map((id) => `${id},EUR`).join('\n');
    const whole = await runHere(
      'audit',
      log,
      '--received',
      file('whole.csv', `event_id,currency\n${rows}\n`),
    );
    expect(whole.code).toBe(0);
    // A slow machine shows its progress.
    expect(whole.err).not.toContain('cannot be read');
    const torn = await runHere(
      'audit',
      log,
      '--received',
      file('torn.csv', `event_id,currency\n${rows}\n,EUR\n`),
    );
    expect(torn.err).toMatch(/1 of \d+ rows of .*torn\.csv cannot be read/);
    expect(torn.code).toBe(1);
  });

  test('URLs are shown without user names, passwords, queries and fragments everywhere', async () => {
    const log = all.map((one) => ({
      ...plain(one),
      endpoint: `https://user:hunter2@${lost.includes(one.id) ? 'a' : 'b'}.example.com/hooks?sig=hunter2#hunter2`,
      error:
        one.code === 200 ? null : 'POST /hooks?sig=hunter2 to https://a.example.com/hooks?sig=hunter2 failed',
    }));
    const [page, markdown, missing] = [join(dir, 'urls.html'), join(dir, 'urls.md'), join(dir, 'urls.csv')];
    const path = file('urls.jsonl', `${lines(log)}{"endpoint":"https://a.example.com/hooks?sig=hunter2"`);
    const reports = ['--html', page, '--markdown', markdown, '--missing', missing];
    const printed = [await runHere('audit', path, ...reports), await runHere('audit', path, '--json')];
    expect(JSON.parse(printed[1]!.out)).toMatchObject({
      missing: { listed: lost.map(() => ({ endpoint: 'https://a.example.com/hooks' })) },
    });
    for (const text of [
      ...printed.flatMap(({ out, err }) => [out, err]),
      ...[page, markdown, missing].map((name) => readFileSync(name, 'utf8')),
    ])
      expect(text).not.toContain('hunter2');
  });

  test('a file of deploys that are all outside the log is reported', async () => {
    const { out } = await runHere(
      'audit',
      file('all.jsonl', lines(all.map(plain))),
      '--deploys',
      file('deploys.csv', '1999-01-01T00:00:00Z,release 1\n'),
    );
    expect(out).toMatch(/none of the 1 times in .*deploys\.csv is inside the log, which covers/);
  });

  test('shared ids, negative amounts and unknown currencies are reported and left out of every sum', async () => {
    const odd = new Map<string, object>([
      [lost[0]!, { amount_minor: -700 }],
      [lost[1]!, { currency: 'QQQ' }],
    ]);
    const log = [
      ...all.map((one) => ({ tenant: 'a', ...plain(one), ...odd.get(one.id) })),
      { tenant: 'b', ...plain(all[0]!), status_code: 500, ts: iso(begin - 60_000) },
      { tenant: 'b', ...plain(all[1]!), event_id: 'evt_b', payment_id: 'pay_b' },
    ];
    const { out, code } = await runHere('audit', file('tenants.jsonl', lines(log)));
    // Tenant a received the event and the payment whose ids tenant b shares: this does not deliver them to tenant b.
    expect(out).toMatch(/^7 of 302 events were silently dropped/);
    expect(out).toContain('1 id occurs under several tenants or endpoints');
    expect(out).toContain('Money at risk: 50.00 EUR (5)');
    expect(out).toContain('negative amounts and refunds (not counted above): -7.00 EUR (1)');
    expect(out).toContain('unknown currencies (not counted above): QQQ (1)');
    expect(code).toBe(1);
  });
});

// oxlint-disable-next-line no-control-regex -- what must not be printed
const unprintable = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;

test('whatever a log says stays text: on the terminal, in the page, in the post-mortem', async () => {
  const evil = `\u001b]0;owned\u0007\u001b[2J<script>alert(1)</script>\`|\n# title [x](javascript:1)\u202e`;
  const log = all.map((one) => ({
    ...plain(one),
    event_id: lost.includes(one.id) ? `${evil}${one.id}` : one.id,
    endpoint: `https://example.com/${evil}`,
    error: one.code === 200 ? null : evil,
    event_type: evil,
    currency: lost.includes(one.id) ? evil : 'EUR',
  }));
  const path = file('evil.jsonl', lines(log));
  const [page, text] = [join(dir, 'evil.html'), join(dir, 'evil.md')];
  const { out, err, code } = await runHere(
    'audit',
    path,
    '--html',
    page,
    '--markdown',
    text,
    '--service',
    evil,
  );
  expect(code).toBe(1);
  // An invalid currency is shown, with its control characters escaped.
  expect(out).toContain('\\x1b]0;OWNED');
  for (const printed of [out, err]) expect(printed).not.toMatch(unprintable);
  expect(readFileSync(page, 'utf8')).not.toMatch(/<script|<img|href="javascript/);
  const markdown = readFileSync(text, 'utf8').replaceAll(/`[^`\n]*`/g, '');
  expect(markdown).not.toMatch(/<script|[^\\]\]\(javascript|^# title/m);
  const impact = await runHere(
    'impact',
    path,
    '--deploy',
    iso(begin + 150 * 60_000),
    '--html',
    page,
    '--markdown',
    text,
  );
  expect(impact.out).not.toMatch(unprintable);
  expect(readFileSync(page, 'utf8')).not.toMatch(/<script/);
});

describe('names and ways of writing that exports and loggers have', () => {
  const cells = (one: Attempt): string[] => [one.id, String(one.n), iso(one.at), String(one.code)];

  test('a CSV of a search index: @timestamp, and dots in its names', async () => {
    const rows = all.map((one) => `${cells(one).join('|')}|1000|EUR`);
    const header = 'message.id|attempt_no|@timestamp|response.status_code|data.amount_minor|data.currency';
    const { result, ...seen } = await auditOf(file('index.csv', `${header}\n${rows.join('\n')}\n`));
    expect(seen).toEqual(asExpected);
    expect(result.value_at_risk).toEqual([{ currency: 'EUR', amount_minor: 6000, events: 6 }]);
  });

  test('a decimal comma, throughout', async () => {
    const rows = all.map((one) => `${cells(one).join(';')};1.234,50;EUR`);
    const header = 'event_id;attempt;ts;status_code;amount;currency';
    const { result, ...seen } = await auditOf(file('comma.csv', `${header}\n${rows.join('\n')}\n`));
    expect(seen).toEqual(asExpected);
    expect(result.value_at_risk).toEqual([{ currency: 'EUR', amount_minor: 740_700, events: 6 }]);
  });

  test('a logger’s time at the beginning of the line; what it calls finished is not delivered by that', async () => {
    const rows = all.map(
      ({ id, n, at, code }) =>
        `${iso(at).replace('T', ' ').replace('.', ',').replace('Z', '')} INFO [worker-1] deliver: msg="attempt finished" event_id=${id} attempt=${n} status=${code === 200 ? 200 : 0} outcome=${code === 200 ? 'delivered' : 'retry'} data.amount_minor=1000 data.currency=EUR`,
    );
    const { result, ...seen } = await auditOf(file('worker.log', `${rows.join('\n')}\n`));
    expect(seen).toEqual(asExpected);
    expect(result.coverage.from).toBe(iso(begin));
    expect(result.value_at_risk).toEqual([{ currency: 'EUR', amount_minor: 6000, events: 6 }]);
  });
});
