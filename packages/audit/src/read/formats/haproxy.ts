import { type FormatReader, from } from '../spec.ts';
import { detectId } from './request-ids.ts';

/** HAProxy's HTTP log (`option httplog`), with captured request headers in braces. */
const pattern = [
  '(?P<client>[^ ]+:\\d+) \\[(?P<accept_date>\\d\\d/[A-Z][a-z]{2}/\\d{4}:[0-9:.]+)\\] (?P<frontend>[^ ]+) (?P<backend>[^ /]+)/(?P<server>[^ ]+) ',
  '(?:-?\\d+/){4}\\+?(?P<total_ms>-?\\d+) (?P<status>-?\\d+) \\+?(?P<bytes_read>\\d+) [^ ]+ [^ ]+ (?P<termination>[-A-Za-z]{4}) ',
  '[^ ]+ [^ ]+ (?:\\{(?P<captured_id>[^}|]+)[^}]*\\} )?(?:\\{[^}]*\\} )?"(?P<method>[A-Z]+) ',
].join('');

export const haproxy: FormatReader = {
  format: 'haproxy',
  recognizedBy: 'its HTTP log line: `[accept_date] frontend backend/server Tq/Tw/Tc/Tr/Tt status …`',
  about: 'ms; the first captured request header is the id: `capture request header webhook-id len 64`',
  textPattern: pattern,
  sample: [
    'Nov 20 10:00:00 lb haproxy[811]: 10.0.0.1:33317 [20/Nov/2026:10:00:00.041] out pay/a.example.com 0/0/3/38/41 200 120 - - ---- 1/1/0/0/0 0/0 {evt_1} "POST /hooks HTTP/1.1"',
  ],
  signs: [['client', 'accept_date', 'frontend', 'backend', 'total_ms', 'termination']],
  spec: (sample) => {
    const { source, note } = detectId(sample, ['captured_id']);
    return {
      format: 'haproxy',
      idOfRequest: note !== null,
      pattern,
      fields: {
        event_id: source,
        endpoint: from('server'),
        started_at: from('accept_date'),
        duration: { ...from('total_ms'), unit: 'ms' },
        // -1: the request was aborted before an answer.
        status_code: from('status'),
        error: { ...from('termination'), sql: "case when left(@@, 1) <> '-' then 'HAProxy ' || @@ end" },
        bytes: from('bytes_read'),
      },
      atIs: 'start',
      notes: note === null ? [] : [note],
    };
  },
};
