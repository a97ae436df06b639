import { errorKinds } from '../contract/errors.ts';
import type { ErrorCode, Fault, PosthornError } from '../domain/errors.ts';

/** An answer that is not 2xx, as clients of this API read it. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: object;
}

/** Refuses a request in a way of this API's own. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly answer: ErrorAnswer;
  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.answer = { status, body: { code, detail } };
  }
}

/** Refuses fields: clients expect a list. `place`: where the fields are. */
export class InvalidFields extends Error {
  override readonly name = 'InvalidFields';
  readonly answer: ErrorAnswer;
  constructor(place: 'body' | 'query' | 'path', faults: readonly Fault[]) {
    super(faults[0]?.message ?? 'invalid');
    this.answer = invalid(place, faults);
  }
}

/** Refuses a field that Posthorn does not support. */
export const unsupported = (place: 'body' | 'query' | 'path', field: string, why: string): InvalidFields =>
  new InvalidFields(place, [{ path: `/${field}`, message: `is not supported: ${why}` }]);

export const missing = (detail = 'Entity not found'): Refusal => new Refusal(404, 'not_found', detail);
export const conflict = (detail: string): Refusal => new Refusal(409, 'conflict', detail);

/** Where Posthorn's code has a counterpart; others keep their own. */
const codes: {
  readonly [Code in ErrorCode]?: {
    readonly status?: number;
    readonly code: string;
    readonly detail?: string;
  };
} = {
  unauthorized: { code: 'authentication_failed' },
  forbidden: { code: 'insufficient access' },
  name_taken: { code: 'conflict' },
  event_id_conflict: { code: 'conflict' },
  // A client repeats a 423, and gets the answer of the first request.
  idempotency_in_progress: { status: 423, code: 'locked' },
  tenant_limit: { status: 400, code: 'limit_reached' },
  too_many_secrets: {
    status: 400,
    code: 'limit_reached',
    detail:
      'Too many previous secrets still sign. Wait for the first of them to end, or send gracePeriodSeconds: 0 to retire the current one at once.',
  },
  event_corrupt: { status: 400, code: 'missing_payload' },
  event_data_deleted: { status: 400, code: 'missing_payload' },
  event_unfinished: { code: 'conflict' },
  too_large: { code: 'payload_too_large' },
  internal: { code: 'server_error' },
};

/** Posthorn's names of fields, as this API calls them. */
const fieldNames: Readonly<Record<string, string>> = {
  name: 'uid',
  display_name: 'name',
  event_types: 'eventTypes',
  routing_keys: 'channels',
  rate_limit_per_s: 'throttleRate',
  grace_s: 'gracePeriodSeconds',
  id: 'eventId',
  type: 'eventType',
  data: 'payload',
};

function invalid(place: string, faults: readonly Fault[]): ErrorAnswer {
  return {
    status: 422,
    body: {
      detail: faults.map(({ path, message }) => ({
        loc: [place, ...path.split('/').slice(1)],
        msg: message,
        type: 'value_error',
      })),
    },
  };
}

const renamed = ({ path, message }: Fault): Fault => {
  const [, first = '', ...rest] = path.split('/');
  return { path: ['', fieldNames[first] ?? first, ...rest].join('/'), message };
};

export function errorAnswer({ code, message, errors }: PosthornError): ErrorAnswer {
  const { status: usual } = errorKinds[code];
  const { status = usual, code: known = code, detail = message } = codes[code] ?? {};
  if (status !== 422) return { status, body: { code: known, detail } };
  return invalid('body', errors.length === 0 ? [{ path: '', message }] : errors.map(renamed));
}
