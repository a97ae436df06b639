// Generated from the operations table by `npm run generate`: do not edit.

import type { PageRequest } from '../page.ts';
import type {
  Accounting,
  Conformance,
  Health,
  NodeList,
  OpenApiDocument,
  Readiness,
  Redrive,
  RedriveChange,
  RedriveList,
  RedriveRequest,
  SloStatus,
  RedrivesListInput,
  AccountingGetInput,
  ConformanceGetInput,
  NodesListInput,
} from './types.ts';

/** Make many dead or suppressed deliveries pending again. */
export interface RedrivesApi<Options> {
  /** Redrive deliveries in bulk. Makes all dead or suppressed deliveries that match the filter pending again, with a fresh schedule. The redrive is durable, goes on after a restart, and runs beside others. */
  create(input: RedriveRequest, options?: Options): Promise<Redrive>;

  /** List redrives. Newest first, unless another order is asked for. */
  list(input?: RedrivesListInput, options?: Options): PageRequest<RedriveList>;

  /** Get a redrive. Its progress. */
  get(id: string, options?: Options): Promise<Redrive>;

  /** Change a redrive. Changes the rate or the name of a running redrive. */
  update(id: string, input: RedriveChange, options?: Options): Promise<Redrive>;

  /** Stop a redrive. What was redriven stays so; what was not stays dead or suppressed. */
  stop(id: string, options?: Options): Promise<Redrive>;
}

/** What became of everything that was accepted. */
export interface AccountingApi<Options> {
  /** Get what became of everything accepted. Sums of the ledger over the deliveries accepted in a window. Bounds are rounded outward to whole hours, or to whole days (UTC) if they are older than eight days. */
  get(input?: AccountingGetInput, options?: Options): Promise<Accounting>;
}

/** Reliability objectives, error budgets and burn rates. */
export interface SlosApi<Options> {
  /** Get the status of an objective. Counts the deliveries whose deadline has passed in the window of the objective. What is bad is the fault of one side, and each side has an error budget of its own. */
  status(name: string, options?: Options): Promise<SloStatus>;
}

/** What has no owner, template or objective. */
export interface ConformanceApi<Options> {
  /** List what has no owner, template or objective. Endpoints and event types that nobody owns, that follow no template, or that no objective covers; and event types that are published but not declared. */
  get(input?: ConformanceGetInput, options?: Options): PageRequest<Conformance>;
}

/** The processes that deliver. */
export interface NodesApi<Options> {
  /** List nodes. The live processes that share the database, and the shards that each of them owns. */
  list(input?: NodesListInput, options?: Options): PageRequest<NodeList>;
}

/** Health, metrics and this document. */
export interface ServiceApi<Options> {
  /** Check that the process is alive. Answers 200 as long as the process answers at all, whatever the state of its store. */
  health(options?: Options): Promise<Health>;

  /** Check that the node accepts events. Answers 503 while the node starts or stops, and while its store refuses writes. The body is the same. */
  ready(options?: Options): Promise<Readiness>;

  /** Get metrics. In the Prometheus text format, rendered at most once a second. */
  metrics(options?: Options): Promise<string>;

  /** Get this document. OpenAPI 3.1, with an `ETag`: `If-None-Match` saves the transfer. */
  openapi(options?: Options): Promise<OpenApiDocument>;

  /** Explain an error code. The page that a problem's `type` names: what the code means, and what to do. */
  error(code: string, options?: Options): Promise<string>;
}

/** Every call, by its resource. */
export interface Api<Options> {
  readonly redrives: RedrivesApi<Options>;
  readonly accounting: AccountingApi<Options>;
  readonly slos: SlosApi<Options>;
  readonly conformance: ConformanceApi<Options>;
  readonly nodes: NodesApi<Options>;
  readonly service: ServiceApi<Options>;
}

export type OperationId =
  | 'redrives.create'
  | 'redrives.list'
  | 'redrives.get'
  | 'redrives.update'
  | 'redrives.stop'
  | 'accounting.get'
  | 'slos.status'
  | 'conformance.get'
  | 'nodes.list'
  | 'service.health'
  | 'service.ready'
  | 'service.metrics'
  | 'service.openapi'
  | 'service.error';
