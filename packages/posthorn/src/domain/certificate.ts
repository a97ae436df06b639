import type { X509Certificate } from 'node:crypto';
import type { Certificate } from './reach.ts';

/** What a certificate says of itself. Some have no subject. */
export function certificateFrom({
  subject,
  issuer,
  validFromDate,
  validToDate,
  fingerprint256,
}: X509Certificate): Certificate {
  return {
    subject: nameFrom(subject),
    issuer: nameFrom(issuer),
    notBefore: validFromDate.getTime(),
    notAfter: validToDate.getTime(),
    fingerprint: fingerprint256,
  };
}

/** `O=…\nCN=…` in one line. A name comes from outside and is as long as it likes. */
function nameFrom(text: string | undefined): string {
  return (text ?? '').split('\n').join(', ').toWellFormed().replaceAll('\u0000', '').slice(0, 512);
}
