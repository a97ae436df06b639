import { deliveryId } from '../domain/ids.ts';
import type { StoreRead, StoreWrite } from '../store/store.ts';
import type { Reconciliation } from './reconciler.ts';

// What the reconciler found last, in the store: so that any node can say it, also after a restart.

const setting = 'reconciliation';
const maxEndpoints = 100;
const maxFindings = 20;

export interface LastReconciliation {
  /** ms since the epoch. */
  readonly at: number;
  readonly balanced: boolean;
  readonly unaccounted: number;
  /** Rows of deliveries that were counted. */
  readonly rowsRead: number;
  /** Endpoints whose rows and counters differ. */
  readonly endpoints: readonly { readonly id: string; readonly unaccounted: number }[];
  readonly findings: readonly {
    readonly deliveryId: string | null;
    readonly eventId: string | null;
    readonly endpointId: string | null;
    readonly problem: string;
  }[];
}

export async function saveReconciliation(
  store: Pick<StoreWrite, 'saveSetting'>,
  { balanced, unaccounted, rowsRead, rows, findings }: Reconciliation,
  at: number,
): Promise<void> {
  const last: LastReconciliation = {
    at,
    balanced,
    unaccounted,
    rowsRead,
    endpoints: rows
      .filter((row) => row.unaccounted !== 0 || row.mismatches.length > 0)
      .slice(0, maxEndpoints)
      .map((row) => ({ id: row.endpointId, unaccounted: row.unaccounted })),
    findings: findings.slice(0, maxFindings).map(({ number, eventId, endpointId, problem }) => ({
      deliveryId: number === null ? null : deliveryId(number),
      eventId,
      endpointId,
      problem,
    })),
  };
  await store.saveSetting(setting, JSON.stringify(last));
}

/** Null: the ledger was not checked yet. */
export async function lastReconciliation(
  store: Pick<StoreRead, 'setting'>,
): Promise<LastReconciliation | null> {
  const text = await store.setting(setting);
  return text === null ? null : (JSON.parse(text) as LastReconciliation);
}
