import { type FieldSource, type FormatReader, from, type SampleRecord } from '../spec.ts';

// Access logs of outgoing proxies. Attempts can be joined only if the proxy logs an id of the webhook.

const idNames = [
  'webhook_id',
  'webhook-id',
  'http_webhook_id',
  'req_webhook_id',
  'svix_id',
  'http_svix_id',
  'event_id',
  'message_id',
  'http_x_event_id',
  'http_x_webhook_id',
  'http_idempotency_key',
  'x_event_id',
  'x-event-id',
  'x_webhook_id',
  'x-webhook-id',
  'idempotency_key',
  'idempotency-key',
];
const requestIds = ['request_id', 'x_request_id', 'x-request-id', 'http_x_request_id'];

/** Returns the id that joins attempts, and a note if it is only the request's own. */
function detectId(sample: readonly SampleRecord[]): { source: FieldSource; note: string | null } {
  const has = (name: string): boolean =>
    sample.filter(({ values }) => values.has(name)).length >= Math.max(1, sample.length / 10);
  const named = idNames.filter(has);
  if (named.length > 0) return { source: from(...named), note: null };
  return {
    source: from(...requestIds),
    note: 'the log has only ids of requests, not of webhooks: attempts of one event are joined only if the sender repeats the id. Log the webhook-id header',
  };
}

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
export const envoyPattern = [
  '^\\[(?P<start_time>[^\\]]+)\\] "(?P<method>\\S+) (?P<path>\\S+) [^"]*" (?P<response_code>\\d+) (?P<response_flags>\\S+) ',
  '(?:[^"]*?"(?P<reason>[^"]*)" |[^"]*? )?(?P<bytes_received>\\d+) (?P<bytes_sent>\\d+) (?P<duration>\\d+) (?:\\d+|-) ',
  '"[^"]*" "[^"]*" "(?P<request_id>[^"]*)" "(?P<authority>[^"]*)" "(?P<upstream_host>[^"]*)"',
  '(?: "(?P<reason_behind>[^"]*[:| ][^"]*|-)")?(?: "(?P<webhook_id>[^":| ]+)")?(?: "(?P<reason_last>[^"]*[:| ][^"]*)")?',
].join('');

export const envoy: FormatReader = {
  format: 'envoy',
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

/** nginx "combined" followed by key=value pairs or quoted headers. */
export const nginxPattern =
  '^(?P<remote_addr>\\S+) \\S+ \\S+ \\[(?P<time_local>[^\\]]+)\\] "(?P<method>[A-Z]+) (?P<uri>\\S+)[^"]*" (?P<status>\\d{3}) (?P<body_bytes_sent>\\S+)(?: "(?:[^"]*)" "(?:[^"]*)")?';

const lastPart = "trim(regexp_extract(@@, '[^,:]*$'))";

export const nginx: FormatReader = {
  format: 'nginx',
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
