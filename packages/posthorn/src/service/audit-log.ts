import type { Answer } from '../contract/table.ts';
import type { AuditRecord } from '../store/audit-log.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers, Of } from './handler.ts';
import { decodeCursor, invalidCursor, pageRead } from './paging.ts';

/** Reads the audit log (G9). */
export function auditLogService({ store }: Pick<ServiceDependencies, 'store'>): Handlers<Of<'auditLog'>> {
  return {
    'auditLog.list': async ({ query: { limit, cursor, order, actor, target, since, until, ...rest } }) => {
      const last = decodeCursor(cursor);
      if (last !== null && !/^[1-9]\d{0,14}$/.test(last)) throw invalidCursor();
      const { tenant, action, target_kind: targetKind } = rest;
      const records = await store.read.auditLog(
        {
          ...(tenant === undefined ? {} : { tenant }),
          ...(actor === undefined ? {} : { actorId: actor }),
          ...(action === undefined ? {} : { action }),
          ...(targetKind === undefined ? {} : { targetKind }),
          ...(target === undefined ? {} : { targetId: target }),
          ...(since === undefined ? {} : { since: Date.parse(since) }),
          ...(until === undefined ? {} : { until: Date.parse(until) }),
        },
        { after: last === null ? null : Number(last), limit: limit + 1, order },
      );
      const page = pageRead(records, limit, ({ sequence }) => String(sequence));
      return { ...page, items: page.items.map(wireRecord) };
    },
  };
}

function wireRecord({
  sequence,
  document,
  previousHash,
  hash,
  seal,
}: AuditRecord): Answer<'auditLog.list'>['items'][number] {
  return { sequence, ...document, previous_hash: previousHash, hash, seal };
}
