import type { Alert } from '../domain/alert.ts';
import type { Engine } from '../engine/port.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import type { Keyring } from '../secrets/keyring.ts';
import type { Store } from '../store/store.ts';
import type { Transformations } from '../transformation/transformer.ts';
import type { Catalog } from './catalog.ts';
import type { ConfigWriter } from './config-writer.ts';
import type { SessionTable } from './session-table.ts';
import type { StreamHub } from './stream/hub.ts';
import type { Message } from './stream/topics.ts';
import type { TenantGate } from './tenant-gate.ts';
import type { KeyTable } from './key-table.ts';

/** What the use cases need. */
export interface ServiceDependencies {
  readonly store: Store;
  /** Every change of an endpoint or a document that depends on stored state goes through it. */
  readonly config: ConfigWriter;
  readonly catalog: Catalog;
  readonly tenantGate: TenantGate;
  /** Reloads what is cached of the operators' declarations. */
  readonly readDeclarations: () => Promise<void>;
  readonly engine: Engine;
  readonly transformations: Pick<Transformations, 'inspect' | 'transform'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly keyring: Keyring;
  readonly keyTable: KeyTable;
  readonly sessionTable: SessionTable;
  readonly streams: StreamHub<Message>;
  /** Where browsers reach the dashboard, as it was configured: notifications link there. Null: it was not. */
  readonly publicOrigin: string | null;
  /** Public URL of the API, without a trailing slash; null: not known. */
  readonly publicUrl: () => string | null;
  readonly version: string;
  /** How long ended deliveries are kept: dead letters, and all others. */
  readonly retention: { readonly deadMs: number; readonly settledMs: number };
  /** Prometheus text format. */
  readonly renderMetrics: () => Promise<string>;
  /** Alerts that cannot be stored, because they are about the store. */
  readonly unstoredAlerts: () => readonly Alert[];
  /** Null if the host may be called, else why not. Names are checked again when they are connected to. */
  readonly refuseHost: (hostname: string) => string | null;
  /** The same for a mail server. */
  readonly refuseMailServer: (hostname: string) => string | null;
}
