import type { EngineObserver, Engine } from './engine/port.ts';
import type { Tracing } from './engine/tracing.ts';
import type { Metrics } from './http/metrics.ts';
import type { Reconciliation } from './ledger/reconciler.ts';
import type { OnProgress } from './reliability/evaluator.ts';
import type { Clock } from './runtime/clock.ts';
import type { Random } from './runtime/random.ts';
import type { SecretOptions } from './secrets/open-keyring.ts';
import type { Logger } from './runtime/logger.ts';
import type { PostgresPool } from './store/postgres/pool.ts';
import type { ProxyVariables } from './transport/proxy.ts';
import type { Transport } from './transport/transport.ts';

export interface PosthornOptions extends SecretOptions {
  /** `postgres://…`, a pool of the application's own, or the directory of the embedded store. */
  readonly database: string | PostgresPool;
  /** Unique among the nodes that share a database. Default: the host's name, and for a second process on it `<host>-2`. */
  readonly nodeName?: string;
  /** Deliver to private and local addresses too, except cloud metadata. Default false. */
  readonly allowPrivateNetworks?: boolean;
  /** Networks (CIDR or single addresses) to deliver to although they are not public; a metadata address only if named alone. */
  readonly allowNetworks?: readonly string[];
  /** Networks (CIDR or single addresses) never to connect to; they override everything that allows. */
  readonly denyNetworks?: readonly string[];
  /**
   * Proxy for webhooks: `http://user:password@host:port`, `socks5://…`, or one for each scheme and the hosts to connect
   * to directly. Default: direct connections; environment variables are ignored. Email does not use it.
   */
  readonly proxy?: string | ProxyVariables;
  /** SHA-256 (hex) of each key that opens the HTTP API. Needed only with `listen`. */
  readonly adminKeyHashes?: readonly string[];
  /** SHA-256 (hex) of the key that opens `/metrics`, besides the admin keys. Default: `/metrics` needs no key. */
  readonly metricsKeyHash?: string;
  /**
   * Public origin of the API and the dashboard, such as `https://posthorn.example.com`. With `https`, TLS ends in front
   * of this node and browsers may sign in. Default: unknown; browsers sign in only on this machine.
   */
  readonly publicUrl?: string;
  /**
   * Networks (CIDR or single addresses) of the proxies in front of this node: the caller's address is the last one in
   * `X-Forwarded-For` that is not in them. Default: none, so that a caller cannot choose its address.
   */
  readonly trustedProxies?: readonly string[];
  /** Whether `listen` serves the dashboard too, at `/`. Default false. */
  readonly dashboard?: boolean;
  /** Serves the dashboard here, with the API that its pages call, instead of where the API listens. */
  readonly dashboardAddress?: { readonly host: string; readonly port: number };
  /** Lets browsers on other machines sign in over plain HTTP, where keys can be read in transit. Default false. */
  readonly insecureDashboard?: boolean;
  /** How long finished deliveries are kept. Default 30 days. */
  readonly retentionDays?: number;
  /** How long dead letters are kept. Default 90 days. */
  readonly deadRetentionDays?: number;
  /** How long entries of the audit log are kept. Default 400 days. */
  readonly auditRetentionDays?: number;
  /** A stop ends within this time, whatever is in flight. Default 20 s. */
  readonly stopGraceS?: number;
  /** How often the counters are compared with the rows. Default 60 s. */
  readonly reconcileEveryS?: number;
  /** How often alert rules are evaluated. Default 15 s. */
  readonly evaluateEveryS?: number;
  /** External dead man's switch; pinged after each evaluation. */
  readonly watchdogUrl?: string;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Spans of accepting, attempts and settling: see `openTelemetryTracing` of `posthorn/opentelemetry`. */
  readonly tracing?: Tracing;
}

/** Additional options for `posthorn serve` and tests. */
export interface NodeOptions extends PosthornOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Wraps the transport: returns what makes the requests, given what would make them over the network. */
  readonly transport?: ((network: Transport) => Transport) | undefined;
  readonly metrics?: Metrics & { readonly observer: EngineObserver; watch(engine: Engine): void };
  readonly onReconciled?: (result: Reconciliation) => void;
  /** How many alerts fire now. */
  readonly onEvaluated?: (firing: { readonly page: number; readonly ticket: number }) => void;
  /** What passed its deadline since the last evaluation, by objective. */
  readonly onProgress?: OnProgress;
}
