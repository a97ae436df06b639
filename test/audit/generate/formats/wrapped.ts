import { csv, iso, type LogFormat } from './format.ts';
import { generic, jsonLines } from './generic.ts';

// One log inside what collectors, platforms and terminals put around its lines. The audit must read each like the plain log.

/** Puts lines of JSON into something. */
type Wrap = (lines: readonly string[]) => string;

const each =
  (wrap: (line: string, index: number) => string): Wrap =>
  (lines) =>
    lines.map((line, index) => `${wrap(line, index)}\n`).join('');
const eachJson = (wrap: (line: string, index: number) => object): Wrap =>
  each((line, index) => JSON.stringify(wrap(line, index)));
const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const parsed = (line: string): Record<string, unknown> => JSON.parse(line) as Record<string, unknown>;
const writtenAt = (line: string): number => Date.parse(parsed(line)['ts'] as string);
/** Where container runtimes cut a line that is long; theirs is 16 KiB. */
const partBytes = 180;

/** Lines of the container runtime interface, in which `P` marks a part that the next line goes on with. */
const criLines = (line: string): string => {
  const prefix = `${iso(writtenAt(line)).replace('Z', '104Z')} stdout`;
  const parts = line.match(new RegExp(`.{1,${partBytes}}`, 'gs'))!;
  return parts.map((part, index) => `${prefix} ${index === parts.length - 1 ? 'F' : 'P'} ${part}`).join('\n');
};

/** Attributes of OpenTelemetry. */
const attributesOf = (line: string): object[] =>
  Object.entries(parsed(line)).map(([key, value]) => ({
    key,
    value:
      typeof value === 'number'
        ? { intValue: `${value}` }
        : { stringValue: typeof value === 'string' ? value : JSON.stringify(value ?? '') },
  }));

const wraps: readonly (readonly [name: string, file: string, wrap: Wrap])[] = [
  [
    'docker json-file',
    'a1b2-json.log',
    eachJson((line) => ({ log: `${line}\n`, stream: 'stdout', time: iso(writtenAt(line)) })),
  ],
  ['Kubernetes, with partial lines', '0.log', each(criLines)],
  ['kubectl logs --prefix', 'pods.log', each((line) => `[pod/sender-7c9/app] ${line}`)],
  ['docker compose', 'compose.log', each((line) => `sender-1  | ${line}`)],
  [
    'syslog, RFC 5424',
    'syslog.log',
    each((line) => `<14>1 ${iso(writtenAt(line))} web-1 sender 811 - - ${line}`),
  ],
  ['Heroku', 'heroku.log', each((line) => `${iso(writtenAt(line))} app[worker.1]: ${line}`)],
  [
    "Ruby's Logger",
    'production.log',
    each((line) => `I, [${iso(writtenAt(line)).slice(0, -1)}000 #4711]  INFO -- : ${line}`),
  ],
  [
    'CloudWatch, filter-log-events',
    'events.json',
    (lines) =>
      JSON.stringify({
        events: lines.map((message, index) => ({
          logStreamName: 'sender/1',
          timestamp: writtenAt(message),
          message,
          ingestionTime: writtenAt(message) + 900,
          eventId: `37${index}`,
        })),
        searchedLogStreams: [],
      }),
  ],
  [
    'CloudWatch Logs Insights',
    'logs-insights-results.csv',
    (lines) =>
      csv(
        '@timestamp,@message,@ptr',
        lines.map((line, index) =>
          [iso(writtenAt(line)).replace('T', ' ').slice(0, -1), cell(line), `CmEK${index}`].join(','),
        ),
      ),
  ],
  [
    'Loki, logcli',
    'loki.jsonl',
    eachJson((line) => ({ labels: { app: 'sender' }, line, timestamp: iso(writtenAt(line)) })),
  ],
  [
    'Loki, query_range',
    'loki.json',
    (lines) =>
      JSON.stringify({
        status: 'success',
        data: {
          resultType: 'streams',
          result: [
            { stream: { app: 'sender' }, values: lines.map((line) => [`${writtenAt(line)}000000`, line]) },
          ],
        },
      }),
  ],
  [
    'Splunk',
    'splunk.json',
    eachJson((line, offset) => ({
      preview: false,
      offset,
      result: { _time: iso(writtenAt(line)), source: 'sender', _raw: line },
    })),
  ],
  [
    'journald',
    'journal.json',
    eachJson((line) => ({
      __REALTIME_TIMESTAMP: `${writtenAt(line)}000`,
      _SYSTEMD_UNIT: 'sender.service',
      PRIORITY: '6',
      MESSAGE: line,
    })),
  ],
  [
    'Elasticsearch, message',
    'hits.json',
    (lines) =>
      JSON.stringify({
        took: 4,
        hits: {
          total: { value: lines.length },
          hits: lines.map((message, index) => ({
            _index: 'logs-1',
            _id: `h${index}`,
            _source: { '@timestamp': iso(writtenAt(message)), message },
          })),
        },
      }),
  ],
  [
    'Cloudflare Workers, Logpush',
    'logpush.ndjson',
    eachJson((line) => ({
      EventTimestampMs: writtenAt(line),
      Outcome: 'ok',
      ScriptName: 'sender',
      Logs: [{ Level: 'log', Message: [line], TimestampMs: writtenAt(line) }],
    })),
  ],
  [
    'Google Cloud Logging',
    'gcp.json',
    (lines) =>
      JSON.stringify(
        lines.map((line, index) => ({
          insertId: `i${index}`,
          jsonPayload: parsed(line),
          timestamp: iso(writtenAt(line)),
          severity: 'INFO',
          receiveTimestamp: iso(writtenAt(line) + 800),
        })),
      ),
  ],
  [
    'OpenTelemetry, OTLP JSON',
    'otlp.json',
    (lines) =>
      JSON.stringify({
        resourceLogs: [
          {
            resource: { attributes: [] },
            scopeLogs: [
              {
                logRecords: lines.map((line) => ({
                  timeUnixNano: `${writtenAt(line)}000000`,
                  attributes: attributesOf(line),
                })),
              },
            ],
          },
        ],
      }),
  ],
  [
    'a page of an API',
    'page.json',
    (lines) => JSON.stringify({ pagination: { limit: 100 }, count: lines.length, models: lines.map(parsed) }),
  ],
  [
    'docker around compose',
    'double.log',
    eachJson((line) => ({
      log: `sender-1  | ${line}\n`,
      stream: 'stdout',
      time: iso(writtenAt(line)),
    })),
  ],
  [
    'a column of a table',
    'rows.csv',
    (lines) =>
      csv(
        'id,payload',
        lines.map((line, row) => `${row},${cell(line)}`),
      ),
  ],
];

export const wrappedFormats: readonly LogFormat[] = wraps.map(([name, file, wrap]) => ({
  ...generic,
  name,
  kind: 'wrapped',
  files: (log) => [{ name: file, content: wrap(jsonLines(log).trimEnd().split('\n')) }],
}));
