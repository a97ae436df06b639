/**
 * Why an attempt did not deliver. `blocked_address`: the address guard refused the receiver's address. `proxy`: the endpoint's
 * own proxy failed. `token`: its OAuth token server gave no token. `corrupt`: the stored event was changed after it was
 * accepted, so that nothing was sent. `secrets`: a secret of the endpoint cannot be opened, so that nothing was sent.
 * `transformation`: the endpoint's expression gave no data to send, so that nothing was sent.
 */
export const errorClasses = [
  'timeout',
  'connect',
  'dns',
  'tls',
  'reset',
  'blocked_address',
  'proxy',
  'token',
  'http_4xx',
  'http_5xx',
  'rate_limited',
  'gone',
  'redirect',
  'protocol',
  'internal',
  'corrupt',
  'transformation',
  'secrets',
] as const;
export type ErrorClass = (typeof errorClasses)[number];

/** Whose fault a failed attempt is: the `sender`'s where Posthorn or its store failed, else the receiver's, with its address, its name and its expression. */
export type FaultDomain = 'sender' | 'receiver';

export function faultDomain(errorClass: ErrorClass): FaultDomain {
  return errorClass === 'internal' || errorClass === 'corrupt' || errorClass === 'secrets'
    ? 'sender'
    : 'receiver';
}

/** Why a corrupt event is not sent, in the attempt log and for whoever asks to replay it. */
export const corruptMessage =
  'the stored event does not match its digest: it was changed after it was accepted';
