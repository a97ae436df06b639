import { type FormatReader, from } from '../spec.ts';
import { detectId } from './request-ids.ts';

/** Traefik's access log in JSON. */
export const traefik: FormatReader = {
  format: 'traefik',
  recognizedBy: '`DownstreamStatus, Duration, StartUTC, RequestMethod, RouterName`',
  about:
    'nanoseconds; keep the `webhook-id` header (`accessLog.fields.headers`), otherwise attempts cannot be joined',
  sample: [
    '{"ClientHost":"10.0.0.1","DownstreamStatus":200,"OriginStatus":200,"Duration":41000000,"RequestHost":"a.example.com","RequestMethod":"POST","RequestPath":"/hooks","RouterName":"out@file","ServiceName":"a@file","StartUTC":"2026-11-20T10:00:00.000000000Z","request_Webhook-Id":"evt_1","time":"2026-11-20T10:00:00Z"}',
  ],
  signs: [
    ['DownstreamStatus', 'Duration', 'StartUTC', 'RequestMethod'],
    ['DownstreamStatus', 'Duration', 'StartLocal', 'RequestMethod'],
  ],
  spec: (sample) => {
    const { source, note } = detectId(sample);
    return {
      format: 'traefik',
      idOfRequest: note !== null,
      fields: {
        event_id: source,
        endpoint: from('RequestHost', 'RequestAddr', 'ServiceName'),
        started_at: from('StartUTC', 'StartLocal'),
        duration: { ...from('Duration'), unit: 'ns' },
        // Without an answer of the receiver, Traefik answers itself.
        status_code: {
          ...from('OriginStatus', 'DownstreamStatus'),
          sql: "case @@ when '0' then null else @@ end",
        },
        bytes: from('RequestContentSize'),
      },
      atIs: 'end',
      notes: note === null ? [] : [note],
    };
  },
};
