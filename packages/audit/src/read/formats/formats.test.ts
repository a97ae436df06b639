import { describe, expect, test } from 'vitest';
import { toMeaning } from '../words.ts';
import { hooksByFile } from './github-hooks.ts';
import { readFileSync } from 'node:fs';
import { detect } from '../detect.ts';
import { isObject } from '../json-text.ts';
import { formats } from '../../names.ts';
import { recordsFromJson } from '../sample.ts';
import { recordsFromText } from '../text-records.ts';
import { envoy } from './envoy.ts';
import { github } from './github.ts';
import { readers } from './index.ts';

describe.each(readers.map((reader) => [reader.format, reader] as const))('%s', (format, reader) => {
  const { sample } = reader;
  const records = isObject(sample[0]!) ? recordsFromJson(sample) : recordsFromText(sample);

  test('its own lines are recognized, with an id, a time and an outcome', () => {
    const { spec } = detect(records);
    expect(spec.format).toBe(format);
    const filled = (fields: readonly (keyof typeof spec.fields)[]): boolean =>
      fields.some((field) =>
        spec.fields[field]?.paths.some((path) => {
          const name = path.join('.');
          const nested = name.replace(/\.([^.]+)$/, '[].$1');
          return records.every(({ values }) => values.has(name) || values.has(nested));
        }),
      );
    expect(filled(['event_id', 'delivery_id'])).toBe(true);
    expect(filled(['at', 'started_at', 'ended_at'])).toBe(true);
    expect(filled(['status_code', 'outcome', 'state', 'phase'])).toBe(true);
  });

  test('the reference has its row', () => {
    const row = `| \`${format}\` | ${reader.recognizedBy} | ${reader.about} |`;
    expect(readFileSync('docs/reference/audit.md', 'utf8')).toContain(row);
  });
});

test('every format but the generic one has a reader', () => {
  expect([...readers.map(({ format }) => format), 'generic'].toSorted()).toEqual([...formats].toSorted());
});

describe('what logs of known makes hold', () => {
  test('dead letters of a Custom Event Bus are events that were given up, several in a record', () => {
    const record = JSON.stringify({
      version: '1.0',
      subscriberArn: 'arn:s',
      targetArn: 'arn:t',
      errorCode: 'ACCESS_DENIED',
      errorMessage: 'not authorized',
      exhaustedRetryCondition: 'MaximumRetryAttempts',
      retryAttempts: 5,
      failedMessages: [{ eventId: 'a', timestamp: '2026-09-07T01:43:53.768Z' }],
    });
    const { spec } = detect(recordsFromJson([record]));
    expect([spec.format, spec.unnest]).toEqual(['eventbridge', ['failedMessages']]);
    expect(spec.sender).toMatchObject({ failureIsFinal: true });
  });

  test('an expired certificate does not end a delivery, an expired delivery does', () => {
    expect(toMeaning('expired')).toBe('final');
    expect(toMeaning('delivery_expired')).toBe('final');
    expect(toMeaning('failed to connect: CERT_HAS_EXPIRED')).toBe('failure');
    expect(toMeaning('endpoint_disabled')).toBe('final');
  });

  test.each([
    ['Envoy', '503 UF 1203 0 72 -', '', 'evt_1', null],
    ['Envoy with an id', '200 - 1203 0 72 70', ' "evt_1"', 'evt_1', null],
    [
      'Envoy with a reason and an id',
      '503 UF 9 0 7 -',
      ' "TLS_error:_expired" "evt_1"',
      'evt_1',
      'reason_behind',
    ],
    ['no reason and an id', '200 - 9 0 7 6', ' "-" "evt_1"', 'evt_1', null],
    [
      'an id and a reason with blanks',
      '503 UF 9 0 7 -',
      ' "evt_1" "TLS error: bad cert"',
      'evt_1',
      'reason_last',
    ],
    ['Istio', '503 UF upstream_reset{x} - "TLS_error:|268|:CERT" 9 0 7 -', ' "evt_1"', 'evt_1', 'reason'],
  ])('%s: its line', (name, middle, end, id, reason) => {
    const line = `[2026-02-02T00:00:00.552Z] "POST /hooks HTTP/1.1" ${middle} "-" "pay/3" "${name === 'Envoy' ? id : 'req-1'}" "a.example.com" "10.0.0.1:443"${end}`;
    const { groups } = new RegExp(envoy.spec([]).pattern!.replaceAll('(?P<', '(?<')).exec(line)!;
    expect(groups).toMatchObject({ response_code: middle.slice(0, 3), authority: 'a.example.com' });
    expect(name === 'Envoy' ? groups!['request_id'] : groups!['webhook_id']).toBe(id);
    if (reason !== null) expect(groups![reason]).toContain('TLS');
  });

  test('two lists of GitHub that each begin a guid are two hooks; pages of one list are not', () => {
    const record = (id: string, guid: string, redelivery: boolean) => ({
      values: new Map([
        ['id', id],
        ['guid', guid],
        ['redelivery', String(redelivery)],
      ]),
    });
    const file = (path: string, ...sample: ReturnType<typeof record>[]) => ({
      path,
      sample,
      spec: github.spec(sample),
    });
    const hooks = hooksByFile([
      file('/x/ci.json', record('1', 'g', false)),
      file('/x/chat.json', record('2', 'g', false)),
    ]);
    expect(hooks.get('/x/ci.json')!.fields.endpoint!.sql).toBe("'ci.json'");
    expect(hooks.get('/x/chat.json')!.fields.endpoint!.sql).toBe("'chat.json'");
    // A redelivery on a later page, and a page that was fetched twice.
    const pages = [record('1', 'g', false)];
    expect(hooksByFile([file('a', ...pages), file('b', record('2', 'g', true))]).size).toBe(0);
    expect(hooksByFile([file('a', ...pages), file('b', ...pages)]).size).toBe(0);
  });
});
