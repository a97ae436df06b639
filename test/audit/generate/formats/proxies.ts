import { formatRandom } from '../generate.ts';
import { ordinarySchedule } from '../model.ts';
import { addressOf, ended, hostOf, iso, lines, type LogFormat, proxyStatus, took } from './format.ts';

const envoyFlags: Readonly<Record<string, string>> = {
  timeout: 'UT',
  reset: 'UC',
  ECONNRESET: 'UC',
  ECONNREFUSED: 'UF',
  ENOTFOUND: 'DF',
  CERT_HAS_EXPIRED: 'UF',
};

export const envoy: LogFormat = {
  name: 'Envoy access log',
  is: 'envoy',
  kind: 'complete',
  schedule: ordinarySchedule,
  givesUp: true,
  shows: [
    'retry_never_scheduled',
    'client_timeout',
    'endpoint_outage',
    'tls',
    'dns',
    'oversize',
    'acknowledged_unprocessed',
  ],
  hasMoney: false,
  files: (log) => {
    const random = formatRandom(log.recipe, 'envoy');
    return [
      {
        name: 'access.log',
        content: ended(log)
          .map(({ event, row }) => {
            const flag = row.error === null ? '-' : (envoyFlags[row.error] ?? 'UF');
            const upstream = row.error === 'CERT_HAS_EXPIRED' ? 'TLS_error:_certificate_has_expired' : '-';
            return `[${iso(row.startedAt)}] "POST ${new URL(event.endpoint).pathname} HTTP/1.1" ${proxyStatus(row)} ${flag} ${event.bytes} ${row.status === 200 ? 2 : 91} ${took(row)} ${row.status === null ? '-' : Math.max(1, took(row) - random.below(3))} "-" "payments/3.1" "${event.id}" "${hostOf(event)}" "${addressOf(event)}"${upstream === '-' ? '' : ` "${upstream}"`}\n`;
          })
          .join(''),
      },
    ];
  },
};

export const nginx: LogFormat = {
  name: 'nginx access log',
  is: 'nginx',
  kind: 'complete',
  schedule: ordinarySchedule,
  givesUp: true,
  shows: [
    'retry_never_scheduled',
    'client_timeout',
    'endpoint_outage',
    'oversize',
    'acknowledged_unprocessed',
  ],
  hasMoney: false,
  files: (log) => [
    {
      name: 'access.json',
      content: lines(
        ended(log).map(({ event, row }) => ({
          msec: (row.endedAt! / 1000).toFixed(3),
          request_id: event.id,
          host: hostOf(event),
          request_uri: '/webhooks',
          request_method: 'POST',
          status: proxyStatus(row),
          request_time: (took(row) / 1000).toFixed(3),
          request_length: event.bytes,
          upstream_addr: addressOf(event),
          upstream_status: row.status === null ? '504' : String(row.status),
          upstream_response_time: (took(row) / 1000).toFixed(3),
        })),
      ),
    },
  ],
};
