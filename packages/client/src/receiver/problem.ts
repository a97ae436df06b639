import { webhookFailures, type WebhookVerificationError } from './errors.ts';

/** What a receiver answers. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const failures = {
  handler_failed: {
    status: 500,
    title: 'The webhook was not processed',
    detail: 'The handler failed. Nothing of it was kept: send the webhook again.',
  },
  // Without Retry-After: that would throttle the whole endpoint for one webhook.
  busy: {
    status: 503,
    title: 'The webhook is being processed',
    detail:
      'Another attempt of this webhook is being processed, or the database is busy: send it again later.',
  },
} as const;

/** Returns a problem document (RFC 9457) that names the step; what a handler threw stays with the receiver. */
export function problemAnswer(failure: WebhookVerificationError | keyof typeof failures): Answer {
  if (typeof failure === 'string') {
    const { status, title, detail } = failures[failure];
    return answer(status, { type: 'about:blank', title, status, code: failure, detail });
  }
  const { code, step, status, message, header } = failure;
  const { title } = webhookFailures[code];
  return answer(status, {
    type: 'about:blank',
    title,
    status,
    code,
    step,
    detail: message,
    ...(header === null ? {} : { header }),
  });
}

export function processedAnswer(outcome: 'processed' | 'duplicate'): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ outcome }),
  };
}

/** Only a POST is a webhook. */
export const methodNotAllowed: Answer = answer(405, {
  type: 'about:blank',
  title: 'Method not allowed',
  status: 405,
  code: 'method_not_allowed',
  detail: 'Send webhooks with POST.',
});

function answer(status: number, problem: object): Answer {
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(status === 405 ? { allow: 'POST' } : {}),
    },
    body: JSON.stringify(problem),
  };
}
