import { type FormatReader, from } from '../spec.ts';
import { detectId } from './request-ids.ts';

/** Caddy's access log in JSON. */
export const caddy: FormatReader = {
  format: 'caddy',
  recognizedBy: '`ts, request.host, request.uri, request.method, duration, status, size`',
  about: 'seconds; request headers are in the log, so the `webhook-id` header joins attempts',
  sample: [
    '{"level":"info","ts":1795168860.041,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.0.0.1","proto":"HTTP/2.0","method":"POST","host":"a.example.com","uri":"/hooks","headers":{"Webhook-Id":["evt_1"]}},"bytes_read":120,"duration":0.041,"size":2,"status":200}',
  ],
  signs: [['ts', 'request.method', 'request.host', 'request.uri', 'duration', 'status', 'size']],
  spec: (sample) => {
    const { source, note } = detectId(sample);
    return {
      format: 'caddy',
      idOfRequest: note !== null,
      fields: {
        // Headers are lists.
        event_id: { ...source, sql: `trim(@@, '[]"')` },
        endpoint: from('request.host'),
        at: from('ts'),
        duration: { ...from('duration'), unit: 's' },
        status_code: from('status'),
        bytes: from('bytes_read'),
      },
      atIs: 'end',
      notes: note === null ? [] : [note],
    };
  },
};
