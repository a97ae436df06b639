/** Which step of receiving a webhook failed. */
export type WebhookStep = 'settings' | 'header' | 'clock' | 'raw_body' | 'signature' | 'content';

/** Why a webhook was rejected, with the step and the status to answer. */
export const webhookFailures = {
  /** A secret is not `whsec_` and base64, or a public key not `whpk_` and base64: the receiver's own settings are wrong. */
  invalid_secret: { step: 'settings', status: 500, title: 'The secret is invalid' },
  /** The clock, the tolerance or the runtime is unusable: the receiver's own settings are wrong. */
  invalid_options: { step: 'settings', status: 500, title: 'The receiver is misconfigured' },
  /** The receiver does not have a secret or public key for this webhook. */
  unknown_key: { step: 'settings', status: 400, title: 'No key for this webhook' },
  missing_header: { step: 'header', status: 400, title: 'A header is missing' },
  malformed_header: { step: 'header', status: 400, title: 'A header is malformed' },
  /** Sent longer ago than the tolerance: possibly a replay attack. */
  timestamp_too_old: { step: 'clock', status: 400, title: 'The timestamp is too old' },
  timestamp_too_new: { step: 'clock', status: 400, title: 'The timestamp is in the future' },
  /** The body was already parsed or read: a signature covers the bytes that arrived. */
  body_not_raw: { step: 'raw_body', status: 500, title: 'The raw body is not available' },
  body_too_large: { step: 'raw_body', status: 413, title: 'The body is too large' },
  body_incomplete: { step: 'raw_body', status: 400, title: 'The body is incomplete' },
  /** No signature matches this body under one of the secrets or public keys. */
  signature_invalid: { step: 'signature', status: 400, title: 'The signature is invalid' },
  /** Signed, but not JSON. */
  invalid_body: { step: 'content', status: 400, title: 'The body is not JSON' },
} as const satisfies Record<string, { step: WebhookStep; status: number; title: string }>;

export type WebhookVerificationFailure = keyof typeof webhookFailures;

/** The request is not a webhook signed with the secret, or is too old or too new: answer it with `status`, and do nothing else. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError';
  readonly code: WebhookVerificationFailure;
  readonly step: WebhookStep;
  readonly status: number;
  /** The header at fault, if it is one. */
  readonly header: string | null;
  constructor(code: WebhookVerificationFailure, message: string, header: string | null = null) {
    super(message);
    this.code = code;
    this.step = webhookFailures[code].step;
    this.status = webhookFailures[code].status;
    this.header = header;
  }
}
