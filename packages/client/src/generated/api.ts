// Generated from the operations table by `npm run generate`: do not edit.

import type { PageRequest } from '../page.ts';
import type {
  Accounting,
  Alert,
  AlertList,
  AttemptList,
  AuditEntryList,
  BatchReceipt,
  BlockedKeyList,
  BulkReplay,
  BulkReplayChange,
  BulkReplayList,
  BulkReplayRequest,
  CancelRequest,
  Channel,
  ChannelDocument,
  ChannelList,
  ChannelTest,
  Conformance,
  DeadLetterGroup,
  DeadLetterList,
  Delivery,
  DeliveryDetails,
  DeliveryList,
  DeliveryRequest,
  Endpoint,
  EndpointCheck,
  EndpointCheckAnswer,
  EndpointHealthDetails,
  EndpointList,
  EndpointRequest,
  EndpointTest,
  EndpointWithSecret,
  EnsuredEndpoint,
  Event,
  EventImport,
  EventList,
  EventType,
  EventTypeDocument,
  EventTypeList,
  FilterDryRun,
  FilterOutcome,
  Health,
  Impact,
  ImportedEvents,
  Key,
  KeyList,
  KeyRequest,
  KeyRotation,
  KeyWithSecret,
  Marker,
  MarkerList,
  Me,
  NewEvent,
  NewEventBatch,
  NewMarker,
  NodeList,
  Now,
  OpenApiDocument,
  PastNow,
  PortalLink,
  PortalLinkRequest,
  PublicKeyList,
  Readiness,
  Receipt,
  ReconcileRequest,
  Reconciliation,
  ReconciliationLine,
  Redrive,
  RedriveChange,
  RedriveList,
  RedriveRequest,
  Replay,
  RotatedEndpoint,
  SearchResults,
  SecretsRotation,
  SecretsStatus,
  Series,
  SignIn,
  Slo,
  SloDocument,
  SloHistory,
  SloList,
  SloMinutes,
  SloSpends,
  SloStatus,
  SnoozeRequest,
  StreamMessage,
  Team,
  TeamDocument,
  TeamList,
  TeamOverview,
  Template,
  TemplateDocument,
  TemplateList,
  Tenant,
  TenantDocument,
  TenantList,
  TransformationDryRun,
  TransformationOutcome,
  EventsGetInput,
  EventsReplayInput,
  EventsDeleteDataInput,
  EventsListInput,
  AttemptsListInput,
  SearchFindInput,
  DeliveriesListInput,
  DeliveriesRequestInput,
  BlockedKeysListInput,
  DeadLettersListInput,
  EndpointsListInput,
  EndpointsGetInput,
  EndpointsEnsureInput,
  EndpointsUpdateInput,
  EndpointsDeleteInput,
  EndpointsPauseInput,
  EndpointsResumeInput,
  EndpointsRotateSecretInput,
  EndpointsPublicKeysInput,
  EndpointsTestInput,
  EndpointsHealthInput,
  RedrivesListInput,
  ReplaysListInput,
  AccountingGetInput,
  SeriesGetInput,
  StreamOpenInput,
  NowGetInput,
  NowPastInput,
  SlosHistoryInput,
  SlosMinutesInput,
  ConformanceGetInput,
  NodesListInput,
  MarkersListInput,
  ImpactGetInput,
  AlertsListInput,
  AlertsAcknowledgeInput,
  ChannelsListInput,
  TeamsListInput,
  TenantsListInput,
  TemplatesListInput,
  EventTypesListInput,
  SlosListInput,
  KeysListInput,
  AuditLogListInput,
  ReconcileRunLinesInput,
} from './types.ts';

/** Publish events, and look them up. */
export interface EventsApi<Options> {
  /** Publish an event. Accepts an event and creates its deliveries in one transaction; answers after the commit is on disk. The header `Idempotency-Key` serves as the id of an event that has none; `traceparent` and `tracestate` are passed on to the receivers. */
  publish(input: NewEvent, options?: Options): Promise<Receipt>;

  /** Publish up to 1,000 events. Accepts all or none, in one transaction. The body may have 8 MiB. */
  publishBatch(input: NewEventBatch, options?: Options): Promise<BatchReceipt>;

  /** Get an event. Returns the event and its deliveries. */
  get(id: string, input?: EventsGetInput, options?: Options): Promise<Event>;

  /** Deliver a past event again. Creates new deliveries of the event, under the same `webhook-id`, for the endpoints that would receive it if it were published now; or for the named endpoint only, regardless of its subscriptions and filter. Deliveries to paused endpoints are suppressed. */
  replay(id: string, input?: EventsReplayInput, options?: Options): Promise<Replay>;

  /** Delete the data of an event. Deletes the data of the event, and what its receivers answered, for ever. The event and its deliveries stay with their ids, times and value, so every count is as before; the event is never sent again. Refused while it has pending deliveries, or a dead letter of it blocks its ordering key. Publishing the same id again returns its receipt if everything but the data is the same: the data are gone, so they are not compared. Repeating the call is harmless. */
  deleteData(id: string, input?: EventsDeleteDataInput, options?: Options): Promise<void>;

  /** Import past events of another sender. Records up to 1,000 past events, all or none, with what became of their deliveries. Nothing is sent: their deliveries are `cancelled` at once. So the ledger balances, and no objective, alert or report counts them. The events can be replayed, and an event published later under the same id and with the same data is a duplicate. They count as accepted now, `occurredAt` says when they happened. The body may have 8 MiB. */
  import(input: EventImport, options?: Options): Promise<ImportedEvents>;

  /** List events. Returns events without their data, newest first unless `order` is `asc`. A call reads at most 200,000 rows and takes about 200 ms. After that it returns `nextCursor`, even if the page has fewer items than `limit`, or none. */
  list(input?: EventsListInput, options?: Options): PageRequest<EventList>;
}

/** The state of each event at each endpoint. */
export interface AttemptsApi<Options> {
  /** List attempts. Lists attempts across deliveries: the newest delivery first, its last attempt first, unless `order` is `asc`. A call reads at most 200,000 rows and takes about 200 ms. After that it returns `nextCursor`, even if the page has fewer items than `limit`, or none. */
  list(input?: AttemptsListInput, options?: Options): PageRequest<AttemptList>;
}

/** Health, metrics and this document. */
export interface SearchApi<Options> {
  /** Find anything by its id or part of its name. Ids must be complete: of deliveries, events, endpoints, redrives and alerts. Endpoints are found by part of their URL, name or owner; event types, teams, objectives, channels and templates by part of their name. At most ten of each kind. */
  find(input: SearchFindInput, options?: Options): Promise<SearchResults>;
}

/** The state of each event at each endpoint. */
export interface DeliveriesApi<Options> {
  /** List deliveries. Returns the newest first, unless `order` is `asc`. A call reads at most 200,000 rows and takes about 200 ms. After that it returns `nextCursor`, even if the page has fewer items than `limit`, or none. */
  list(input?: DeliveriesListInput, options?: Options): PageRequest<DeliveryList>;

  /** Get a delivery. Returns the delivery and its attempts with their leases; what it waits for, when it is attempted next, and who has redriven it. */
  get(id: string, options?: Options): Promise<DeliveryDetails>;

  /** Redrive a delivery. Makes the delivery due now. A dead, suppressed or cancelled delivery gets a fresh schedule; a pending one comes due sooner, but still waits for earlier deliveries of its ordering key. Ends the receiver's `Retry-After` throttle. */
  redrive(id: string, options?: Options): Promise<Delivery>;

  /** Cancel a delivery. A pending delivery is not attempted again unless it is redriven; an attempt in flight is not interrupted. A suppressed delivery no longer counts as a drop, and redrives in bulk leave it out. A dead letter can be cancelled if it blocks its ordering key (`on_dead: block`): the key then continues without it. */
  cancel(id: string, input: CancelRequest, options?: Options): Promise<Delivery>;

  /** Get the request of a delivery. Returns what is sent to the receiver, rebuilt from the stored event and the endpoint by the code that sends it. The audit log records who looked at a full payload. */
  request(id: string, input?: DeliveriesRequestInput, options?: Options): Promise<DeliveryRequest>;
}

/** The state of each event at each endpoint. */
export interface BlockedKeysApi<Options> {
  /** List blocked ordering keys. Returns ordering keys of endpoints with `on_dead: block` that have a dead letter, and what waits behind it. Sorted by endpoint, oldest first. */
  list(input?: BlockedKeysListInput, options?: Options): PageRequest<BlockedKeyList>;
}

/** Deliveries that ended undelivered. */
export interface DeadLettersApi<Options> {
  /** List dead letters in groups. Groups dead letters by endpoint, class of the last error and status code. The most valuable groups come first, compared in their most frequent currency. Reads at most 40,000 deliveries of 1,000 endpoints, the newest of each. */
  list(input?: DeadLettersListInput, options?: Options): PageRequest<DeadLetterList>;

  /** Snooze a group of dead letters. Marks a group as able to wait, for at most 30 days: lists show it as snoozed. Does not change its deliveries, its alerts or its retention. */
  snooze(id: string, input: SnoozeRequest, options?: Options): Promise<DeadLetterGroup>;

  /** End the snooze of a group. Lists show the group as before. */
  wake(id: string, options?: Options): Promise<DeadLetterGroup>;
}

/** Receivers: their URLs, subscriptions, limits and secrets. */
export interface EndpointsApi<Options> {
  /** Create an endpoint. From now on the endpoint receives every event that it subscribes to. Only this response shows its signing secret. */
  create(input: EndpointRequest, options?: Options): Promise<EndpointWithSecret>;

  /** List endpoints. Returns the oldest first, unless `sort` says otherwise. With `include=health`, each endpoint has its last 24 hours, what waits and what is dead. */
  list(input?: EndpointsListInput, options?: Options): PageRequest<EndpointList>;

  /** Get an endpoint. Returns its settings, and what attempts have found out about its receiver. */
  get(id: string, input?: EndpointsGetInput, options?: Options): Promise<Endpoint>;

  /** Create or replace an endpoint by its name. Safe to repeat: afterwards the tenant has one endpoint of that name with these settings. Omitted settings get their defaults; the secret stays the same, and a pause because of a 410 or of failures lasts until the URL changes or `enabled` is given. Answers 201 if the endpoint was created, and only then shows the secret. */
  ensure(id: string, input: EndpointsEnsureInput, options?: Options): Promise<EnsuredEndpoint>;

  /** Change an endpoint. Changes the given settings. A new URL resets everything learned about the old one: its breaker, its failures, its Retry-After throttle, and a pause because of a 410 or of failures. With new `auth`, `tls` or `proxy`, waiting retries are made at once. */
  update(id: string, input: EndpointsUpdateInput, options?: Options): Promise<Endpoint>;

  /** Delete an endpoint. Cancels its pending deliveries, with that reason, and frees its name. */
  delete(id: string, input?: EndpointsDeleteInput, options?: Options): Promise<void>;

  /** Pause an endpoint. Pending deliveries wait. Deliveries of new events are suppressed: stored, and delivered only if an operator redrives them. */
  pause(id: string, input?: EndpointsPauseInput, options?: Options): Promise<Endpoint>;

  /** Resume an endpoint. Continues with pending deliveries, even if the receiver asked for a pause (Retry-After). Suppressed deliveries stay suppressed until they are redriven. Failures are counted from zero. */
  resume(id: string, input?: EndpointsResumeInput, options?: Options): Promise<Endpoint>;

  /** Rotate the signing secret. Generates a new secret and a new key pair, whichever the endpoint signs with (`signatures`); until the grace period ends, requests are signed with the previous ones too. Only this response shows the new secret; public keys are in `/v1/endpoints/{id}/public-keys`. */
  rotateSecret(id: string, input?: EndpointsRotateSecretInput, options?: Options): Promise<RotatedEndpoint>;

  /** List the public keys of an endpoint. Returns the keys that verify its `v1a` signatures; empty if it never signed with `v1a`. The same keys are published without an API key under its `keySet`. */
  publicKeys(id: string, input?: EndpointsPublicKeysInput, options?: Options): Promise<PublicKeyList>;

  /** Check the URL of an endpoint. Returns whether an endpoint could be created with this URL, and creates nothing. The addresses of a host name are checked when Posthorn connects. */
  check(input: EndpointCheck, options?: Options): Promise<EndpointCheckAnswer>;

  /** Send a test event. Publishes an event of type `posthorn.test` to this endpoint alone, and returns what the receiver answered. */
  test(id: string, input?: EndpointsTestInput, options?: Options): Promise<EndpointTest>;

  /** Diagnose an endpoint. Returns in one sentence why the endpoint is in its state; what waits, and until when nothing is lost; how attempts failed, with the last answers. */
  health(id: string, input?: EndpointsHealthInput, options?: Options): Promise<EndpointHealthDetails>;
}

/** Make many dead or suppressed deliveries pending again. */
export interface RedrivesApi<Options> {
  /** Redrive deliveries in bulk. Makes all dead or suppressed deliveries that match the filter pending again, with a fresh schedule. The redrive is durable, continues after a restart, and runs beside others. It sends the first 20, waits up to 20 s for their outcomes, and stops itself if all of them fail again. */
  create(input: RedriveRequest, options?: Options): Promise<Redrive>;

  /** List redrives. Returns the newest first, unless another order is requested. */
  list(input?: RedrivesListInput, options?: Options): PageRequest<RedriveList>;

  /** Get a redrive. Returns its progress, and the outcomes of its deliveries. */
  get(id: string, options?: Options): Promise<Redrive>;

  /** Change a redrive. Changes the rate or the name of a running redrive. */
  update(id: string, input: RedriveChange, options?: Options): Promise<Redrive>;

  /** Stop a redrive. What was redriven stays redriven; the rest stays dead or suppressed. */
  stop(id: string, options?: Options): Promise<Redrive>;
}

/** Deliver many past events again. */
export interface ReplaysApi<Options> {
  /** Replay deliveries in bulk. Creates new deliveries of past events, under the same `webhook-id`, so a receiver that deduplicates skips what it has. Deliveries to paused endpoints are suppressed. The replay is durable, continues after a restart, and runs beside others. It sends the first 20, waits up to 20 s for their outcomes, and stops itself if all of them fail. */
  create(input: BulkReplayRequest, options?: Options): Promise<BulkReplay>;

  /** List replays in bulk. Returns the newest first, unless another order is requested. */
  list(input?: ReplaysListInput, options?: Options): PageRequest<BulkReplayList>;

  /** Get a replay in bulk. Returns its progress, and the outcomes of its deliveries. */
  get(id: string, options?: Options): Promise<BulkReplay>;

  /** Change a replay in bulk. Changes the rate or the name of a running replay. */
  update(id: string, input: BulkReplayChange, options?: Options): Promise<BulkReplay>;

  /** Stop a replay in bulk. Deliveries that it has created stay; the rest is not created. */
  stop(id: string, options?: Options): Promise<BulkReplay>;
}

/** The ledger: what became of everything that was accepted. */
export interface AccountingApi<Options> {
  /** Get what became of everything accepted. Sums of the ledger over the deliveries accepted in a window. Bounds are rounded outward to whole hours, or to whole days (UTC) if they are older than eight days. */
  get(input?: AccountingGetInput, options?: Options): Promise<Accounting>;
}

/** Counters by time, for charts. */
export interface SeriesApi<Options> {
  /** Get counters as time series. Returns counters of deliveries by time of acceptance, with the current outcome. Counters are kept by the minute for 8 hours (`counts` and `inTime`), by the hour for 8 days (latency: 26 hours), then by day (UTC). Every point of the window is present, at most 1,500 over all series. */
  get(input?: SeriesGetInput, options?: Options): Promise<Series>;
}

/** Compare what was delivered with what a receiver has. */
export interface ReconcileApi<Options> {
  /** Compare with what a receiver has. Compares the deliveries of a window to one endpoint with the ids that its receiver has, and lists what is missing there and what was never sent. With `Content-Type: application/x-ndjson` the body is one id per line, up to millions, and the other fields of the JSON body are in the query. With `Accept: application/x-ndjson` the answer is lines too, each with one of `missing`, `unexpected` and, on the last line, `summary`: an answer without it is incomplete. */
  run(input: ReconcileRequest, options?: Options): Promise<Reconciliation>;

  /** The same with any number of lines, which are read as they are sent. The answer is complete when it ends. */
  runLines(
    lines:
      | Iterable<string | { readonly id: string } | { readonly eventId: string }>
      | AsyncIterable<string | { readonly id: string } | { readonly eventId: string }>,
    input: ReconcileRunLinesInput,
    options?: Options,
  ): AsyncIterable<ReconciliationLine>;
}

/** Changes as they happen. */
export interface StreamApi<Options> {
  /** Stream changes. Server-sent events. Each connection begins with `hello`, then the current state of every topic, as the call that reads it answers it: for `alerts` one message `alert` for each that is not resolved, for `now` the overview of the last 24 hours, and `reconciled` whenever the ledger was checked. Afterwards a message is sent when that answer changes, within about a second. With `Last-Event-ID`, only what has changed since that message is sent, if this node still knows. The connection ends when a topic can no longer be read, when the key or session ends, or when the reader does not keep up. A node allows 200 connections. */
  open(input: StreamOpenInput, options?: Options): AsyncIterable<StreamMessage>;
}

/** The current overview. */
export interface NowApi<Options> {
  /** Get the current overview. Answers four questions at once: does everything arrive, what is it worth, who owns it, and what needs attention. Computed at most once per second, and shared by all callers that ask for the same. */
  get(input?: NowGetInput, options?: Options): Promise<Now>;

  /** Get the overview as it was at a moment. Returns the state, at that moment, of what was accepted before it: what had been delivered, what waited, what was a dead letter, and which alerts fired. Counters know only the current outcome, so it is read from rows: for as long as settled deliveries are kept, and for at most 2,000,000 of them. The response also says what has changed since. */
  past(input: NowPastInput, options?: Options): Promise<PastNow>;
}

/** Reliability objectives, error budgets and burn rates. */
export interface SlosApi<Options> {
  /** Get the status of an objective. Counts the deliveries whose deadline has passed in the window of the objective. Each bad delivery is the fault of one side, and each side has its own error budget. */
  status(name: string, options?: Options): Promise<SloStatus>;

  /** Get how the budgets of an objective were spent over time. Returns each side's error budget after each step of the window. Counters are kept by the minute for 8 hours, then by the hour for 8 days, then by the day. An objective of kind `accounted` does not have a history. */
  history(name: string, input?: SlosHistoryInput, options?: Options): Promise<SloHistory>;

  /** Get the counts of an objective for a backtest. Returns what was due and what was bad, by time of acceptance, for trying alert rules on it. If minutes are no longer kept, counts cover whole hours or days. An objective of kind `accounted` has none. */
  minutes(name: string, input?: SlosMinutesInput, options?: Options): Promise<SloMinutes>;

  /** Get what spent the budgets of an objective. Returns what spent the budgets, by endpoint, side, cause and consecutive days (UTC). Each bad delivery is counted once, under the most frequent cause of its day. Worth is read from rows, so it is known while those are kept, and not for deliveries that were late at their first attempt. */
  spend(name: string, options?: Options): Promise<SloSpends>;

  /** List objectives. Returns every objective that is evaluated: declared ones by name, then those that templates set for the endpoints that follow them. */
  list(input?: SlosListInput, options?: Options): PageRequest<SloList>;

  /** Get an objective. Returns the objective as it was declared. */
  get(name: string, options?: Options): Promise<Slo>;

  /** Declare an objective. Creates or replaces the objective. Its teams and endpoints must exist. */
  put(name: string, input: SloDocument, options?: Options): Promise<Slo>;

  /** Delete an objective. Its alerts are resolved at the next evaluation. */
  delete(name: string, options?: Options): Promise<void>;
}

/** What lacks an owner, template or objective. */
export interface ConformanceApi<Options> {
  /** List what lacks an owner, template or objective. Returns endpoints and event types that have no owner, follow no template, or are covered by no objective; and event types that are published but not declared. */
  get(input?: ConformanceGetInput, options?: Options): PageRequest<Conformance>;
}

/** The processes that deliver. */
export interface NodesApi<Options> {
  /** List nodes. Returns the live processes that share the database, and the shards that each of them owns. */
  list(input?: NodesListInput, options?: Options): PageRequest<NodeList>;
}

/** Health, metrics and this document. */
export interface ServiceApi<Options> {
  /** Check that the process is alive. Answers 200 as long as the process responds, regardless of the state of its store. */
  health(options?: Options): Promise<Health>;

  /** Check that the node accepts events. Answers 503 while the node starts or stops, and while its store refuses writes. The body is the same. */
  ready(options?: Options): Promise<Readiness>;

  /** Get published signing keys. Returns the public keys of one endpoint, by its `keySet`: for receivers, who have no API key. The name of a set has 144 random bits, and neither the name nor the answer reveals whose it is. Trust the set you were given for your endpoint, not one that a request names. */
  publicKeys(id: string, options?: Options): Promise<PublicKeyList>;

  /** Get metrics. Prometheus text format, rendered at most once per second. The metrics reference describes each of them. */
  metrics(options?: Options): Promise<string>;

  /** Get the OpenAPI document. OpenAPI 3.1, with an `ETag`: `If-None-Match` saves the transfer. */
  openapi(options?: Options): Promise<OpenApiDocument>;

  /** Explain an error code. The page that a problem's `type` names: what the code means, and what to do. */
  error(code: string, options?: Options): Promise<string>;
}

/** Signing in, the caller's identity, and links for receivers. */
export interface MeApi<Options> {
  /** Show the caller. Returns what this key, session or portal link may see and do, and when it ends. */
  get(options?: Options): Promise<Me>;
}

/** Signing in, the caller's identity, and links for receivers. */
export interface SessionsApi<Options> {
  /** Sign in. Exchanges an API key, or the token of a portal link, for a session cookie: `HttpOnly`, `SameSite=Strict`, over HTTPS `__Host-posthorn`. A session ends after 12 hours without use, after 7 days at most, and as soon as its key is revoked, expires or is rotated; a session of a portal link ends with the link. Refused over plain HTTP from other machines, unless the server allows it. A changing request with the cookie must come from a page of this server, with `Content-Type: application/json`. */
  create(input?: SignIn, options?: Options): Promise<Me>;

  /** Sign out. Ends the calling session and clears its cookie. With the token of a portal link, it ends the link and the sessions that the link has opened. It does not end a key. */
  delete(options?: Options): Promise<void>;
}

/** Signing in, the caller's identity, and links for receivers. */
export interface PortalLinksApi<Options> {
  /** Create a portal link. Lets a receiver see its own endpoints, deliveries, dead letters and events, with payloads as far as the creating key sees them, and do what `can` allows. The link works until it expires, in as many browsers as open it, and ends with the key that created it. */
  create(input: PortalLinkRequest, options?: Options): Promise<PortalLink>;
}

/** What a change did: markers, and the comparison of before and after. */
export interface MarkersApi<Options> {
  /** List markers. Returns the newest first. People and pipelines mark deploys and incidents. Posthorn itself creates a marker when it starts with another version, when an endpoint is paused, resumed or gets another template, when a template gets another version, and when a bulk redrive or replay starts. */
  list(input?: MarkersListInput, options?: Options): PageRequest<MarkerList>;

  /** Create a marker. Marks a deploy, an incident or another change, for charts and for the comparison of before and after. Posthorn keeps the newest 10,000, and the newest 5,000 of its own. */
  create(input: NewMarker, options?: Options): Promise<Marker>;

  /** Delete a marker. Removes it from charts; nothing else changes. */
  delete(id: string, options?: Options): Promise<void>;
}

/** What a change did: markers, and the comparison of before and after. */
export interface ImpactApi<Options> {
  /** Compare before and after a change. Returns what was lost, late and given up before a time and after it, with intervals, money, and whether both times had the same traffic, as `posthorn impact` computes it from the counters. With `at`, both sides are equally long, in whole weeks, days or hours, without the hour or day of the change itself. Counters are hourly for eight days and then daily (UTC); `before` and `after` state what is compared. */
  get(input?: ImpactGetInput, options?: Options): Promise<Impact>;
}

/** What needs attention. */
export interface AlertsApi<Options> {
  /** List alerts. Returns pending alerts first, then firing alerts, then alerts resolved in the last 30 days; each group newest first. An alert about the store itself is listed even if the store cannot be read. */
  list(input?: AlertsListInput, options?: Options): PageRequest<AlertList>;

  /** Acknowledge an alert. Stops repeat notifications of the alert. Posthorn notifies again if the alert gets worse, if it fires again after it was resolved, and when `until` has passed. Acknowledging again replaces the note and the time; without either it changes nothing. */
  acknowledge(id: string, input?: AlertsAcknowledgeInput, options?: Options): Promise<Alert>;

  /** Withdraw an acknowledgement. Removes the acknowledgement with its note: Posthorn repeats the notifications of the alert as before. Changes nothing if the alert is not acknowledged. */
  unacknowledge(id: string, options?: Options): Promise<Alert>;
}

/** Where notifications go. */
export interface ChannelsApi<Options> {
  /** List channels. Returns channels by name. */
  list(input?: ChannelsListInput, options?: Options): PageRequest<ChannelList>;

  /** Get a channel. Returns the channel without its write-only fields. */
  get(name: string, options?: Options): Promise<Channel>;

  /** Declare a channel. Creates or replaces the channel, together with the endpoint that reaches it. Alerts go to the channels of the teams concerned; an alert without an owner goes to every channel. */
  put(name: string, input: ChannelDocument, options?: Options): Promise<Channel>;

  /** Test a channel. Sends one notification the way alerts are sent, waits for the channel's answer and returns it. A failed test is not retried. PagerDuty and Alertmanager receive a second notification that resolves the first. */
  test(name: string, options?: Options): Promise<ChannelTest>;

  /** Delete a channel. Refused while a team uses the channel. Cancels its pending notifications. */
  delete(name: string, options?: Options): Promise<void>;
}

/** Who owns what, and who is notified. */
export interface TeamsApi<Options> {
  /** List teams. Returns teams by name. */
  list(input?: TeamsListInput, options?: Options): PageRequest<TeamList>;

  /** Get a team. Returns the team as it was declared. */
  get(name: string, options?: Options): Promise<Team>;

  /** Declare a team. Creates or replaces the team. Teams own endpoints and event types, are named by objectives, and are notified through their channels, which must exist. */
  put(name: string, input: TeamDocument, options?: Options): Promise<Team>;

  /** Delete a team. Refused while the team owns an endpoint or an event type, or an objective names it. */
  delete(name: string, options?: Options): Promise<void>;

  /** Get what a team sends and receives. Returns event types and endpoints that the team owns, how each type fares at each endpoint in the last 24 hours, and the team's objectives, alerts and conformance. */
  overview(name: string, options?: Options): Promise<TeamOverview>;
}

/** Whose webhooks they are, and the limits of each. */
export interface TenantsApi<Options> {
  /** List tenants. Returns the declared tenants by name. */
  list(input?: TenantsListInput, options?: Options): PageRequest<TenantList>;

  /** Get a tenant. Returns the tenant as it was declared. A tenant that is used but not declared is not found. */
  get(name: string, options?: Options): Promise<Tenant>;

  /** Declare a tenant. Creates or replaces the tenant. A tenant need not be declared to be used; without a declaration it is not limited. Lower limits delete nothing: they apply to new requests. */
  put(name: string, input: TenantDocument, options?: Options): Promise<Tenant>;

  /** Delete a tenant. Deletes the declaration. Refused while the tenant has endpoints or keys. Its events and deliveries remain as long as retention keeps them. */
  delete(name: string, options?: Options): Promise<void>;
}

/** Named, versioned delivery policies. */
export interface TemplatesApi<Options> {
  /** List templates. Returns declared templates by name, then the built-in ones. */
  list(input?: TemplatesListInput, options?: Options): PageRequest<TemplateList>;

  /** Get a template. Returns the declared template of that name, or the built-in one. */
  get(name: string, options?: Options): Promise<Template>;

  /** Declare a template. Creates the template, or replaces it with the next version; an identical document creates no new version. Every endpoint that follows the template is updated; pending deliveries keep their due time. */
  put(name: string, input: TemplateDocument, options?: Options): Promise<Template>;

  /** Delete a template. Refused while an endpoint follows the template or an event type names it. If it replaced a built-in template, the built-in one applies again. */
  delete(name: string, options?: Options): Promise<void>;
}

/** Which events an endpoint gets, by their data. */
export interface FiltersApi<Options> {
  /** Try a filter. Returns how many of the newest events would pass, with examples of both kinds. Reads the newest 12,800 events of all tenants and at most 4 MiB of data. Stored events require a key that sees payloads in full: with filters, a key could find out what they contain. */
  dryRun(input: FilterDryRun, options?: Options): Promise<FilterOutcome>;
}

/** Reshape what an endpoint receives. */
export interface TransformationsApi<Options> {
  /** Try a transformation. Runs the expression as an attempt would, within the same limits, and sends nothing. An invalid expression is refused with 422. */
  dryRun(input: TransformationDryRun, options?: Options): Promise<TransformationOutcome>;
}

/** Declared types of events: schema, owner, value. */
export interface EventTypesApi<Options> {
  /** List event types. Returns the declared event types by name. Events of other types are accepted too. */
  list(input?: EventTypesListInput, options?: Options): PageRequest<EventTypeList>;

  /** Get an event type. Returns the event type as it was declared. */
  get(name: string, options?: Options): Promise<EventType>;

  /** Declare an event type. Creates or replaces the event type. Its owner and template must exist, and its schema must compile within the limits of validation. */
  put(name: string, input: EventTypeDocument, options?: Options): Promise<EventType>;

  /** Delete an event type. Events of this type are still accepted, but no longer validated. */
  delete(name: string, options?: Options): Promise<void>;
}

/** API keys: what each may see and do, and when it was last used. */
export interface KeysApi<Options> {
  /** Create a key. Only this response shows the key. It works at once on this node, and within a second on others. */
  create(input: KeyRequest, options?: Options): Promise<KeyWithSecret>;

  /** List keys. Returns the oldest first, including expired and revoked keys. The first admin key is not included. */
  list(input?: KeysListInput, options?: Options): PageRequest<KeyList>;

  /** Get a key. Returns what it may do, and when and from where it was last used. Never returns the key itself. */
  get(id: string, options?: Options): Promise<Key>;

  /** Revoke a key. The key stops working at once on this node, and within a second on others; so do the sessions it started. Lists keep showing it, as revoked. */
  delete(id: string, options?: Options): Promise<void>;

  /** Rotate a key. Generates a new key with the same id and rights; the current one works until the grace period ends. If it was rotated before, the key before that stops working now. Only this response shows the new key. */
  rotate(id: string, input?: KeyRotation, options?: Options): Promise<KeyWithSecret>;
}

/** Who changed what. */
export interface AuditLogApi<Options> {
  /** List the audit log. Returns who changed what, newest first: one entry for each change, written in the same transaction. It excludes publishing and Posthorn's own actions, except that it pauses or disables an endpoint. Each entry contains the hash of the previous one, so `posthorn verify` detects an entry that was edited or removed. A key that is bound to a tenant sees the entries of its tenant, whose numbers count all tenants. */
  list(input?: AuditLogListInput, options?: Options): PageRequest<AuditEntryList>;
}

/** The keys that encrypt stored secrets. */
export interface SecretsApi<Options> {
  /** Show which keys encrypt the stored secrets. Counts secrets by key, and says which keys can be removed. Shows neither secrets nor keys. */
  status(options?: Options): Promise<SecretsStatus>;

  /** Encrypt all stored secrets with the newest key. Safe to repeat: it does what is left. Every node must have the new key first. Nothing that receivers see changes. */
  rotate(options?: Options): Promise<SecretsRotation>;
}

/** Every call, by its resource. */
export interface Api<Options> {
  readonly events: EventsApi<Options>;
  readonly attempts: AttemptsApi<Options>;
  readonly search: SearchApi<Options>;
  readonly deliveries: DeliveriesApi<Options>;
  readonly blockedKeys: BlockedKeysApi<Options>;
  readonly deadLetters: DeadLettersApi<Options>;
  readonly endpoints: EndpointsApi<Options>;
  readonly redrives: RedrivesApi<Options>;
  readonly replays: ReplaysApi<Options>;
  readonly accounting: AccountingApi<Options>;
  readonly series: SeriesApi<Options>;
  readonly reconcile: ReconcileApi<Options>;
  readonly stream: StreamApi<Options>;
  readonly now: NowApi<Options>;
  readonly slos: SlosApi<Options>;
  readonly conformance: ConformanceApi<Options>;
  readonly nodes: NodesApi<Options>;
  readonly service: ServiceApi<Options>;
  readonly me: MeApi<Options>;
  readonly sessions: SessionsApi<Options>;
  readonly portalLinks: PortalLinksApi<Options>;
  readonly markers: MarkersApi<Options>;
  readonly impact: ImpactApi<Options>;
  readonly alerts: AlertsApi<Options>;
  readonly channels: ChannelsApi<Options>;
  readonly teams: TeamsApi<Options>;
  readonly tenants: TenantsApi<Options>;
  readonly templates: TemplatesApi<Options>;
  readonly filters: FiltersApi<Options>;
  readonly transformations: TransformationsApi<Options>;
  readonly eventTypes: EventTypesApi<Options>;
  readonly keys: KeysApi<Options>;
  readonly auditLog: AuditLogApi<Options>;
  readonly secrets: SecretsApi<Options>;
}

export type OperationId =
  | 'events.publish'
  | 'events.publishBatch'
  | 'events.get'
  | 'events.replay'
  | 'events.deleteData'
  | 'events.import'
  | 'events.list'
  | 'attempts.list'
  | 'search.find'
  | 'deliveries.list'
  | 'deliveries.get'
  | 'deliveries.redrive'
  | 'deliveries.cancel'
  | 'deliveries.request'
  | 'blockedKeys.list'
  | 'deadLetters.list'
  | 'deadLetters.snooze'
  | 'deadLetters.wake'
  | 'endpoints.create'
  | 'endpoints.list'
  | 'endpoints.get'
  | 'endpoints.ensure'
  | 'endpoints.update'
  | 'endpoints.delete'
  | 'endpoints.pause'
  | 'endpoints.resume'
  | 'endpoints.rotateSecret'
  | 'endpoints.publicKeys'
  | 'endpoints.check'
  | 'endpoints.test'
  | 'endpoints.health'
  | 'redrives.create'
  | 'redrives.list'
  | 'redrives.get'
  | 'redrives.update'
  | 'redrives.stop'
  | 'replays.create'
  | 'replays.list'
  | 'replays.get'
  | 'replays.update'
  | 'replays.stop'
  | 'accounting.get'
  | 'series.get'
  | 'reconcile.run'
  | 'stream.open'
  | 'now.get'
  | 'now.past'
  | 'slos.status'
  | 'slos.history'
  | 'slos.minutes'
  | 'slos.spend'
  | 'conformance.get'
  | 'nodes.list'
  | 'service.health'
  | 'service.ready'
  | 'service.publicKeys'
  | 'service.metrics'
  | 'service.openapi'
  | 'service.error'
  | 'me.get'
  | 'sessions.create'
  | 'sessions.delete'
  | 'portalLinks.create'
  | 'markers.list'
  | 'markers.create'
  | 'markers.delete'
  | 'impact.get'
  | 'alerts.list'
  | 'alerts.acknowledge'
  | 'alerts.unacknowledge'
  | 'channels.list'
  | 'channels.get'
  | 'channels.put'
  | 'channels.test'
  | 'channels.delete'
  | 'teams.list'
  | 'teams.get'
  | 'teams.put'
  | 'teams.delete'
  | 'teams.overview'
  | 'tenants.list'
  | 'tenants.get'
  | 'tenants.put'
  | 'tenants.delete'
  | 'templates.list'
  | 'templates.get'
  | 'templates.put'
  | 'templates.delete'
  | 'filters.dryRun'
  | 'transformations.dryRun'
  | 'eventTypes.list'
  | 'eventTypes.get'
  | 'eventTypes.put'
  | 'eventTypes.delete'
  | 'slos.list'
  | 'slos.get'
  | 'slos.put'
  | 'slos.delete'
  | 'keys.create'
  | 'keys.list'
  | 'keys.get'
  | 'keys.delete'
  | 'keys.rotate'
  | 'auditLog.list'
  | 'secrets.status'
  | 'secrets.rotate';
