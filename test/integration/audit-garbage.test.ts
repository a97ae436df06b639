import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { command } from '../bundles.ts';
import { audit } from '../../packages/audit/src/audit.ts';
import type { AuditOptions, AuditResult } from '../../packages/audit/src/result.ts';
import { until } from '../support.ts';
import { runHere } from './run-here.ts';

const begin = Date.UTC(2026, 2, 1);
const iso = (ms: number): string => new Date(ms).toISOString();
let directory: string;
let files = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'audit-garbage-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function fileOf(content: string | Buffer, extension = 'jsonl'): string {
  const path = join(directory, `log-${++files}.${extension}`);
  writeFileSync(path, content);
  return path;
}

const jsonLines = (records: readonly object[]): string =>
  `${records.map((one) => JSON.stringify(one)).join('\n')}\n`;

interface Line {
  readonly event_id: string;
  readonly ts: string;
  readonly attempt: number;
  readonly status_code: number;
  readonly amount_minor: number;
  readonly currency: string;
}

/** 200 events, one every 20 s; of every tenth the first attempt fails, and four of those are never retried. */
function log(): { lines: Line[]; lost: string[] } {
  const lines: Line[] = [];
  const lost: string[] = [];
  for (let i = 0; i < 200; i++) {
    const at = begin + i * 20_000;
    const line = (attempt: number, after: number, code: number): void => {
      lines.push({
        event_id: `evt_${i}`,
        ts: iso(at + after),
        attempt,
        status_code: code,
        amount_minor: 100 + i,
        currency: 'USD',
      });
    };
    if (i % 10 !== 3) line(1, 80, 200);
    else {
      line(1, 90, 500);
      if (i % 50 === 3) lost.push(`evt_${i}`);
      else line(2, 5200, 200);
    }
  }
  return { lines, lost: lost.toSorted() };
}
const { lines, lost } = log();
const good = jsonLines(lines);

async function dropped(
  options: Omit<AuditOptions, 'missing'>,
): Promise<{ result: AuditResult; ids: string[] }> {
  const missing = join(directory, `missing-${++files}.csv`);
  const result = await audit({ ...options, missing });
  const rows = readFileSync(missing, 'utf8').trim().split('\n').slice(1);
  return { result, ids: rows.map((row) => row.split(',')[0]!).toSorted() };
}

describe('garbage in: clear words, no crash, no wrong figure', () => {
  test.each<readonly [string, string | Buffer, RegExp]>([
    ['an empty file', '', /empty/],
    ['a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 0, 1, 2, 3]), /not a text file/],
    [
      'a letter',
      'Dear all,\nplease find attached\nnothing of use\n',
      /free text, such as "Dear all,"\. .*--pattern/,
    ],
    ['records about other things', jsonLines([{ colour: 'red' }, { colour: 'blue' }]), /--map/],
    ['ids and times, but no outcome', jsonLines([{ event_id: 'a', ts: iso(begin) }]), /outcome/],
  ])('%s', async (_, content, words) => {
    await expect(audit({ files: [fileOf(content)] })).rejects.toThrow(words);
  });

  test('a half-written last line, broken lines and another encoding are counted and shown', async () => {
    const broken = Buffer.concat([
      Buffer.from(`${good}not json\n`),
      // With one encoding throughout, it would be read in that.
      Buffer.from('{"ts":"2026-03-01T00:00:00Z","note":"caf\u00e9"}\n'),
      Buffer.from('{"event_id":"latin-\u00e9","ts":"2026-03-01T00:00:00Z","status_code":200}\n', 'latin1'),
      Buffer.from('{"event_id":"evt_half","ts":"2026-03-'),
    ]);
    const file = fileOf(broken);
    const { result, ids } = await dropped({ files: [file] });
    expect(result.coverage.malformed.count).toBe(3);
    expect(result.coverage.malformed.samples).toEqual([
      { file, line: lines.length + 1, why: 'not a valid record', text: 'not json' },
      {
        file,
        line: lines.length + 4,
        why: 'not a valid record',
        text: '{"event_id":"evt_half","ts":"2026-03-',
      },
      expect.objectContaining({ file, line: lines.length + 3, why: 'invalid encoding' }),
    ]);
    expect(result.events).toBe(200);
    expect(ids).toEqual(lost);
  });

  test.each(['jsonl', 'csv'] as const)('a log in Latin-1 is read as that: %s', async (kind) => {
    const failing = lines.map((line) => ({
      ...line,
      error: line.status_code === 200 ? null : 'Zeit\u00fcberschreitung',
    }));
    const text =
      kind === 'jsonl'
        ? jsonLines(failing)
        : [
            'W\u00e4hrung;event_id;ts;attempt;status_code',
            ...failing.map((one) =>
              [one.currency, one.event_id, one.ts, one.attempt, one.status_code].join(';'),
            ),
          ].join('\n');
    const { result, ids } = await dropped({
      files: [fileOf(Buffer.from(text, 'latin1'), kind)],
      ...(kind === 'csv' ? { mapping: { currency: 'W\u00e4hrung' } } : {}),
    });
    expect(ids).toEqual(lost);
    expect(result.coverage.malformed.count).toBe(0);
    if (kind === 'jsonl') expect(result.examples[0]!.attempts[0]!.error).toBe('Zeit\u00fcberschreitung');
  });

  test('a log that lacks a field is refused with an example that may well be right', async () => {
    const strange = lines.map((line, n) => ({
      level: 'info',
      when: line.ts,
      hook: `evt_${line.event_id}`,
      answered: line.status_code,
      n: `${n}`,
    }));
    await expect(dropped({ files: [fileOf(jsonLines(strange))] })).rejects.toThrow(
      /Fields of the log: level, when, hook, answered, n\. .*--map event_id=hook(,|$)/,
    );
  });

  test('a truncated gzip is read up to the cut, and reported as cut off', async () => {
    // Unique content, so that half of the file is more than the sample at its beginning.
    const many = Array.from({ length: 40 }, (_, n) =>
      lines.map((line) => ({ ...line, event_id: `${line.event_id}-${n}`, note: randomUUID() })),
    ).flat();
    const packed = gzipSync(jsonLines(many));
    const file = fileOf(packed.subarray(0, Math.floor(packed.length / 2)), 'jsonl.gz');
    const { result } = await dropped({ files: [file] });
    expect(result.events).toBeGreaterThan(1000);
    expect(result.coverage.malformed.samples).toEqual([
      expect.objectContaining({ file, why: expect.stringContaining('cut off within this line') as string }),
    ]);
  });

  test('names that change with a release of the sender are one field each', async () => {
    const renamed = lines.map((line, index) =>
      index < lines.length / 2
        ? line
        : {
            eventId: line.event_id,
            timestamp: line.ts,
            attemptNumber: line.attempt,
            statusCode: line.status_code,
            amountMinor: line.amount_minor,
            currency: line.currency,
          },
    );
    const { result, ids } = await dropped({ files: [fileOf(jsonLines(renamed))] });
    expect(ids).toEqual(lost);
    expect(result.source.assumptions.join()).toMatch(/event_id and eventId are read as one field/);
  });

  test('many unusable lines are the first note; a truncated document is reported as such', async () => {
    const strange = lines.slice(0, 20).map(({ ts }) => ({ ts, level: 'info', msg: 'tick' }));
    const { result } = await dropped({ files: [fileOf(jsonLines([...strange, ...lines]))] });
    expect(result.coverage.notes[0]).toMatch(/^20 of 2\d\d lines \(\d.*%\) could not be used/);
    const cut = JSON.stringify(lines).slice(0, -30);
    await expect(audit({ files: [fileOf(cut, 'json')] })).rejects.toThrow(/only half written/);
  });

  test('implausible times do not stretch the log, and lines without an id are counted', async () => {
    const odd = [
      { event_id: 'evt_1970', ts: '1970-01-01T00:00:00Z', status_code: 500 },
      { event_id: 'evt_2099', ts: '2099-12-31T00:00:00Z', status_code: 500 },
      { ts: iso(begin), status_code: 200 },
    ];
    const { result, ids } = await dropped({ files: [fileOf(good + jsonLines(odd))] });
    expect(result.coverage.unusable.map(({ count }) => count)).toEqual([1, 2]);
    expect(result.coverage.to!.slice(0, 10)).toBe('2026-03-01');
    expect(ids).toEqual(lost);
  });

  test('one id under two tenants is two events: delivery to one does not count for the other', async () => {
    const of = (tenant: string, code: number): object => ({
      tenant,
      event_id: 'evt_x',
      ts: iso(begin),
      attempt: 1,
      status_code: code,
    });
    const rest = lines.map((line) => ({ tenant: 'a', ...line }));
    const { result, ids } = await dropped({
      files: [fileOf(jsonLines([of('a', 200), of('b', 500), ...rest]))],
    });
    expect(ids).toEqual([...lost, 'evt_x'].toSorted());
    expect(result.coverage.ids_shared).toBe(1);
  });

  test('negative amounts, unknown currencies and invalid amounts are left out of every sum', async () => {
    const odd = new Map(
      [{ amount_minor: 500 }, { amount_minor: -700 }, { currency: 'QQQ' }, { amount_minor: 'much' }].map(
        (one, index) => [lost[index], one],
      ),
    );
    const { result } = await dropped({
      files: [fileOf(jsonLines(lines.map((line) => ({ ...line, ...odd.get(line.event_id) }))))],
    });
    expect(result.value_at_risk).toEqual([{ currency: 'USD', amount_minor: 500, events: 1 }]);
    expect(result.money.negative).toEqual([{ currency: 'USD', amount_minor: -700, events: 1 }]);
    expect(result.money.unknown_currency).toEqual([{ currency: 'QQQ', events: 1 }]);
    expect(result.money.unknown_amount_events).toBe(1);
  });

  test('events younger than the horizon are unresolved, never lost; repeated lines count once', async () => {
    const young = { event_id: 'evt_young', ts: lines.at(-1)!.ts, attempt: 1, status_code: 500 };
    const { result, ids } = await dropped({ files: [fileOf(good + good + jsonLines([young]))] });
    expect(result.verdicts.unresolved).toBe(1);
    expect(result.attempts).toBe(lines.length + 1);
    expect(result.coverage.duplicates).toBe(lines.length);
    expect(ids).toEqual(lost);
  });
});

test('comparison with outside data: never sent, acknowledged but unprocessed, processed anyway', async () => {
  const all = [...new Set(lines.map(({ event_id }) => event_id))];
  const expected = fileOf(
    `id,amount_minor,currency\n${[...all, 'evt_never'].map((id) => `${id},250,USD`).join('\n')}\n`,
    'csv',
  );
  const arrived = lines.filter((line) => line.status_code === 200 && line.event_id !== 'evt_10');
  const received = fileOf(
    `webhook,done\n${arrived.map((line) => `${line.event_id},yes`).join('\n')}\n${lost[0]},yes\n`,
    'csv',
  );
  const { result, ids } = await dropped({ files: [fileOf(good)], expected, received });
  expect(result.expected).toMatchObject({ never_sent: 1, unexpected: 0, sample_ids: ['evt_never'] });
  expect(result.received).toMatchObject({
    acknowledged_unprocessed: 1,
    processed_all_the_same: 1,
    sample_ids: ['evt_10'],
  });
  expect(ids).toEqual([...lost.slice(1), 'evt_10', 'evt_never'].toSorted());
  expect(Object.values(result.verdicts).reduce((sum, n) => sum + n, 0)).toBe(result.events);
});

describe('the command', () => {
  test('the log of the lab’s incident: the exact events, the race, exit code 1, nothing left behind', async () => {
    const path = join(directory, 'incident.jsonl');
    await runHere('lab', 'incident', '--payments', '1500', '--hours', '24', '--log', path);
    const temporary = join(directory, 'tmp');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    const { out, code } = await runHere('audit', path, '--json');
    vi.unstubAllEnvs();
    expect(code).toBe(1);
    const result = JSON.parse(out) as AuditResult;
    const seen = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event_id: string; status: string });
    const arrived = new Set(
      seen.filter(({ status }) => status === 'delivered').map(({ event_id }) => event_id),
    );
    const missing = [...new Set(seen.map(({ event_id }) => event_id))].filter((id) => !arrived.has(id));
    expect(missing.length).toBeGreaterThan(0);
    expect(result.missing.listed.map(({ event_id }) => event_id).toSorted()).toEqual(missing.toSorted());
    expect(result.causes[0]).toMatchObject({ cause: 'retry_race', kind: 'proof' });
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('wrong usage exits with 2 and a message; a healthy log with 0 and its power', async () => {
    const wrong = await runHere('audit', join(directory, 'nothing.jsonl'));
    expect(wrong).toMatchObject({ code: 2, err: expect.stringMatching(/does not exist/) });
    const healthy = fileOf(jsonLines(lines.filter(({ event_id }) => !lost.includes(event_id))));
    const { out, code } = await runHere('audit', healthy);
    expect(out).toMatch(/^No silent drop among 196 events\.\n0 of 196: this log could not have shown 0\.3%/);
    expect(code).toBe(0);
  });

  test('Ctrl-C stops a comparison of two logs as well', async () => {
    const temporary = join(directory, 'compared');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    const [before, after] = [fileOf(good.repeat(200)), fileOf(good.repeat(201))];
    const ended = runHere('impact', '--before', before, '--after', after);
    await until('an audit has its directory', () => readdirSync(temporary).length > 0);
    process.emit('SIGINT');
    expect(await ended).toMatchObject({
      code: 130,
      err: expect.stringContaining('no files were left behind'),
    });
    expect(readdirSync(temporary)).toEqual([]);
    vi.unstubAllEnvs();
  });

  test('Ctrl-C leaves nothing behind, and what a killed audit left is gone as well', async () => {
    const temporary = join(directory, 'interrupted');
    mkdirSync(temporary);
    const large = fileOf(good.repeat(500));
    const left = (): string[] => readdirSync(temporary);
    /** Ends an audit by a signal once it has its own directory; answers its exit code. */
    const end = async (signal: NodeJS.Signals): Promise<number | null> => {
      const child = spawn(process.execPath, [command, 'audit', large], {
        env: { ...process.env, TMPDIR: temporary },
        stdio: 'ignore',
      });
      const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
      await until('the directory is there', () => left().some((name) => name.includes(`-${child.pid}-`)));
      child.kill(signal);
      return await ended;
    };
    await end('SIGKILL');
    expect(left()).toHaveLength(1);
    expect(await end('SIGINT')).toBe(130);
    expect(left()).toEqual([]);
  });
});
