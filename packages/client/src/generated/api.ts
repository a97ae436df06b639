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
  EventList,
  EventType,
  EventTypeDocument,
  EventTypeList,
  FilterDryRun,
  FilterOutcome,
  Health,
  Impact,
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
  /** Publish an event. Accepts an event and creates its deliveries in one transaction; the answer comes after the commit is on disk. The header `Idempotency-Key` is the id of an event that has none; `traceparent` and `tracestate` go on to the receivers. */
  publish(input: NewEvent, options?: Options): Promise<Receipt>;

  /** Publish up to 1,000 events. All or none, in one transaction. The body may have 8 MiB. */
  publishBatch(input: NewEventBatch, options?: Options): Promise<BatchReceipt>;

  /** Get an event. The event and its deliveries. */
  get(id: string, input?: EventsGetInput, options?: Options): Promise<Event>;

  /** Deliver a past event again. Makes new deliveries of the event, under the same `webhook-id`, to the endpoints that would receive it if it were published now, or to the one that is named, whatever it subscribes to and filters: naming it is the decision. Deliveries to paused endpoints are suppressed. */
  replay(id: string, input?: EventsReplayInput, options?: Options): Promise<Replay>;

  /** List events. Without their data. Newest first, unless `order` is `asc`. A call reads at most 200,000 rows, and takes about 200 ms: then `nextCursor` goes on from there, also if the page has fewer items than `limit`, or none. */
  list(input?: EventsListInput, options?: Options): PageRequest<EventList>;
}

/** What became of each event at each endpoint. */
export interface AttemptsApi<Options> {
  /** List attempts. Across deliveries: those of the newest delivery first, its last attempt first, unless `order` is `asc`. A call reads at most 200,000 rows, and takes about 200 ms: then `nextCursor` goes on from there, also if the page has fewer items than `limit`, or none. */
  list(input?: AttemptsListInput, options?: Options): PageRequest<AttemptList>;
}

/** Health, metrics and this document. */
export interface SearchApi<Options> {
  /** Find anything by its id or a piece of its name. Ids are found whole: of deliveries, events, endpoints, redrives and alerts. Endpoints are found by a piece of their URL, name or owner; event types, teams, objectives, channels and templates by a piece of their name. At most ten of each kind. */
  find(input: SearchFindInput, options?: Options): Promise<SearchResults>;
}

/** What became of each event at each endpoint. */
export interface DeliveriesApi<Options> {
  /** List deliveries. Newest first, unless `order` is `asc`. A call reads at most 200,000 rows, and takes about 200 ms: then `nextCursor` goes on from there, also if the page has fewer items than `limit`, or none. */
  list(input?: DeliveriesListInput, options?: Options): PageRequest<DeliveryList>;

  /** Get a delivery. The delivery and its attempts, with their leases; what it waits for, when it is attempted next, and who has redriven it. */
  get(id: string, options?: Options): Promise<DeliveryDetails>;

  /** Redrive a delivery. Makes the delivery due now. A dead, suppressed or cancelled one gets a fresh schedule; a pending one only comes due sooner, and waits for earlier ones of its ordering key all the same. What the receiver asked for with `Retry-After` is over. */
  redrive(id: string, options?: Options): Promise<Delivery>;

  /** Cancel a delivery. A pending delivery is not attempted again unless it is redriven; an attempt in flight is not cut. A dead letter can be cancelled if it blocks its ordering key (`on_dead: block`): the key goes on without it. */
  cancel(id: string, input: CancelRequest, options?: Options): Promise<Delivery>;

  /** Get the request of a delivery. What is sent to the receiver: made again from the stored event and the endpoint, by the code that sends it. Looking at a full payload is recorded in the audit log. */
  request(id: string, input?: DeliveriesRequestInput, options?: Options): Promise<DeliveryRequest>;
}

/** What became of each event at each endpoint. */
export interface BlockedKeysApi<Options> {
  /** List blocked ordering keys. Ordering keys of endpoints with `on_dead: block` that have a dead letter, with what waits behind it. By endpoint, the oldest first. */
  list(input?: BlockedKeysListInput, options?: Options): PageRequest<BlockedKeyList>;
}

/** Deliveries that ended undelivered. */
export interface DeadLettersApi<Options> {
  /** List dead letters in groups. By endpoint, class of the last error and status code; those that are worth the most come first, by the currency that most of them have. Reads at most 40,000 deliveries of 1,000 endpoints, the newest of each. */
  list(input?: DeadLettersListInput, options?: Options): PageRequest<DeadLetterList>;

  /** Snooze a group of dead letters. Says that a group may wait, for 30 days at most: lists show it as snoozed. Nothing is changed about its deliveries, its alerts or its retention. */
  snooze(id: string, input: SnoozeRequest, options?: Options): Promise<DeadLetterGroup>;

  /** End the snooze of a group. The group is shown as before. */
  wake(id: string, options?: Options): Promise<DeadLetterGroup>;
}

/** Receivers: their URLs, subscriptions, limits and secrets. */
export interface EndpointsApi<Options> {
  /** Create an endpoint. From now on it gets every event that it subscribes to. The answer is the only one that shows its signing secret. */
  create(input: EndpointRequest, options?: Options): Promise<EndpointWithSecret>;

  /** List endpoints. Oldest first, unless `sort` says otherwise. With `include=health`, each with its last 24 hours, what waits and what is dead. */
  list(input?: EndpointsListInput, options?: Options): PageRequest<EndpointList>;

  /** Get an endpoint. Its settings, and what attempts have found out about its receiver. */
  get(id: string, input?: EndpointsGetInput, options?: Options): Promise<Endpoint>;

  /** Create or replace an endpoint by its name. Safe to repeat: afterwards there is one endpoint of that name in the tenant, with these settings. Settings that are left out get their defaults; the secret stays what it was, and a pause because of a 410 or of failures lasts until the URL changes or `enabled` is given. 201 if it was created, and only then the answer shows the secret. */
  ensure(id: string, input: EndpointsEnsureInput, options?: Options): Promise<EnsuredEndpoint>;

  /** Change an endpoint. Changes the settings that are given. With another URL everything ends that was learned of the former one: its breaker, its failures, what it asked for with Retry-After, and a pause because of a 410 or of failures. With other `auth`, `tls` or `proxy`, retries that wait are made at once. */
  update(id: string, input: EndpointsUpdateInput, options?: Options): Promise<Endpoint>;

  /** Delete an endpoint. Its pending deliveries are cancelled, with that reason. Its name is free again. */
  delete(id: string, input?: EndpointsDeleteInput, options?: Options): Promise<void>;

  /** Pause an endpoint. Pending deliveries wait; deliveries of new events are suppressed: kept, and redriven when somebody asks for it. */
  pause(id: string, input?: EndpointsPauseInput, options?: Options): Promise<Endpoint>;

  /** Resume an endpoint. Goes on with what is pending, also where the receiver asked to wait (Retry-After). Deliveries that were suppressed meanwhile stay so until they are redriven. Failures are counted anew. */
  resume(id: string, input?: EndpointsResumeInput, options?: Options): Promise<Endpoint>;

  /** Rotate the signing secret. Makes a new secret and a new key pair, whichever the endpoint signs with (`signatures`); until the grace time ends, requests are signed with the former ones too. The answer is the only one that shows the new secret; public keys are in `/v1/endpoints/{id}/public-keys`. */
  rotateSecret(id: string, input?: EndpointsRotateSecretInput, options?: Options): Promise<RotatedEndpoint>;

  /** List the public keys of an endpoint. What verifies its `v1a` signatures; empty if it never signed with `v1a`. The same keys are published without an API key under its `keySet`. */
  publicKeys(id: string, input?: EndpointsPublicKeysInput, options?: Options): Promise<PublicKeyList>;

  /** Check the URL of an endpoint. Says whether an endpoint could be created with this URL, and creates none. The addresses of a name are judged when they are connected to. */
  check(input: EndpointCheck, options?: Options): Promise<EndpointCheckAnswer>;

  /** Send a test event. Publishes an event of type `posthorn.test` to this endpoint alone, and answers what the receiver answered. */
  test(id: string, input?: EndpointsTestInput, options?: Options): Promise<EndpointTest>;

  /** Diagnose an endpoint. Why the endpoint is as it is, in one sentence that rules make of what is known; what waits, and until when nothing is lost; how attempts failed, with the last answers. */
  health(id: string, input?: EndpointsHealthInput, options?: Options): Promise<EndpointHealthDetails>;
}

/** Make many dead or suppressed deliveries pending again. */
export interface RedrivesApi<Options> {
  /** Redrive deliveries in bulk. Makes all dead or suppressed deliveries that match the filter pending again, with a fresh schedule. The redrive is durable, goes on after a restart, and runs beside others. It sends the first 20, waits for their outcomes for up to 20 s, and stops itself if all of them fail again. */
  create(input: RedriveRequest, options?: Options): Promise<Redrive>;

  /** List redrives. Newest first, unless another order is asked for. */
  list(input?: RedrivesListInput, options?: Options): PageRequest<RedriveList>;

  /** Get a redrive. Its progress, and what became of its deliveries. */
  get(id: string, options?: Options): Promise<Redrive>;

  /** Change a redrive. Changes the rate or the name of a running redrive. */
  update(id: string, input: RedriveChange, options?: Options): Promise<Redrive>;

  /** Stop a redrive. What was redriven stays so; what was not stays dead or suppressed. */
  stop(id: string, options?: Options): Promise<Redrive>;
}

/** Deliver many past events again. */
export interface ReplaysApi<Options> {
  /** Replay deliveries in bulk. Makes new deliveries of past events, under the same `webhook-id`, so a receiver that deduplicates skips what it has. Deliveries to paused endpoints are suppressed. The replay is durable, goes on after a restart, and runs beside others. It sends the first 20, waits for their outcomes for up to 20 s, and stops itself if all of them fail. */
  create(input: BulkReplayRequest, options?: Options): Promise<BulkReplay>;

  /** List replays in bulk. Newest first, unless another order is asked for. */
  list(input?: ReplaysListInput, options?: Options): PageRequest<BulkReplayList>;

  /** Get a replay in bulk. Its progress, and what became of its deliveries. */
  get(id: string, options?: Options): Promise<BulkReplay>;

  /** Change a replay in bulk. Changes the rate or the name of a running replay. */
  update(id: string, input: BulkReplayChange, options?: Options): Promise<BulkReplay>;

  /** Stop a replay in bulk. Deliveries that it has made stay; the rest is not made. */
  stop(id: string, options?: Options): Promise<BulkReplay>;
}

/** What became of everything that was accepted. */
export interface AccountingApi<Options> {
  /** Get what became of everything accepted. Sums of the ledger over the deliveries accepted in a window. Bounds are rounded outward to whole hours, or to whole days (UTC) if they are older than eight days. */
  get(input?: AccountingGetInput, options?: Options): Promise<Accounting>;
}

/** Counters by time, for charts. */
export interface SeriesApi<Options> {
  /** Get counters as time series. Counters of deliveries by the time of their acceptance, with the outcome that is known now. Counters stand by the minute for 8 hours (`counts` and `inTime`), by the hour for 8 days (latency: 26 hours), then by day (UTC). Every point of the window is there, at most 1,500 over all series. */
  get(input?: SeriesGetInput, options?: Options): Promise<Series>;
}

/** Compare what was delivered with what a receiver has. */
export interface ReconcileApi<Options> {
  /** Compare with what a receiver has. Compares the deliveries of a window to one endpoint with the ids that its receiver has, and lists what is missing there and what was never sent. With `Content-Type: application/x-ndjson` the body is one id a line, millions of them, and what else the body of JSON has is in the query; with `Accept: application/x-ndjson` the answer to that is lines too, each with one of `missing`, `unexpected` and, as the last one, `summary`: an answer without it is not complete. */
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

/** What changes, as it changes. */
export interface StreamApi<Options> {
  /** Watch what changes. Server-sent events. Each connection begins with `hello`, then with the present state of every topic, as the call that reads it answers it: of `alerts` one message `alert` for each that is not resolved, of `now` the overview of the last 24 hours, and `reconciled` whenever the ledger was checked. Afterwards a message comes when that answer changes, within about a second. With `Last-Event-ID` only what has changed since that message is sent, if this node still knows. What cannot be read any more, and a key or session that has ended, end the connection; so does a reader that does not keep up. A node has room for 200 connections. */
  open(input: StreamOpenInput, options?: Options): AsyncIterable<StreamMessage>;
}

/** The overview of now. */
export interface NowApi<Options> {
  /** Get the overview of now. One answer to: does everything arrive, what is it worth, whose is it, and what needs attention. Made at most once a second, and shared by everybody who asks for the same. */
  get(input?: NowGetInput, options?: Options): Promise<Now>;

  /** Get the overview as it was at a moment. How what was accepted before a moment stood then: what had arrived, what waited, what was a dead letter, and which alerts fired. Counters know the present outcome only, so it is read from rows: for as long as settled deliveries are kept, and for at most 2,000,000 of them. What has changed since stands beside it. */
  past(input: NowPastInput, options?: Options): Promise<PastNow>;
}

/** Reliability objectives, error budgets and burn rates. */
export interface SlosApi<Options> {
  /** Get the status of an objective. Counts the deliveries whose deadline has passed in the window of the objective. What is bad is the fault of one side, and each side has an error budget of its own. */
  status(name: string, options?: Options): Promise<SloStatus>;

  /** Get how the budgets of an objective were spent over time. Each side's error budget after each stretch of the window. Counters stand by the minute for 8 hours, then by the hour for 8 days, then by the day. An objective of the kind `accounted` has no history. */
  history(name: string, input?: SlosHistoryInput, options?: Options): Promise<SloHistory>;

  /** Get the counts of an objective for a backtest. What was due and what was bad, by the time of acceptance, for trying alert rules on it. Where minutes are not kept any more, counts are of whole hours or days. An objective of the kind `accounted` has none. */
  minutes(name: string, input?: SlosMinutesInput, options?: Options): Promise<SloMinutes>;

  /** Get what spent the budgets of an objective. By endpoint, side, cause and days (UTC) in a row. Each bad delivery is counted once, under what most of those of its day missed the objective for. Worth is read from rows, so it is known while those are kept, and not of deliveries that were late at their first attempt. */
  spend(name: string, options?: Options): Promise<SloSpends>;

  /** List objectives. Every objective that is evaluated: the declared ones by name, then those that templates set for the endpoints that follow them. */
  list(input?: SlosListInput, options?: Options): PageRequest<SloList>;

  /** Get an objective. Returns the objective as it was declared. */
  get(name: string, options?: Options): Promise<Slo>;

  /** Declare an objective. Creates the objective, or replaces it. Its teams and endpoints have to exist. */
  put(name: string, input: SloDocument, options?: Options): Promise<Slo>;

  /** Delete an objective. Its alerts are resolved at the next evaluation. */
  delete(name: string, options?: Options): Promise<void>;
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

  /** Get published signing keys. The public keys of one endpoint, by its `keySet`: for receivers, who have no API key. A set is named by 144 random bits, and neither the name nor the answer says whose it is. Trust what you were given for your endpoint, not what a request names. */
  publicKeys(id: string, options?: Options): Promise<PublicKeyList>;

  /** Get metrics. In the Prometheus text format, rendered at most once a second. The metrics reference names each of them. */
  metrics(options?: Options): Promise<string>;

  /** Get the OpenAPI document. OpenAPI 3.1, with an `ETag`: `If-None-Match` saves the transfer. */
  openapi(options?: Options): Promise<OpenApiDocument>;

  /** Explain an error code. The page that a problem's `type` names: what the code means, and what to do. */
  error(code: string, options?: Options): Promise<string>;
}

/** Signing in, who calls, and links for receivers. */
export interface MeApi<Options> {
  /** Show who calls. What this key, session or portal link may see and do, and when it ends. */
  get(options?: Options): Promise<Me>;
}

/** Signing in, who calls, and links for receivers. */
export interface SessionsApi<Options> {
  /** Sign in. Exchanges an API key, or the token of a portal link, for a session cookie: `HttpOnly`, `SameSite=Strict`, over HTTPS `__Host-posthorn`. A session ends after 12 hours without use, after 7 days at most, and as soon as its key is revoked, expires or is rotated away; one of a portal link with the link. Refused over plain HTTP from other machines, unless the server allows it. A request with the cookie that changes something has to come from a page of this server, with `Content-Type: application/json`. */
  create(input?: SignIn, options?: Options): Promise<Me>;

  /** Sign out. Ends the session that it is called with, and clears its cookie. With the token of a portal link it ends the link, and the sessions that the link has opened. A key is not ended. */
  delete(options?: Options): Promise<void>;
}

/** Signing in, who calls, and links for receivers. */
export interface PortalLinksApi<Options> {
  /** Create a portal link. Lets a receiver see its own endpoints, deliveries, dead letters and events, with payloads as far as the key that creates it sees them, and do what `can` says. The link works until it expires, for as many browsers as open it, and ends with the key that created it. */
  create(input: PortalLinkRequest, options?: Options): Promise<PortalLink>;
}

/** What a change did: markers, and before against after. */
export interface MarkersApi<Options> {
  /** List markers. What happened when: the newest first. People and pipelines note deploys and incidents. Posthorn itself puts a marker if it starts with another version, if an endpoint is paused, resumed or gets another template, if a template gets another version, and if a redrive or replay in bulk begins. */
  list(input?: MarkersListInput, options?: Options): PageRequest<MarkerList>;

  /** Put a marker. Notes a deploy, an incident or another change, for charts and for the comparison of before and after. The newest 10,000 are kept, and the newest 5,000 of those that Posthorn puts by itself. */
  create(input: NewMarker, options?: Options): Promise<Marker>;

  /** Delete a marker. Takes it out of charts; nothing else changes. */
  delete(id: string, options?: Options): Promise<void>;
}

/** What a change did: markers, and before against after. */
export interface ImpactApi<Options> {
  /** Compare before and after a change. What was lost, late and given up before a time and after it, with intervals, money, and whether both times saw the same traffic: as `posthorn impact` computes it from the counters. With `at` both sides are equally long, in whole weeks, days or hours, without the hour or day of the change itself. Counters stand by the hour for eight days and then by the day (UTC); what is compared is said in `before` and `after`. */
  get(input?: ImpactGetInput, options?: Options): Promise<Impact>;
}

/** What needs somebody. */
export interface AlertsApi<Options> {
  /** List alerts. Pending ones first, then those that fire, then resolved ones of the last 30 days; each the newest first. An alert about the store itself is listed even if the store cannot be read. */
  list(input?: AlertsListInput, options?: Options): PageRequest<AlertList>;

  /** Acknowledge an alert. Stops repeat notifications of the alert. If it gets worse, or becomes true again after it was resolved, Posthorn notifies again; also when `until` has come. Acknowledging again replaces the note and the time, and without either changes nothing. */
  acknowledge(id: string, input?: AlertsAcknowledgeInput, options?: Options): Promise<Alert>;
}

/** Where notifications go. */
export interface ChannelsApi<Options> {
  /** List channels. By name. */
  list(input?: ChannelsListInput, options?: Options): PageRequest<ChannelList>;

  /** Get a channel. Returns what may be shown of the channel. */
  get(name: string, options?: Options): Promise<Channel>;

  /** Declare a channel. Creates the channel, or replaces it, together with the endpoint by which it is reached. Alerts go to the channels of the teams that they concern; an alert without an owner goes to every channel. */
  put(name: string, input: ChannelDocument, options?: Options): Promise<Channel>;

  /** Test a channel. Sends one notification the way that alerts go, waits for what the channel answers, and says it. A test that fails is not repeated. PagerDuty and Alertmanager get a second one that resolves it. */
  test(name: string, options?: Options): Promise<ChannelTest>;

  /** Delete a channel. Refused while a team uses the channel. Its pending notifications are cancelled. */
  delete(name: string, options?: Options): Promise<void>;
}

/** Who owns what, and who is notified. */
export interface TeamsApi<Options> {
  /** List teams. By name. */
  list(input?: TeamsListInput, options?: Options): PageRequest<TeamList>;

  /** Get a team. Returns the team as it was declared. */
  get(name: string, options?: Options): Promise<Team>;

  /** Declare a team. Creates the team, or replaces it. Teams own endpoints and event types, are named by objectives, and are notified in their channels, which have to exist. */
  put(name: string, input: TeamDocument, options?: Options): Promise<Team>;

  /** Delete a team. Refused while the team owns an endpoint or an event type, or an objective names it. */
  delete(name: string, options?: Options): Promise<void>;

  /** Get what a team sends and receives. Event types and endpoints that the team owns, how each type fares at each endpoint in the last 24 hours, and the team's objectives, alerts and conformance. */
  overview(name: string, options?: Options): Promise<TeamOverview>;
}

/** Whose webhooks they are, and how much each may have. */
export interface TenantsApi<Options> {
  /** List tenants. Those that were declared, by name. */
  list(input?: TenantsListInput, options?: Options): PageRequest<TenantList>;

  /** Get a tenant. Returns the tenant as it was declared. A tenant that is used and was not declared is not found. */
  get(name: string, options?: Options): Promise<Tenant>;

  /** Declare a tenant. Creates the tenant, or replaces it. A tenant need not be declared to be used; without a declaration it has no limits. Lower limits take nothing away: they refuse what comes from now on. */
  put(name: string, input: TenantDocument, options?: Options): Promise<Tenant>;

  /** Delete a tenant. Deletes the declaration. Refused while the tenant has endpoints or keys. Its events and deliveries stay as long as retention keeps them. */
  delete(name: string, options?: Options): Promise<void>;
}

/** Named, versioned delivery policies. */
export interface TemplatesApi<Options> {
  /** List templates. The declared ones by name, then the built-in ones. */
  list(input?: TemplatesListInput, options?: Options): PageRequest<TemplateList>;

  /** Get a template. Returns the declared template of that name, or the built-in one. */
  get(name: string, options?: Options): Promise<Template>;

  /** Declare a template. Creates the template, or replaces it under the next version; the same document again makes no new version. Every endpoint that follows the template is brought to it; pending deliveries keep their due time. */
  put(name: string, input: TemplateDocument, options?: Options): Promise<Template>;

  /** Delete a template. Refused while an endpoint follows the template or an event type names it. If it replaced a built-in template, the built-in one holds again. */
  delete(name: string, options?: Options): Promise<void>;
}

/** Which events an endpoint gets, by their data. */
export interface FiltersApi<Options> {
  /** Try a filter. Says how many of the newest events would pass, and names some that would and some that would not. It looks through the newest 12,800 events of all tenants and at most 4 MiB of data. Stored events are for keys that see payloads in full: by trying filters on them a key could find out what they hold. */
  dryRun(input: FilterDryRun, options?: Options): Promise<FilterOutcome>;
}

/** Reshape what an endpoint is sent. */
export interface TransformationsApi<Options> {
  /** Try a transformation. Runs the expression as an attempt would, within the same bounds, and sends nothing. An expression that cannot be declared is refused with 422. */
  dryRun(input: TransformationDryRun, options?: Options): Promise<TransformationOutcome>;
}

/** Declared types of events: schema, owner, value. */
export interface EventTypesApi<Options> {
  /** List event types. The declared ones, by name. Events of other types are accepted too. */
  list(input?: EventTypesListInput, options?: Options): PageRequest<EventTypeList>;

  /** Get an event type. Returns the event type as it was declared. */
  get(name: string, options?: Options): Promise<EventType>;

  /** Declare an event type. Creates the event type, or replaces it. Its owner and template have to exist, and its schema has to compile within the limits that validation has. */
  put(name: string, input: EventTypeDocument, options?: Options): Promise<EventType>;

  /** Delete an event type. Events of this type are still accepted, and no longer validated. */
  delete(name: string, options?: Options): Promise<void>;
}

/** API keys: what each may see and do, and when it was used last. */
export interface KeysApi<Options> {
  /** Create a key. The answer is the only one that shows the key. It works at once on this node, and within a second on others. */
  create(input: KeyRequest, options?: Options): Promise<KeyWithSecret>;

  /** List keys. Oldest first, with those that have expired or were revoked. The first admin key is not among them. */
  list(input?: KeysListInput, options?: Options): PageRequest<KeyList>;

  /** Get a key. What it may do, and when and from where it was used last. Never the key itself. */
  get(id: string, options?: Options): Promise<Key>;

  /** Revoke a key. It stops working at once on this node, and within a second on others; so do the sessions that it has begun. Lists go on showing it, as revoked. */
  delete(id: string, options?: Options): Promise<void>;

  /** Rotate a key. Makes a new key with the same id and rights; the present one works until the grace time ends. If it was rotated before, the key before that stops working now. The answer is the only one that shows the new key. */
  rotate(id: string, input?: KeyRotation, options?: Options): Promise<KeyWithSecret>;
}

/** Who has changed what. */
export interface AuditLogApi<Options> {
  /** List the audit log. Who has changed what, newest first: one entry for each change, kept in the same transaction. Publishing is not part of it, nor is what Posthorn does by itself, except that it pauses or disables an endpoint. Each entry has the hash of the one before, so one that was edited or removed is found by `posthorn verify`. A key that is bound to a tenant sees the entries of its tenant, which are numbered among all. */
  list(input?: AuditLogListInput, options?: Options): PageRequest<AuditEntryList>;
}

/** The keys that stored secrets are encrypted with. */
export interface SecretsApi<Options> {
  /** Show which keys encrypt the stored secrets. Counts them by key, and says which keys can go. Shows neither secrets nor keys. */
  status(options?: Options): Promise<SecretsStatus>;

  /** Encrypt all stored secrets with the newest key. Safe to repeat: it does what is left. Every node has to have the new key before. Nothing that receivers see changes. */
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
