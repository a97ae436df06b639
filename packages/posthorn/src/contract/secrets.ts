import { z } from 'zod';
import { count } from './fields.ts';
import { operations } from './operation.ts';

const keyId = z.string().describe('A short hash of the key; sealed texts contain it.');
const status = z
  .strictObject({
    encrypted: z.boolean().describe('False with `--plaintext-secrets`.'),
    key_id: keyId
      .nullable()
      .describe('The key that encrypts now: the first one that was configured on this node.'),
    keys: z
      .array(
        z.strictObject({
          id: keyId,
          available: z.boolean().describe('Whether this node has it.'),
          secrets: count.describe('Stored secrets that it encrypts.'),
        }),
      )
      .describe('The keys that this node has, and those that stored secrets are encrypted with.'),
    plaintext: count.describe('Stored secrets that are not encrypted.'),
    locked_endpoints: count.describe('Endpoints with a secret that this node cannot decrypt.'),
    removable_keys: z
      .array(keyId)
      .describe(
        'Previous keys that encrypt nothing any more. They still verify the audit log before the rotation: keep a copy elsewhere.',
      ),
  })
  .meta({ id: 'SecretsStatus' });
const rotated = z
  .strictObject({
    changed: count.describe('Endpoints and settings whose secrets were encrypted again.'),
    unreadable: count.describe('Secrets that could not be decrypted and stay as they are.'),
    purged: z
      .boolean()
      .describe(
        'Whether the database was rewritten, so that its files contain nothing under a previous key. Skipped on a running node if the database has more than 1 GiB: stop Posthorn and run `posthorn secrets rotate --data-dir`.',
      ),
    status,
  })
  .meta({ id: 'SecretsRotation' });

const exampleStatus = {
  encrypted: true,
  key_id: '5be9d0c1',
  keys: [
    { id: '5be9d0c1', available: true, secrets: 214 },
    { id: '90aa17f4', available: true, secrets: 0 },
  ],
  plaintext: 0,
  locked_endpoints: 0,
  removable_keys: ['90aa17f4'],
};

export const secretOperations = operations({
  'secrets.status': {
    method: 'GET',
    path: '/v1/secrets',
    tag: 'secrets',
    scope: 'admin',
    summary: 'Show which keys encrypt the stored secrets',
    description: 'Counts secrets by key, and says which keys can be removed. Shows neither secrets nor keys.',
    status: 200,
    answer: status,
    errors: [],
    example: { answer: exampleStatus },
  },
  'secrets.rotate': {
    method: 'POST',
    path: '/v1/secrets/rotate',
    tag: 'secrets',
    scope: 'admin',
    summary: 'Encrypt all stored secrets with the newest key',
    description:
      'Safe to repeat: it does what is left. Every node must have the new key first. Nothing that receivers see changes.',
    status: 200,
    answer: rotated,
    errors: ['busy'],
    example: { answer: { changed: 107, unreadable: 0, purged: true, status: exampleStatus } },
  },
});
