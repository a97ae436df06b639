/** What errors of TLS mean and how to fix them, by Node's and OpenSSL's codes. */
const reasons: readonly (readonly [codes: RegExp, reason: string])[] = [
  [
    /^(UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|CERT_UNTRUSTED|INVALID_CA)$/,
    "no trusted authority has issued the receiver's certificate: set tls.ca if the authority is private",
  ],
  [/^CERT_HAS_EXPIRED$/, "the receiver's certificate, or one of its chain, has expired"],
  [/^CERT_NOT_YET_VALID$/, "the receiver's certificate, or one of its chain, is not valid yet"],
  [/^CERT_REVOKED$/, "the receiver's certificate is revoked"],
  [
    /^ERR_SSL_[\w/]*_ALERT_CERTIFICATE_REQUIRED$/,
    'the receiver requires a client certificate: set tls.client_certificate',
  ],
  [
    /^ERR_SSL_[\w/]*_ALERT_UNKNOWN_CA$/,
    'the receiver does not trust the authority of the client certificate',
  ],
  [/^ERR_SSL_[\w/]*_ALERT_CERTIFICATE_EXPIRED$/, 'the receiver says that the client certificate has expired'],
  [
    /^ERR_SSL_[\w/]*_ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_UNKNOWN|ACCESS_DENIED)$/,
    'the receiver refuses the client certificate',
  ],
  [
    /^ERR_SSL_[\w/]*_ALERT_HANDSHAKE_FAILURE$/,
    'the receiver refuses the handshake: it may require a client certificate (tls.client_certificate) or other ciphers',
  ],
  [
    /^ERR_SSL_(UNSUPPORTED_PROTOCOL|[\w/]*_ALERT_PROTOCOL_VERSION|NO_PROTOCOLS_AVAILABLE)$/,
    'the receiver does not speak the required version of TLS',
  ],
];

/**
 * Returns what an error says, readable: OpenSSL's messages hold addresses of memory and lines of its sources; its
 * reason is what is left of them.
 */
export function readableReason(error: Error): string {
  const { code, reason, message } = error as Error & { readonly code?: string; readonly reason?: string };
  if (code === undefined) return message;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the receiver's certificate is for another name. ${reason ?? message}`;
  const known = reasons.find(([codes]) => codes.test(code));
  return known?.[1] ?? reason ?? message;
}
