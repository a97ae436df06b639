import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { invalid } from '../domain/errors.ts';
import { certificateFrom } from '../domain/certificate.ts';
import type { Certificate } from '../domain/reach.ts';

const maxCertificates = 64;
const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,16384}-----END CERTIFICATE-----/g;
/** Clocks differ: a certificate that becomes valid soon may already be used. */
const clockSkewMs = 5 * 60_000;

/** Certificates as they were given, and their facts. */
export interface ReadCertificates {
  /** The certificates alone: surrounding text is not stored, because answers show it. */
  readonly pem: string;
  readonly first: X509Certificate;
  readonly certificates: readonly Certificate[];
}

function read(pem: string, path: string): { readonly blocks: string[]; readonly parsed: X509Certificate[] } {
  if (pem.includes('PRIVATE KEY-----')) throw invalid(path, 'contains a private key: give it as client_key');
  const blocks = pem.match(block) ?? [];
  if (blocks.length === 0) throw invalid(path, 'is not a certificate in PEM');
  if (blocks.length > maxCertificates) throw invalid(path, `has more than ${maxCertificates} certificates`);
  const parsed = blocks.map((one, index) => {
    try {
      return new X509Certificate(one);
    } catch {
      throw invalid(path, `contains a certificate that cannot be read (number ${index + 1})`);
    }
  });
  return { blocks, parsed };
}

/** A client certificate and its chain: none of them has expired. */
export function clientCertificatesFrom(pem: string, path: string, now: number): ReadCertificates {
  const { blocks, parsed } = read(pem, path);
  for (const one of parsed) {
    const { subject, notBefore, notAfter } = certificateFrom(one);
    if (notAfter <= now) throw invalid(path, `has expired: ${subject} was valid until ${day(notAfter)}`);
    if (notBefore > now + clockSkewMs)
      throw invalid(path, `is not valid yet: ${subject} is valid from ${day(notBefore)} on`);
  }
  return { pem: `${blocks.join('\n')}\n`, first: parsed[0]!, certificates: parsed.map(certificateFrom) };
}

/** Trusted authorities: some of a bundle may have expired, but not all. */
export function authoritiesFrom(pem: string, path: string, now: number): Omit<ReadCertificates, 'first'> {
  const { blocks, parsed } = read(pem, path);
  const certificates = parsed.map(certificateFrom);
  if (certificates.every(({ notAfter }) => notAfter <= now))
    throw invalid(
      path,
      `has expired: ${certificates[0]!.subject} was valid until ${day(certificates[0]!.notAfter)}`,
    );
  return { pem: `${blocks.join('\n')}\n`, certificates };
}

/** Refuses a key that cannot be used with this certificate. */
export function checkKey(key: string, { pem, first }: ReadCertificates, path: string): void {
  if (!first.checkPrivateKey(keyFrom(key, path))) throw invalid(path, 'does not match client_certificate');
  try {
    createSecureContext({ cert: pem, key });
  } catch (error) {
    const { reason = 'unknown reason' } = error as { readonly reason?: string };
    throw invalid(path, `and client_certificate cannot be used: ${reason}`);
  }
}

function keyFrom(key: string, path: string): KeyObject {
  try {
    return createPrivateKey(key);
  } catch (error) {
    const { code } = error as { readonly code?: string };
    throw invalid(
      path,
      code === 'ERR_MISSING_PASSPHRASE'
        ? 'is encrypted: give it without a passphrase'
        : 'is not a private key in PEM',
    );
  }
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
