import { createSecureContext, type SecureContext } from 'node:tls';
import type { TlsSettings } from './reach.ts';

/** Throws if OpenSSL does not accept them: a key that is too short for its rules, a text that is not a certificate. */
export function toSecureContext({ certificate, key, ca, minVersion }: TlsSettings): SecureContext {
  return createSecureContext({
    ...(certificate === null ? {} : { cert: certificate }),
    ...(key === null ? {} : { key }),
    ...(ca === null ? {} : { ca }),
    ...(minVersion === null ? {} : { minVersion }),
  });
}
