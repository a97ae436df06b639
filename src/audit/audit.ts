import type { AuditOptions, AuditResult } from './result.ts';

/** Audits delivery logs. Throws AuditError (in words for people) where there is nothing that can be audited. */
export async function audit(options: AuditOptions): Promise<AuditResult> {
  throw new Error(`not yet: ${options.files.join(' ')}`);
}
