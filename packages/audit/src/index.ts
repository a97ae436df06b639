export { audit } from './audit.ts';
export { AuditError, AuditStopped } from './errors.ts';
export type { AuditOptions, AuditResult } from './result.ts';
export { readSent, type SentEvent } from './sent.ts';
