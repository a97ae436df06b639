import type { Caller } from '../domain/caller.ts';
import { PosthornError } from '../domain/errors.ts';
import { hourMs } from '../domain/time.ts';
import { auditEntry } from './audit.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Call } from './handler.ts';

/** A caller that reads the same event again within this time is recorded once. */
const sameLookMs = hourMs;
const maxRemembered = 10_000;

/**
 * The audit log records who looked at a full payload (G9): if the entry cannot be stored, the request is refused. The
 * application that embeds Posthorn reads its own data.
 */
export function payloadLooks({ store, clock }: Pick<ServiceDependencies, 'store' | 'clock'>): {
  note(call: Call, event: { readonly tenant: string; readonly id: string }): Promise<void>;
} {
  /** By caller and event: when, by the monotonic clock. The oldest first. */
  const looks = new Map<string, number>();
  return {
    note: async (call, { tenant, id }) => {
      const { kind, id: callerId, payloads } = call.caller;
      if (kind === 'library' || payloads !== 'full') return;
      const look = JSON.stringify([kind, callerId, call.from, tenant, id]);
      const at = looks.get(look);
      if (at !== undefined && clock.monotonic() - at < sameLookMs) return;
      const target = { kind: 'event', id };
      await store.write.appendAudit([
        auditEntry(call, clock.now(), { action: 'events.get', target, tenant }),
      ]);
      looks.delete(look);
      looks.set(look, clock.monotonic());
      for (const oldest of looks.keys()) {
        if (looks.size <= maxRemembered) break;
        looks.delete(oldest);
      }
    },
  };
}

/** Only for callers that see payloads in full: by trying, they could find out the rest. */
export function requirePayloads({ payloads }: Pick<Caller, 'payloads'>): void {
  if (payloads !== 'full')
    throw new PosthornError(
      'forbidden',
      'This key does not see payloads in full, so it cannot try anything on stored events. Send data instead.',
    );
}
