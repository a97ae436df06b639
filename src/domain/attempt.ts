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
