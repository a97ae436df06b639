/** Why an attempt did not deliver. `blocked_address`: the address guard refused the receiver's address. */
export const errorClasses = [
  'timeout',
  'connect',
  'dns',
  'tls',
  'reset',
  'blocked_address',
  'http_4xx',
  'http_5xx',
  'rate_limited',
  'gone',
  'redirect',
  'protocol',
  'internal',
] as const;
export type ErrorClass = (typeof errorClasses)[number];

/** Whose fault a failed attempt is: `ours` where Posthorn itself failed, else the receiver's, with its address and its name. */
export type FaultDomain = 'ours' | 'receiver';

export function faultDomain(errorClass: ErrorClass): FaultDomain {
  return errorClass === 'internal' ? 'ours' : 'receiver';
}
