import { type FormatReader, from } from '../spec.ts';

export const github: FormatReader = {
  format: 'github',
  recognizedBy: '`id, guid, delivered_at, redelivery, status_code, event`',
  about:
    "does not retry by itself: a failed event is lost unless the same `guid` succeeds later. A hook's list does not name the hook: lists with the same first `guid` are separated by their files",
  sample: [
    '{"id":1,"guid":"0b989ba4-242f-11e5-81e1-c7b6966d2516","delivered_at":"2026-11-20T10:00:00Z","redelivery":false,"duration":0.27,"status":"OK","status_code":200,"event":"issues","action":"opened"}',
  ],
  signs: [['id', 'guid', 'delivered_at', 'redelivery', 'status_code', 'event']],
  spec: () => ({
    format: 'github',
    fields: {
      event_id: from('guid'),
      endpoint: from('hook_id', 'url', 'target_url', 'request.url'),
      started_at: from('delivered_at'),
      duration: { ...from('duration'), unit: 's' },
      status_code: from('status_code'),
      outcome: from('status'),
      error: from('status'),
      event_type: from('event'),
      tenant: from('repository_id', 'installation_id'),
    },
    atIs: 'start',
    sender: { retries: false, horizonMs: 0 },
    notes: ['GitHub never redelivers by itself: what failed is lost unless the same guid succeeds later'],
  }),
};
