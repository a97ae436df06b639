import type { Condition } from '../domain/alert.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { type Certificate, toReachSettings } from '../domain/reach.ts';
import { dayMs, iso } from '../domain/time.ts';
import type { ServerCertificate } from '../store/breakers.ts';

/** Days before expiry at which the owner is notified: for a client certificate, and for a receiver's own. */
const clientDays = [1, 7, 30];
/** Most servers renew their certificates automatically, 30 days before expiry. */
const serverDays = [1, 7];
/** A certificate with a shorter lifetime is renewed automatically every few days. */
const shortLifeMs = 10 * dayMs;

const maxNamed = 20;

/** A certificate that expires soon or has expired, with the endpoints of one owner that use it. */
export interface Expiry {
  readonly endpoints: [Endpoint, ...Endpoint[]];
  readonly use: 'client' | 'server';
  readonly certificate: Certificate;
  /** The threshold, in days, that its expiry has crossed; 0: it has expired. */
  readonly stage: number;
}

/** Returns the certificates of these endpoints that should be renewed, earliest expiry first. */
export function expiringCertificates(
  endpoints: readonly Endpoint[],
  servers: readonly ServerCertificate[],
  now: number,
): readonly Expiry[] {
  const seen = new Map(servers.map((server) => [server.endpointId, server]));
  const found = new Map<string, Expiry>();
  for (const endpoint of endpoints) {
    if (!endpoint.enabled) continue;
    const client = firstToEnd(toReachSettings(endpoint).tls?.clientCertificates ?? []);
    if (client !== null) add(found, endpoint, 'client', client, clientDays, now);
    const server = seen.get(endpoint.id);
    if (server !== undefined) {
      const { notBefore, notAfter } = server.certificate;
      const days = notAfter - notBefore > shortLifeMs ? serverDays : serverDays.slice(0, 1);
      add(found, endpoint, 'server', server.certificate, days, now);
    }
  }
  return [...found.values()].toSorted((a, b) => a.certificate.notAfter - b.certificate.notAfter);
}

function add(
  found: Map<string, Expiry>,
  endpoint: Endpoint,
  use: Expiry['use'],
  certificate: Certificate,
  days: readonly number[],
  now: number,
): void {
  const leftMs = certificate.notAfter - now;
  const stage = leftMs <= 0 ? 0 : days.find((within) => leftMs <= within * dayMs);
  if (stage === undefined) return;
  // Many endpoints can present the same certificate.
  const key = `${use} ${certificate.fingerprint} ${endpoint.owner ?? ''}`;
  const known = found.get(key);
  if (known === undefined) found.set(key, { endpoints: [endpoint], use, certificate, stage });
  else known.endpoints.push(endpoint);
}

/** A chain expires with the first of its certificates. */
function firstToEnd(certificates: readonly Certificate[]): Certificate | null {
  return certificates.reduce<Certificate | null>(
    (first, one) => (first === null || one.notAfter < first.notAfter ? one : first),
    null,
  );
}

/** A certificate that expires soon: a ticket, and a page on its last day. Notified once at each stage, not every few hours. */
export function certificateCondition({ endpoints, use, certificate, stage }: Expiry, now: number): Condition {
  const [{ id, url, owner }, ...others] = endpoints;
  const { host } = new URL(url);
  const and = others.length === 0 ? '' : ` and ${others.length.toLocaleString('en-US')} more`;
  const { subject, issuer, notAfter, fingerprint } = certificate;
  const whose =
    use === 'client' ? `the client certificate for ${host}${and}` : `the certificate of ${host}${and}`;
  const left = notAfter - now;
  const when =
    stage === 0
      ? `expired on ${iso(notAfter).slice(0, 10)}: deliveries fail`
      : `expires in ${left < 2 * dayMs ? `${Math.max(1, Math.floor(left / 3_600_000))} h` : `${Math.floor(left / dayMs)} days`}, on ${iso(notAfter).slice(0, 10)}`;
  return {
    rule: 'certificate_expiring',
    group: `${use}/${fingerprint.replaceAll(':', '').slice(0, 16)}/${owner ?? ''}`,
    severity: stage <= 1 ? 'page' : 'ticket',
    owner,
    summary: `${whose} (${subject || 'no subject'}) ${when}`,
    evidence: {
      endpoint_ids: endpoints.slice(0, maxNamed).map((endpoint) => endpoint.id),
      endpoints: endpoints.length,
      use,
      subject,
      issuer,
      not_after: iso(notAfter),
      fingerprint,
      next_step:
        use === 'client'
          ? `Send PATCH /v1/endpoints/${id} with a new client_certificate and client_key in tls: the next attempt uses it`
          : `Renew the certificate of ${host}: Posthorn sees the new one at its next connection`,
    },
    waitMs: 0,
    stage: String(stage),
  };
}
