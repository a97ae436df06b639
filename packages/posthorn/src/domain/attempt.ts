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

/** How an attempt went over the wire: kept of those that failed, and of a sample of the others. */
export interface WireRecord {
  /** That was connected to, or tried last; of a proxy what it was asked for. Null: none was. */
  readonly address: string | null;
  /** Null: there was no such phase, as on a connection that was kept from before. */
  readonly phasesMs: {
    readonly lookup: number | null;
    readonly connect: number | null;
    readonly proxy: number | null;
    readonly tls: number | null;
    /** From the request to the first byte of the answer. */
    readonly firstByte: number | null;
  };
  /** The first ones of the answer, names in small letters. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Whose fault a failed attempt is: the `sender`'s where Posthorn or its store failed, else the receiver's, with its address, its name and its expression. */
export type FaultDomain = 'sender' | 'receiver';

export function faultDomain(errorClass: ErrorClass): FaultDomain {
  return errorClass === 'internal' || errorClass === 'corrupt' || errorClass === 'secrets'
    ? 'sender'
    : 'receiver';
}

/** Why a corrupt event is not sent, in the attempt log and in the answer to a replay. */
export const corruptMessage =
  'the stored event does not match its digest: it was changed after it was accepted';

/** Why an event whose data were deleted is not sent again. */
export const dataDeletedMessage =
  'The data of this event were deleted, so it cannot be sent again. Publish it anew under another id.';
