import { expect, test } from 'vitest';
import type { AuditEntry } from './audit-entry.ts';
import { automaticMarker, versionMarker } from './automatic-marker.ts';

const entry = (fields: Partial<AuditEntry>): AuditEntry => ({
  at: 1000,
  actor: { kind: 'key', id: 'key_1', name: 'mara@' },
  action: 'endpoints.update',
  target: { kind: 'endpoint', id: 'ep_1' },
  tenant: 'default',
  before: { url: 'https://crm.example/hooks', enabled: true, template: 'standard' },
  after: { url: 'https://crm.example/hooks', enabled: true, template: 'standard' },
  from: null,
  requestId: null,
  ...fields,
});
const labelOf = (fields: Partial<AuditEntry>): string | null => automaticMarker(entry(fields))?.label ?? null;
const url = 'https://crm.example/hooks';

test('a pause, a resumption and another template of an endpoint are worth a marker, by any author', () => {
  expect(automaticMarker(entry({ after: { url, enabled: false, paused_reason: 'migration' } }))).toEqual({
    at: 1000,
    kind: 'change',
    label: 'crm.example paused: migration',
    url: null,
    by: 'mara@',
    isAutomatic: true,
    tenant: 'default',
    subject: { kind: 'endpoint', id: 'ep_1' },
  });
  // By Posthorn itself, which shows the host alone.
  expect(
    labelOf({
      before: { host: 'crm.example', enabled: true, paused_reason: null },
      after: { host: 'crm.example', enabled: false, paused_reason: 'gone' },
    }),
  ).toBe('crm.example paused: gone');
  expect(labelOf({ before: { url, enabled: false }, after: { url, enabled: true } })).toBe(
    'crm.example resumed',
  );
  expect(labelOf({ after: { url, enabled: true, template: 'payments' } })).toBe(
    'crm.example follows the template payments',
  );
});

test('a new version of a template and a job in bulk are, their first version and a dry run are not', () => {
  const template = { kind: 'template', id: 'payments' };
  expect(labelOf({ target: template, before: null, after: { version: 1 } })).toBeNull();
  expect(labelOf({ target: template, before: null, after: { version: 2 } })).toBe(
    'Template payments, version 2',
  );
  expect(labelOf({ target: template, before: { version: 2 }, after: null })).toBe(
    'Template payments deleted',
  );
  const job = { action: 'redrives.create', target: { kind: 'redrive', id: 'rdr_1' }, before: null } as const;
  expect(labelOf({ ...job, after: { name: 'certificate', dry_run: false } })).toBe('Redrive: certificate');
  expect(labelOf({ ...job, after: { name: null, dry_run: false, matched: 1200 } })).toBe(
    'Redrive of 1,200 deliveries',
  );
  expect(labelOf({ ...job, action: 'replays.create', after: { name: null, dry_run: false } })).toBe(
    'Replay in bulk',
  );
  expect(labelOf({ ...job, after: { name: 'x', dry_run: true } })).toBeNull();
});

test('nothing else is: an endpoint that is new, deleted or as it was, a key, what Posthorn does for itself', () => {
  expect(labelOf({})).toBeNull();
  expect(labelOf({ before: null })).toBeNull();
  expect(labelOf({ after: null })).toBeNull();
  expect(labelOf({ target: { kind: 'key', id: 'key_2' } })).toBeNull();
  expect(labelOf({ tenant: 'posthorn', after: { url, enabled: false } })).toBeNull();
  expect(labelOf({ action: 'redrives.stop', target: { kind: 'redrive', id: 'rdr_1' } })).toBeNull();
});

test('a label is bounded, and a version says what was before it', () => {
  expect(labelOf({ after: { url, enabled: false, paused_reason: 'x'.repeat(500) } })).toHaveLength(120);
  expect(versionMarker('0.9.0', '0.10.0', 5)).toMatchObject({
    at: 5,
    kind: 'deploy',
    label: 'Posthorn 0.10.0, before it 0.9.0',
    isAutomatic: true,
  });
});
