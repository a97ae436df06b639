/** Nothing can be audited, or not in this way; the message says what to do next. */
export class AuditError extends Error {
  override readonly name = 'AuditError';
}

/** The audit was stopped by its signal. */
export class AuditStopped extends Error {
  override readonly name = 'AuditStopped';
  constructor() {
    super('stopped; no files were left behind');
  }
}
