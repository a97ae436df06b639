import { z } from 'zod';
import { anyId, pageIn, pageSchema, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const hash = z.string();
const auditEntry = z
  .strictObject({
    sequence: z.int().min(1).describe('Counts up from 1 without gaps; retention deletes the lowest.'),
    version: z.literal(1).describe("Version of the entry's format, which its hash covers."),
    at: timestamp,
    actor: z
      .strictObject({
        kind: z.enum(['key', 'session', 'portal', 'library', 'cli', 'engine']),
        id: z.string(),
        name: z.string(),
      })
      .describe('Who made the change. `engine`: Posthorn itself; `library`: the application that embeds it.'),
    action: z.string().describe('The id of the operation, such as `endpoints.update`.'),
    target: z.strictObject({ kind: z.string(), id: z.string() }),
    tenant: z.string().nullable().describe('The tenant of the target; null if it has none, or several.'),
    before: z
      .unknown()
      .describe(
        'The target before the change, as the API shows it, without write-only fields; or the relevant part of it. Null if it did not exist. A value longer than 16,384 characters is replaced by `{"cut_characters": …}`.',
      ),
    after: z.unknown().describe('The target after the change; null if it no longer exists.'),
    from: z.string().nullable().describe('Address that the request came from; null for this process.'),
    request_id: z.string().nullable(),
    previous_hash: hash.describe('Hash of the previous entry.'),
    hash: hash.describe(
      'SHA-256 (hex) of this entry without `hash` and `seal`, as JSON with sorted keys and no spaces (RFC 8785).',
    ),
    seal: z
      .string()
      .nullable()
      .describe('HMAC-SHA-256 of the hash with a key of the server; null if it had none.'),
  })
  .meta({ id: 'AuditEntry' });

const example = {
  sequence: 1042,
  version: 1,
  at: '2026-11-20T09:41:07.120Z',
  actor: { kind: 'key', id: 'key_01jd8z0c3r5s7u9w1y3a5c', name: 'deploys' },
  action: 'endpoints.pause',
  target: { kind: 'endpoint', id: 'ep_01jd8z0c3r5s7u9w1y3a5c' },
  tenant: 'acme',
  before: { enabled: true, paused_reason: null },
  after: { enabled: false, paused_reason: 'maintenance' },
  from: '203.0.113.7',
  request_id: '5f0c2a1e-7',
  previous_hash: '9b1f6d3c5a7e8b0d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c0e2b4d6f8a1c3e5b7d',
  hash: 'c49c5a2f0f3d6b8e1a7c4f9d2b5e8a0c3f6d9b1e4a7c0f3d6b9e2a5c8f1d4b7e',
  seal: null,
} as const;

export const auditLogOperations = operations({
  'auditLog.list': {
    method: 'GET',
    path: '/v1/audit-log',
    tag: 'audit-log',
    scope: 'admin',
    summary: 'List the audit log',
    description:
      "Returns who changed what, newest first: one entry for each change, written in the same transaction. It excludes publishing and Posthorn's own actions, except that it pauses or disables an endpoint. Each entry contains the hash of the previous one, so `posthorn verify` detects an entry that was edited or removed. A key that is bound to a tenant sees the entries of its tenant, whose numbers count all tenants.",
    query: z.strictObject({
      tenant: tenantName.optional(),
      actor: anyId.max(255).optional().describe('Id of the actor.'),
      action: z.string().min(1).max(64).optional(),
      target_kind: z
        .string()
        .min(1)
        .max(64)
        .optional()
        .describe('Type of the target, such as `endpoint` or `key`.'),
      target: anyId.max(255).optional().describe('Id or name of the target.'),
      since: timestamp.optional().describe('At or after this time.'),
      until: timestamp.optional().describe('Before this time.'),
      ...pageIn('desc'),
    }),
    status: 200,
    answer: pageSchema('AuditEntryList', auditEntry),
    errors: [],
    example: {
      query: { target_kind: 'endpoint', action: 'endpoints.pause', limit: '20' },
      answer: { items: [example], next_cursor: null },
    },
  },
});
