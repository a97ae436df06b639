import { type FormatReader, from } from '../spec.ts';
import { detectId } from './request-ids.ts';

/** Envoy's response flags, short and long, as errors, named as in the documentation of its access log. */
const flags: readonly (readonly [error: string, pattern: string])[] = [
  ['dns', 'DF|DnsResolutionFailed'],
  ['rate limited', 'RL|RateLimited'],
  ['timeout', 'UT|UpstreamRequestTimeout'],
  ['client disconnected', 'DC|DownstreamConnectionTermination'],
  ['retry limit', 'URX|UpstreamRetryLimitExceeded'],
  ['connection refused', 'UF|UH|UpstreamConnectionFailure|NoHealthyUpstream'],
  ['connection reset', 'UC|UpstreamConnectionTermination'],
];
const flagsSql = `case ${flags
  .map(
    ([error, pattern]) =>
      `when regexp_matches(@@, '^([A-Za-z]+,)*(${pattern})(,[A-Za-z]+)*$') then '${error}: Envoy flag ' || @@`,
  )
  .join(' ')} when @@ = '-' then null else @@ end`;

/**
 * Envoy's default line, and Istio's, which has details and the quoted transport failure between the flags and the sizes.
 * After the upstream's address that failure and the webhook's id may follow, in any order. Envoy writes the failure
 * without spaces, similar proxies with them; an id has neither spaces nor colons.
 */
const envoyPattern = [
  '^\\[(?P<start_time>[^\\]]+)\\] "(?P<method>\\S+) (?P<path>\\S+) [^"]*" (?P<response_code>\\d+) (?P<response_flags>\\S+) ',
  '(?:[^"]*?"(?P<reason>[^"]*)" |[^"]*? )?(?P<bytes_received>\\d+) (?P<bytes_sent>\\d+) (?P<duration>\\d+) (?:\\d+|-) ',
  '"[^"]*" "[^"]*" "(?P<request_id>[^"]*)" "(?P<authority>[^"]*)" "(?P<upstream_host>[^"]*)"',
  '(?: "(?P<reason_behind>[^"]*[:| ][^"]*|-)")?(?: "(?P<webhook_id>[^":| ]+)")?(?: "(?P<reason_last>[^"]*[:| ][^"]*)")?',
].join('');

export const envoy: FormatReader = {
  format: 'envoy',
  recognizedBy: '`start_time, response_code, response_flags, duration`, or its default line',
  about:
    "log the `webhook-id` header, otherwise attempts cannot be joined. Istio's line too, and a quoted transport failure before or after the id",
  sample: [
    '[2026-11-20T10:00:00.552Z] "POST /hooks HTTP/1.1" 200 - 1203 0 72 70 "-" "pay/3" "req-1" "a.example.com" "10.0.0.1:443" "evt_1"',
  ],
  textPattern: envoyPattern,
  signs: [
    ['start_time', 'response_code', 'response_flags', 'duration'],
    ['start_time', 'response_code', 'duration', 'upstream_host'],
  ],
  spec: (sample) => {
    const { source, note } = detectId(sample);
    return {
      format: 'envoy',
      idOfRequest: note !== null,
      pattern: envoyPattern,
      fields: {
        event_id: source,
        endpoint: from('authority', ':authority', 'host', 'upstream_cluster', 'upstream_host'),
        attempt_no: from('attempt', 'webhook_attempt', 'attempt_number', 'upstream_request_attempt_count'),
        started_at: from('start_time'),
        duration: { ...from('duration'), unit: 'ms' },
        status_code: from('response_code'),
        error: {
          ...from(
            'upstream_transport_failure_reason',
            'reason',
            'reason_behind',
            'reason_last',
            'response_flags',
          ),
          sql: flagsSql,
        },
        bytes: from('bytes_received'),
        worker: from('connection_id'),
      },
      atIs: 'start',
      notes: [
        ...(note === null ? [] : [note]),
        'an answer that Envoy made itself (its flags say so) never came from the receiver',
      ],
    };
  },
};
