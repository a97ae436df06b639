import { describe, expect, test } from 'vitest';
import { type Endpoint, freshEndpoint } from '../domain/endpoint.ts';
import type { Certificate } from '../domain/reach.ts';
import { dayMs, hourMs } from '../domain/time.ts';
import { certificateCondition, expiringCertificates } from './certificates.ts';

const now = Date.UTC(2026, 0, 2);
const lasting = (forMs: number, lifeMs = 90 * dayMs): Certificate => ({
  subject: 'CN=posthorn',
  issuer: 'CN=authority',
  notBefore: now + forMs - lifeMs,
  notAfter: now + forMs,
  fingerprint: 'AA',
});
const endpoint = (certificates: readonly Certificate[], fields: Partial<Endpoint> = {}): Endpoint =>
  freshEndpoint(
    { id: 'ep_1', tenant: 't', url: 'https://orders.example.com/hook', secret: 's', createdAt: 0 },
    {
      owner: 'orders',
      tls: {
        clientCertificate: '',
        clientKey: '',
        ca: null,
        minVersion: null,
        serverName: null,
        clientCertificates: certificates,
        authorities: [],
      },
      ...fields,
    },
  );
const conditions = (one: Endpoint, server: Certificate | null = null) =>
  expiringCertificates([one], server === null ? [] : [{ endpointId: 'ep_1', certificate: server }], now).map(
    (expiry) => certificateCondition(expiry, now),
  );

describe('a client certificate', () => {
  test.each([
    [31 * dayMs, undefined, undefined, ''],
    [30 * dayMs, '30', 'ticket', 'expires in 30 days, on 2026-02-01'],
    [8 * dayMs, '30', 'ticket', 'expires in 8 days, on 2026-01-10'],
    [7 * dayMs, '7', 'ticket', 'expires in 7 days, on 2026-01-09'],
    [25 * hourMs, '7', 'ticket', 'expires in 25 h, on 2026-01-03'],
    [dayMs, '1', 'page', 'expires in 24 h, on 2026-01-03'],
    [1, '1', 'page', 'expires in 1 h, on 2026-01-02'],
    [0, '0', 'page', 'expired on 2026-01-02: deliveries fail'],
    [-90 * dayMs, '0', 'page', 'expired on 2025-10-04: deliveries fail'],
  ])('that ends in %i ms is of stage %s', (forMs, stage, severity, words) => {
    const [condition] = conditions(endpoint([lasting(forMs)]));
    expect(condition?.stage).toBe(stage);
    expect(condition?.severity).toBe(severity);
    if (stage !== undefined)
      expect(condition).toMatchObject({
        rule: 'certificate_expiring',
        group: 'client/AA/orders',
        owner: 'orders',
        summary: `the client certificate for orders.example.com (CN=posthorn) ${words}`,
      });
  });

  test('of a chain the first to end counts; a disabled endpoint needs none', () => {
    const chain = [lasting(300 * dayMs), lasting(5 * dayMs)];
    expect(conditions(endpoint(chain))).toMatchObject([{ stage: '7' }]);
    expect(conditions(endpoint(chain, { enabled: false }))).toEqual([]);
    expect(conditions(endpoint([], { tls: null }))).toEqual([]);
  });

  test('that many endpoints present is one alert for each owner', () => {
    const ending = [lasting(5 * dayMs)];
    const all = [
      endpoint(ending, { owner: 'orders' }),
      endpoint(ending, { owner: 'orders' }),
      endpoint(ending, { owner: 'refunds' }),
    ];
    const found = expiringCertificates(all, [], now).map((expiry) => certificateCondition(expiry, now));
    expect(found).toMatchObject([
      {
        owner: 'orders',
        summary: expect.stringContaining('for orders.example.com and 1 more (CN=posthorn)'),
        evidence: { endpoints: 2, endpoint_ids: ['ep_1', 'ep_1'] },
      },
      { owner: 'refunds', evidence: { endpoints: 1 } },
    ]);
  });
});

test('the certificate of a receiver: most renew it by themselves a month before, short-lived ones every few days', () => {
  const plain = endpoint([], { tls: null });
  expect(conditions(plain, lasting(20 * dayMs))).toEqual([]);
  expect(conditions(plain, lasting(6 * dayMs))).toMatchObject([
    {
      stage: '7',
      group: 'server/AA/orders',
      summary: 'the certificate of orders.example.com (CN=posthorn) expires in 6 days, on 2026-01-08',
    },
  ]);
  expect(conditions(plain, lasting(6 * dayMs, 6.5 * dayMs))).toEqual([]);
  expect(conditions(plain, lasting(hourMs, 6.5 * dayMs))).toMatchObject([{ stage: '1' }]);
});
