/** How texts name the other side of a connection, and where its settings are. */
export interface TlsPeer {
  /** A noun with its article, such as "the receiver". */
  readonly name: string;
  /** What to do if a private authority issued its certificate. */
  readonly trust: string;
  /** What to do if it requires a client certificate. */
  readonly identify: string;
}

type Reason = (peer: TlsPeer) => string;

const refusesClient: Reason = ({ name }) => `${name} refuses the client certificate`;

/** What errors of TLS mean and how to fix them, by Node's and OpenSSL's codes. */
const reasons: readonly (readonly [codes: RegExp, reason: Reason])[] = [
  [
    /^(UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|CERT_UNTRUSTED|INVALID_CA)$/,
    ({ name, trust }) =>
      `no trusted authority has issued ${name}'s certificate: ${trust} if the authority is private`,
  ],
  [/^CERT_HAS_EXPIRED$/, ({ name }) => `${name}'s certificate, or one of its chain, has expired`],
  [/^CERT_NOT_YET_VALID$/, ({ name }) => `${name}'s certificate, or one of its chain, is not valid yet`],
  [/^CERT_REVOKED$/, ({ name }) => `${name}'s certificate is revoked`],
  [
    /^ERR_SSL_[\w/]*_ALERT_CERTIFICATE_REQUIRED$/,
    ({ name, identify }) => `${name} requires a client certificate: ${identify}`,
  ],
  [
    /^ERR_SSL_[\w/]*_ALERT_UNKNOWN_CA$/,
    ({ name }) => `${name} does not trust the authority of the client certificate`,
  ],
  [
    /^ERR_SSL_[\w/]*_ALERT_CERTIFICATE_EXPIRED$/,
    ({ name }) => `${name} says that the client certificate has expired`,
  ],
  [
    /^ERR_SSL_[\w/]*_ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_UNKNOWN|ACCESS_DENIED)$/,
    refusesClient,
  ],
  [
    /^ERR_SSL_[\w/]*_ALERT_HANDSHAKE_FAILURE$/,
    ({ name, identify }) =>
      `${name} refuses the handshake: it may require a client certificate (${identify}) or other ciphers`,
  ],
  [
    /^ERR_SSL_(UNSUPPORTED_PROTOCOL|[\w/]*_ALERT_PROTOCOL_VERSION|NO_PROTOCOLS_AVAILABLE)$/,
    ({ name }) => `${name} does not speak the required version of TLS`,
  ],
];

/** What comes is not TLS. Node's error of a write has OpenSSL's code only in its message. */
function isNotTls(code: string, message: string): boolean {
  return (
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(code) ||
    (code === 'EPROTO' && /\berror:0A00(010B|00C6):/.test(message))
  );
}

/**
 * Returns what an error says, readable: OpenSSL's messages hold addresses of memory and lines of its sources; its
 * reason is what is left of them.
 */
export function readableReason(error: Error, peer: TlsPeer): string {
  const { code, reason, message } = error as Error & { readonly code?: string; readonly reason?: string };
  if (code === undefined) return message;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `${peer.name}'s certificate is for another name. ${reason ?? message}`;
  if (isNotTls(code, message)) return `${peer.name} does not speak TLS on this port`;
  const known = reasons.find(([codes]) => codes.test(code));
  return known?.[1](peer) ?? reason ?? message;
}
