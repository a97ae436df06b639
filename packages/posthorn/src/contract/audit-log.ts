import { z } from 'zod';
import { anyId, pageIn, pageOf, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const hash = z.string();
const auditEntry = z
  .strictObject({
    sequence: z.int().min(1).describe('Counts from 1 without a gap; retention takes the lowest.'),
    version: z.literal(1).describe('Of the form of an entry, which its hash covers.'),
    at: timestamp,
    actor: z
      .strictObject({
        kind: z.enum(['key', 'session', 'portal', 'library', 'cli', 'engine']),
        id: z.string(),
        name: z.string(),
      })
      .describe('Who did it. `engine`: Posthorn by itself; `library`: the application that embeds it.'),
    action: z.string().describe('The id of the operation, such as `endpoints.update`.'),
    target: z.strictObject({ kind: z.string(), id: z.string() }),
    tenant: z.string().nullable().describe('The tenant that the target belongs to; null: none, or several.'),
    before: z
      .unknown()
      .describe(
        'The target as answers showed it, without what is write-only, or the part that matters; null: it was not there. What is longer than 16,384 characters is replaced by `{"cut_characters": …}`.',
      ),
    after: z.unknown().describe('The same as it is since; null: it is not there any more.'),
    from: z.string().nullable().describe("The request's address; null: this process."),
    request_id: z.string().nullable(),
    previous_hash: hash.describe('The hash of the entry before.'),
    hash: hash.describe(
      'SHA-256, hexadecimal, of this entry without `hash` and `seal`, as JSON with sorted keys and no spaces (RFC 8785).',
    ),
    seal: z
      .string()
      .nullable()
      .describe("HMAC-SHA-256 of the hash, with a key of the server's; null: it had none."),
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
      'Who has changed what, newest first: one entry for each change, kept in the same transaction. Publishing is not part of it, nor is what Posthorn does by itself, except that it pauses or disables an endpoint. Each entry has the hash of the one before, so one that was edited or removed is found by `posthorn verify`. A key that is bound to a tenant sees the entries of its tenant, which are numbered among all.',
    query: z.strictObject({
      tenant: tenantName.optional(),
      actor: anyId.max(255).optional().describe("The actor's id."),
      action: z.string().min(1).max(64).optional(),
      target_kind: z.string().min(1).max(64).optional().describe('Such as `endpoint` or `key`.'),
      target: anyId.max(255).optional().describe("The target's id or name."),
      since: timestamp.optional().describe('At this time or later.'),
      until: timestamp.optional().describe('Before this time.'),
      ...pageIn('desc'),
    }),
    status: 200,
    answer: pageOf('AuditEntryList', auditEntry),
    errors: [],
    example: {
      query: { target_kind: 'endpoint', action: 'endpoints.pause', limit: '20' },
      answer: { items: [example], next_cursor: null },
    },
  },
});
