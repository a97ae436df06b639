import { generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { WebhookVerificationError } from './errors.ts';
import { verifyWebhook } from './verify.ts';

const secretOf = (text: string): string => `whsec_${Buffer.from(text.padEnd(32, '.')).toString('base64')}`;
const secret = secretOf('one');
const other = secretOf('other');
const now = Date.UTC(2026, 10, 26);
const body = '{"id":"evt_1","type":"a.b","timestamp":"2026-11-26T00:00:00.000Z","data":{"snake_case":"é"}}';
const signed = (by = secret, text = body, at = now) => ({
  'webhook-id': 'evt_1',
  'webhook-timestamp': String(Math.floor(at / 1000)),
  'webhook-signature': new Webhook(by).sign('evt_1', new Date(at), text),
});

function codeOf(...args: Parameters<typeof verifyWebhook>): string {
  try {
    verifyWebhook(args[0], args[1], args[2], { now, ...args[3] });
    return 'verified';
  } catch (error) {
    if (error instanceof WebhookVerificationError) return error.code;
    throw error;
  }
}

describe('verifyWebhook', () => {
  test('returns the event', () => {
    expect(verifyWebhook(secret, signed(), body, { now })).toEqual(JSON.parse(body));
    expect(() => verifyWebhook(secret, signed(), body)).toThrow(/more than 300 s/);
    expect(verifyWebhook(secret, signed(secret, body, Date.now()), body)).toMatchObject({ id: 'evt_1' });
  });

  test.each<[string, Parameters<typeof verifyWebhook>[1]]>([
    ['Headers', new Headers(signed())],
    ['headers of Node', { ...signed(), host: 'x', 'set-cookie': ['a', 'b'] }],
    [
      'names in any case',
      {
        'Webhook-Id': 'evt_1',
        'WEBHOOK-TIMESTAMP': signed()['webhook-timestamp'],
        'Webhook-Signature': [signed()['webhook-signature']],
      },
    ],
  ])('takes %s', (_, headers) => {
    expect(codeOf(secret, headers, body)).toBe('verified');
  });

  test('takes a body as text or bytes', () => {
    for (const raw of [
      Buffer.from(body),
      new TextEncoder().encode(body),
      new TextEncoder().encode(body).buffer,
    ])
      expect(codeOf(secret, signed(), raw)).toBe('verified');
    expect(codeOf(secret, signed(), JSON.parse(body) as string)).toBe('body_not_raw');
  });

  test('several secrets and several signatures: one pair has to match', () => {
    const both = {
      ...signed(),
      'webhook-signature': `v1a,xyz v1,short ${signed(other)['webhook-signature']} ${signed()['webhook-signature']}`,
    };
    expect(codeOf([other, secret], signed(), body)).toBe('verified');
    expect(codeOf(secret, both, body)).toBe('verified');
    expect(codeOf([other], signed(), body)).toBe('signature_invalid');
    expect(codeOf([], signed(), body)).toBe('unknown_key');
    expect(codeOf(secret.replace('whsec_', ''), signed(), body)).toBe('verified');
  });

  test.each<[string, Parameters<typeof verifyWebhook>[1], string, number?]>([
    ['missing_header', {}, body],
    ['missing_header', { ...signed(), 'webhook-signature': '' }, body],
    ['malformed_header', { ...signed(), 'webhook-timestamp': '1e9' }, body],
    ['timestamp_too_old', signed(), body, now + 301_000],
    ['timestamp_too_new', signed(), body, now - 301_000],
    ['signature_invalid', signed(), `${body} `],
    ['signature_invalid', { ...signed(), 'webhook-id': 'evt_2' }, body],
    [
      'signature_invalid',
      { ...signed(), 'webhook-signature': signed()['webhook-signature'].replace('v1,', 'v1a,') },
      body,
    ],
    ['invalid_body', signed(secret, 'text'), 'text'],
  ])('%s: %j', (code, headers, text, at = now) => {
    expect(codeOf(secret, headers, text, { now: at })).toBe(code);
  });

  test('at the edge of the tolerance, and one that is asked for', () => {
    expect(codeOf(secret, signed(), body, { now: new Date(now + 300_000) })).toBe('verified');
    expect(codeOf(secret, signed(), body, { now: now + 11_000, toleranceS: 10 })).toBe('timestamp_too_old');
    expect(codeOf(secret, signed(), body, { now: now + 3_600_000, toleranceS: 3600 })).toBe('verified');
  });

  test('a secret that is none is refused', () => {
    for (const bad of ['', 'whsec_', 'whsec_ü', 'no base64!'])
      expect(codeOf(bad, signed(), body)).toBe('invalid_secret');
  });

  describe('with a public key (v1a)', () => {
    const pair = generateKeyPairSync('ed25519');
    const raw = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x!, 'base64url');
    const publicKey = `whpk_${raw.toString('base64')}`;
    const signedBy = (text = body, at = now): string => {
      const content = Buffer.from(`evt_1.${Math.floor(at / 1000)}.${text}`);
      return `v1a,${sign(null, content, pair.privateKey).toString('base64')}`;
    };
    const asymmetric = (signature = signedBy()) => ({ ...signed(), 'webhook-signature': signature });

    test('verifies, alone and among others, as text and as bytes', () => {
      for (const signature of [
        signedBy(),
        `${signed()['webhook-signature']} ${signedBy()}`,
        `v1a,AAAA v2,x ${signedBy()}`,
      ])
        for (const form of [body, Buffer.from(body), new TextEncoder().encode(body).buffer])
          expect(codeOf(publicKey, asymmetric(signature), form)).toBe('verified');
      expect(codeOf([other, publicKey], asymmetric(), body)).toBe('verified');
      expect(codeOf([secret, publicKey], signed(), body)).toBe('verified');
    });

    test('refuses another body, another key, another kind of signature, and keys that are none', () => {
      expect(codeOf(publicKey, asymmetric(), `${body} `)).toBe('signature_invalid');
      expect(codeOf(`whpk_${Buffer.alloc(32, 9).toString('base64')}`, asymmetric(), body)).toBe(
        'signature_invalid',
      );
      expect(codeOf(publicKey, signed(), body)).toBe('signature_invalid');
      expect(codeOf(publicKey, asymmetric(signedBy().replace('v1a,', 'v1,')), body)).toBe(
        'signature_invalid',
      );
      expect(codeOf(publicKey, asymmetric(signedBy(body, now - 400_000)), body)).toBe('signature_invalid');
      for (const bad of ['whpk_', 'whpk_AAAA', 'whpk_no base64!', `whsk_${raw.toString('base64')}`])
        expect(codeOf(bad, asymmetric(), body)).toBe('invalid_secret');
    });
  });

  test('takes the header names of Svix; a complete family wins over an incomplete one', () => {
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = signed();
    const svix = { 'svix-id': id, 'Svix-Timestamp': timestamp, 'svix-signature': signature };
    expect(codeOf(secret, svix, body)).toBe('verified');
    expect(codeOf(secret, new Headers(svix), body)).toBe('verified');
    expect(codeOf(secret, { ...svix, 'webhook-id': 'other' }, body)).toBe('verified');
    expect(codeOf(secret, { 'svix-id': id, 'svix-signature': signature }, body)).toBe('missing_header');
  });

  test.each<[string, string, string, Record<string, string | string[]>]>([
    ['missing_header', 'webhook-id', 'no header', {}],
    [
      'missing_header',
      'webhook-timestamp',
      'no timestamp',
      { 'webhook-id': 'a', 'webhook-signature': 'v1,a' },
    ],
    ['missing_header', 'svix-signature', 'no signature', { 'svix-id': 'a', 'svix-timestamp': '1' }],
    ['malformed_header', 'webhook-signature', 'no scheme', { ...signed(), 'webhook-signature': 'abc' }],
    [
      'malformed_header',
      'webhook-signature',
      'another scheme',
      { ...signed(), 'webhook-signature': 'v2,abc' },
    ],
    ['malformed_header', 'webhook-signature', 'an empty one', { ...signed(), 'webhook-signature': 'v1,' }],
    ['malformed_header', 'webhook-id', 'two ids', { ...signed(), 'webhook-id': ['a', 'b'] }],
    ['malformed_header', 'webhook-id', 'a long id', { ...signed(), 'webhook-id': 'a'.repeat(20_000) }],
  ])('%s of %s: %s', (code, header, _, headers) => {
    expect(() => verifyWebhook(secret, headers, body, { now })).toThrow(
      expect.objectContaining({ code, header, step: 'header', status: 400 }),
    );
  });

  test('throws WebhookVerificationError and nothing else, whatever is handed in (property)', () => {
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new TypeError('no');
        },
      },
    );
    const detached = new ArrayBuffer(8);
    structuredClone(detached, { transfer: [detached] });
    const odd: unknown[] = [
      undefined,
      null,
      0,
      Number.NaN,
      Symbol('x'),
      () => {},
      [],
      {},
      hostile,
      new Date(Number.NaN),
      1n,
    ];
    const fake = Object.create(Uint8Array.prototype) as Uint8Array;
    const anything = fc.oneof(fc.anything(), fc.constantFrom(...odd));
    const headers = fc.oneof(
      anything,
      fc.constantFrom(
        signed(),
        {
          get: () => {
            throw new TypeError('no');
          },
        },
        { get: () => 7 },
      ),
    );
    const bodies = fc.oneof(
      anything,
      fc.constantFrom(body, detached, fake, new DataView(new ArrayBuffer(2))),
    );
    const options = fc.oneof(
      anything,
      fc.record({ now: anything, toleranceS: anything }),
      fc.constant({ now }),
    );
    fc.assert(
      fc.property(fc.oneof(anything, fc.constant(secret)), headers, bodies, options, (...args) => {
        try {
          verifyWebhook(...(args as unknown as Parameters<typeof verifyWebhook>));
        } catch (error) {
          expect(error).toBeInstanceOf(WebhookVerificationError);
        }
      }),
      { numRuns: 500 },
    );
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '1', new Date(Number.NaN)])
      for (const name of ['now', 'toleranceS'])
        expect(codeOf(secret, signed(), body, { [name]: value } as object)).toBe('invalid_options');
  });

  test('agrees with the library of the standard (property)', () => {
    const flip = fc.constantFrom('none', 'body', 'id', 'secret');
    fc.assert(
      fc.property(fc.jsonValue(), fc.stringMatching(/^[a-z0-9_]{1,20}$/), flip, (data, id, change) => {
        const text = JSON.stringify({ data });
        const at = Date.now();
        const headers = {
          'webhook-id': change === 'id' ? `${id}x` : id,
          'webhook-timestamp': String(Math.floor(at / 1000)),
          'webhook-signature': new Webhook(change === 'secret' ? other : secret).sign(id, new Date(at), text),
        };
        const sent = change === 'body' ? `${text} ` : text;
        const theirs = ((): unknown => {
          try {
            return new Webhook(secret).verify(sent, headers);
          } catch {
            return 'refused';
          }
        })();
        const code = codeOf(secret, headers, sent, { now: at });
        expect(code === 'verified').toBe(theirs !== 'refused');
        expect(code === 'verified').toBe(change === 'none');
      }),
    );
  });
});
