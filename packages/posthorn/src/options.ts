import type { EngineObserver, Engine } from './engine/port.ts';
import type { Tracing } from './engine/tracing.ts';
import type { Metrics } from './http/metrics.ts';
import type { Reconciliation } from './ledger/reconciler.ts';
import type { OnProgress } from './reliability/evaluator.ts';
import type { Clock } from './runtime/clock.ts';
import type { Random } from './runtime/random.ts';
import type { SecretOptions } from './secrets/open-keyring.ts';
import type { Logger } from './runtime/logger.ts';
import type { PostgresPool } from './store/postgres/open.ts';
import type { ProxyVariables } from './transport/proxy.ts';
import type { Transport } from './transport/transport.ts';

export interface PosthornOptions extends SecretOptions {
  /** `postgres://…`, a pool of the application's own, or the directory of the embedded store. */
  readonly database: string | PostgresPool;
  /** Unique among the nodes that share a database. Default: made up. */
  readonly nodeName?: string;
  /** Deliver to private and local addresses too, cloud metadata excepted. Default false. */
  readonly allowPrivateNetworks?: boolean;
  /** Networks (CIDR or single addresses) to deliver to although they are not public; a metadata address only if named alone. */
  readonly allowNetworks?: readonly string[];
  /** Networks (CIDR or single addresses) never to connect to; they win over everything that opens. */
  readonly denyNetworks?: readonly string[];
  /**
   * Proxy that webhooks go through: `http://user:password@host:port`, `socks5://…`, or one for each scheme and the hosts to
   * connect to directly. Default: connections are direct, whatever the environment's variables say. Email does not use it.
   */
  readonly proxy?: string | ProxyVariables;
  /** SHA-256, in hexadecimal, of each key that opens the HTTP API. Needed only with `listen`. */
  readonly adminKeyHashes?: readonly string[];
  /** SHA-256 (hex) of the key that opens `/metrics`, beside the admin keys. Default: `/metrics` takes no key. */
  readonly metricsKeyHash?: string;
  /**
   * Origin that the API and the dashboard are reached by, such as `https://posthorn.example.com`. With `https` TLS ends before this
   * node, and browsers may sign in. Default: not known, so that browsers sign in on this machine only.
   */
  readonly publicUrl?: string;
  /** `listen` serves the dashboard too, at `/`. Default false. */
  readonly dashboard?: boolean;
  /** Serves the dashboard here, with the API that its pages call, and not where the API listens. */
  readonly dashboardAddress?: { readonly host: string; readonly port: number };
  /** Lets browsers sign in over plain HTTP from other machines, where keys can be read on the way. Default false. */
  readonly insecureDashboard?: boolean;
  /** How long finished deliveries are kept. Default 30 days. */
  readonly retentionDays?: number;
  /** How long dead letters are kept. Default 90 days. */
  readonly deadRetentionDays?: number;
  /** How long entries of the audit log are kept. Default 400 days. */
  readonly auditRetentionDays?: number;
  /** A stop ends within so long, whatever is in flight. Default 20 s. */
  readonly stopGraceS?: number;
  /** How often the counters are compared with the rows. Default 60 s. */
  readonly reconcileEveryS?: number;
  /** How often alert rules are evaluated. Default 15 s. */
  readonly evaluateEveryS?: number;
  /** External dead man's switch; called after each evaluation. */
  readonly watchdogUrl?: string;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Spans of accepting, attempts and settling: see `openTelemetryTracing` of `posthorn/opentelemetry`. */
  readonly tracing?: Tracing;
}

/** What `posthorn serve` and tests give besides. */
export interface NodeOptions extends PosthornOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** What makes the requests, given what would make them over the network. */
  readonly transport?: ((network: Transport) => Transport) | undefined;
  readonly metrics?: Metrics & { readonly observer: EngineObserver; watch(engine: Engine): void };
  readonly onReconciled?: (result: Reconciliation) => void;
  /** How many alerts fire now. */
  readonly onEvaluated?: (firing: { readonly page: number; readonly ticket: number }) => void;
  /** What came past its deadline, by objective, since the last time. */
  readonly onProgress?: OnProgress;
}
