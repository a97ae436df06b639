import { type FormatReader, from } from '../spec.ts';
import { detectId } from './request-ids.ts';

/** nginx "combined" followed by key=value pairs or quoted headers. */
const nginxPattern =
  '^(?P<remote_addr>\\S+) \\S+ \\S+ \\[(?P<time_local>[^\\]]+)\\] "(?P<method>[A-Z]+) (?P<uri>\\S+)[^"]*" (?P<status>\\d{3}) (?P<body_bytes_sent>\\S+)(?: "(?:[^"]*)" "(?:[^"]*)")?';

const lastPart = "trim(regexp_extract(@@, '[^,:]*$'))";

export const nginx: FormatReader = {
  format: 'nginx',
  recognizedBy: '`status, request_time, …`, or `combined` followed by `key=value`',
  about: 'seconds; with several upstreams, the last one counts',
  sample: [
    '10.0.0.1 - - [20/Nov/2026:10:00:00 +0000] "POST /hooks HTTP/1.1" 200 12 "-" "sender/1" request_time=0.072 http_webhook_id=evt_1 proxy_host=a.example.com',
  ],
  textPattern: nginxPattern,
  signs: [
    ['msec', 'status', 'request_time'],
    ['time_iso8601', 'status', 'request_time'],
    ['time_local', 'status', 'request_time'],
    ['status', 'request_time', 'upstream_status', 'upstream_addr'],
    ['remote_addr', 'time_local', 'status', 'uri'],
  ],
  spec: (sample) => {
    const { source, note } = detectId(sample);
    return {
      format: 'nginx',
      idOfRequest: note !== null,
      pattern: nginxPattern,
      fields: {
        event_id: source,
        endpoint: from(
          'proxy_host',
          'http_host',
          'host',
          'server_name',
          'upstream_addr',
          'uri',
          'request_uri',
        ),
        attempt_no: from('attempt', 'http_webhook_attempt', 'webhook_attempt', 'http_x_attempt'),
        at: from('msec', 'time_iso8601', 'time_local', 'time'),
        duration: { ...from('request_time', 'rt'), unit: 's' },
        // If several upstreams were tried, the last one answered.
        status_code: { ...from('upstream_status', 'us', 'status'), sql: lastPart },
        error: {
          ...from('status'),
          sql: "case @@ when '499' then 'client closed the request' when '504' then 'timeout' end",
        },
        bytes: from('request_length', 'len'),
      },
      // nginx writes the line at the end of a request.
      atIs: 'end',
      notes: [
        ...(note === null ? [] : [note]),
        'nginx times are in seconds; 499 means that the sender hung up first, so the receiver may have processed it',
      ],
    };
  },
};
