import { type FormatReader, from } from '../spec.ts';

/** The access log of AWS's Application Load Balancer. */
const pattern = [
  '^(?P<type>http|https|h2|grpcs|ws|wss) (?P<time>\\d{4}-[^ ]+) (?P<elb>[^ ]+) (?P<client>[^ ]+) (?P<target>[^ ]+) (?P<request_s>-?[0-9.]+) (?P<target_s>-?[0-9.]+) (?P<response_s>-?[0-9.]+) ',
  '(?P<elb_status_code>\\d+|-) (?P<target_status_code>\\d+|-) (?P<received_bytes>\\d+) (?P<sent_bytes>\\d+) "[^"]*" "[^"]*" [^ ]+ [^ ]+ [^ ]+ ',
  '"(?P<trace_id>[^"]*)" "(?P<domain_name>[^"]*)" "[^"]*" [^ ]+ (?P<request_creation_time>[^ ]+)',
].join('');

export const alb: FormatReader = {
  format: 'alb',
  recognizedBy: 'its line: `type time elb client:port target:port … elb_status_code target_status_code …`',
  about: 'seconds; the only id is `X-Amzn-Trace-Id`: attempts are joined only if the sender repeats it',
  textPattern: pattern,
  sample: [
    'https 2026-11-20T10:00:00.041000Z app/out/50dc6c495c0c9188 10.0.0.1:2817 10.0.0.2:443 0.000 0.041 0.000 200 200 120 12 "POST https://a.example.com:443/hooks HTTP/1.1" "sender/1" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/a/1 "Root=1-evt_1" "a.example.com" "session-reused" 0 2026-11-20T10:00:00.000000Z "forward" "-" "-" "10.0.0.2:443" "200" "-" "-"',
  ],
  signs: [['type', 'elb', 'elb_status_code', 'target_s', 'trace_id', 'request_creation_time']],
  spec: () => ({
    format: 'alb',
    idOfRequest: true,
    pattern,
    fields: {
      event_id: from('trace_id'),
      endpoint: from('domain_name', 'target'),
      started_at: from('request_creation_time'),
      at: from('time'),
      duration: { ...from('target_s'), unit: 's' },
      // The load balancer answers itself if the target does not.
      status_code: from('elb_status_code'),
      bytes: from('received_bytes'),
    },
    atIs: 'end',
    notes: [
      'the log has only ids of requests, not of webhooks: attempts of one event are joined only if the sender repeats the X-Amzn-Trace-Id header',
    ],
  }),
};
