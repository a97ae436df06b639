// Generated from the operations table by `npm run generate`: do not edit.

export interface Accounting {
  /** The window that was counted; null means no bound. */
  readonly window: {
    readonly since: string | null;
    readonly until: string | null;

    /** What the bounds were rounded outward to. */
    readonly resolution: 'hour' | 'day';
  };
  readonly events: number;

  /** Events that no endpoint subscribed to. */
  readonly unmatched: number;

  /** Deliveries. Each is in exactly one of `delivered`, `pending`, `dead`, `cancelled` and `suppressed`. */
  readonly accepted: number;
  readonly delivered: number;
  readonly dead: number;
  readonly cancelled: number;
  readonly suppressed: number;

  /** Delivered after the deadline, or still pending past it. */
  readonly late: number;

  /** Attempts whose outcome came after another attempt had settled the delivery. */
  readonly supersededAttempts: number;

  /** The share of `accepted` that is dead, suppressed or unaccounted. */
  readonly dropRate: number;
  readonly dropRateInterval: Interval;

  /** Null if nothing was attempted. */
  readonly firstAttemptSuccessRate: number | null;
  readonly pending: number;

  /** `accepted` minus the sum of all states. Anything but 0 is a defect, or tampering. */
  readonly unaccounted: number;

  /** Pending deliveries that are past due by more than the allowed delay. */
  readonly overdue: number;

  /** Failed attempts. */
  readonly failures: {
    readonly byClass: Readonly<
      Partial<
        Record<
          | 'timeout'
          | 'connect'
          | 'dns'
          | 'tls'
          | 'reset'
          | 'blocked_address'
          | 'proxy'
          | 'token'
          | 'http_4xx'
          | 'http_5xx'
          | 'rate_limited'
          | 'gone'
          | 'redirect'
          | 'protocol'
          | 'internal'
          | 'corrupt'
          | 'transformation'
          | 'secrets',
          number
        >
      >
    >;
    readonly byFaultDomain: { readonly sender: number; readonly receiver: number };
  };

  /** Time from acceptance to delivery. */
  readonly latencyMs: {
    /** Upper bound of the quantile; null if nothing was delivered. */
    readonly p50: number | null;

    /** Upper bound of the quantile; null if nothing was delivered. */
    readonly p95: number | null;

    /** Upper bound of the quantile; null if nothing was delivered. */
    readonly p99: number | null;
  };

  /** Value of the events with a dead or suppressed delivery, by currency. */
  readonly valueAtRisk: readonly Money[];

  /** How `valueAtRisk` was counted. */
  readonly valueCounted: {
    /** `event`: each event counts once. `delivery`: there are more than 20,000 such deliveries, so the sum is that of counters, which count an event for each of its deliveries. */
    readonly by: 'event' | 'delivery';

    /** False: event types were asked for, and there are more such deliveries than were read. */
    readonly complete: boolean;
  };

  /** With `by`. */
  readonly groups?: readonly AccountingGroup[];

  /** With `by`: of the next page of groups; null: this is the last. */
  readonly nextCursor?: string | null;
}

export interface AccountingGroup {
  /** With `by=endpoint`: the endpoint's id. */
  readonly endpoint?: string;
  readonly eventType?: string;

  /** With `by=owner`: the team; null for endpoints without an owner. */
  readonly owner?: string | null;
  readonly tenant?: string;

  /** With `by=hour`: the start of the hour. */
  readonly hour?: string;

  /** With `by=day`: the start of the day (UTC). */
  readonly day?: string;
  readonly accepted: number;
  readonly delivered: number;
  readonly dead: number;
  readonly cancelled: number;
  readonly suppressed: number;

  /** Delivered after the deadline. */
  readonly late: number;

  /** Attempts whose outcome came after another attempt had settled the delivery. */
  readonly supersededAttempts: number;

  /** The share of `accepted` that is dead, suppressed or unaccounted. */
  readonly dropRate: number;
  readonly dropRateInterval: Interval;

  /** Null if nothing was attempted. */
  readonly firstAttemptSuccessRate: number | null;
}

export interface Alert {
  readonly id: string;

  /** The rule, such as `dead_letters`. */
  readonly rule: string;
  readonly severity: 'page' | 'ticket';

  /** `pending`: true, but not for long enough to notify. `resolved`: no longer true. */
  readonly state: 'pending' | 'firing' | 'resolved';

  /** What the rule applies to, such as an endpoint and an error class. */
  readonly group: string;

  /** The id under which channels know it. Alerts of one rule, host and owner are notified as one incident, which has the id of its first alert. */
  readonly incidentId: string;

  /** When it became true. */
  readonly since: string;
  readonly resolvedAt: string | null;
  readonly acknowledgedAt: string | null;

  /** Name of the key or of the person who acknowledged it. */
  readonly acknowledgedBy: string | null;

  /** When it is notified again; null if it stays silent until it is resolved. */
  readonly acknowledgedUntil: string | null;

  /** The note given when it was acknowledged. */
  readonly note: string | null;
  readonly summary: string;

  /** Counts, ids, the value at risk and the next step. The fields depend on the rule. */
  readonly evidence: Readonly<Record<string, unknown>>;

  /** The team that owns the affected resource; null if none is known. */
  readonly owner: string | null;

  /** The last 20 notifications, oldest first. Empty for keys that are bound to a tenant. */
  readonly notified: readonly AlertNotified[];
}

export interface AlertList {
  readonly items: readonly Alert[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface AlertMessage {
  readonly event: 'alert';

  /** Id of the message: the header `Last-Event-ID` of a new connection that resumes from here. */
  readonly id: string | null;
  readonly data: Alert;
}

export interface AlertNotified {
  /** The team; null if the alert lacks an owner, or its owner lacks a channel: then every channel was notified. */
  readonly team: string | null;
  readonly channel: string;

  /** When the notification was accepted for delivery. */
  readonly at: string;
  readonly says: 'firing' | 'resolved';

  /** The delivery of the notification, in tenant `posthorn`; null if it has been deleted. */
  readonly deliveryId: string | null;
  readonly state: DeliveryState | null;

  /** When the channel accepted it. */
  readonly deliveredAt: string | null;
}

export interface Attempt {
  /** The number of its claim, counted from 1 over all schedules of the delivery. A missing number is a claim that never reported. */
  readonly n: number;
  readonly startedAt: string;
  readonly durationMs: number;

  /** When its lease ended: a later outcome may be superseded. Null if it was not stored. */
  readonly leaseUntil: string | null;

  /** HTTP status of the response; null if there was none. */
  readonly statusCode: number | null;

  /** `superseded`: the attempt ended after it had lost its claim, so it changed nothing. */
  readonly outcome: 'delivered' | 'retry' | 'dead' | 'superseded';

  /** Null if it delivered. */
  readonly errorClass: ErrorClass | null;
  readonly message: string | null;

  /** Beginning of the response body; null also if the key sees no payloads, or if the data of the event were deleted. */
  readonly responseExcerpt: string | null;

  /** The first 20 headers, at most 4 KiB; of failures and of a sample of successes. Null if they were not stored, or if the key sees no payloads. */
  readonly responseHeaders: readonly Header[] | null;

  /** Address that was connected to, or tried last; null if there was none, or if it was not stored. */
  readonly address: string | null;

  /** Duration of each phase; null for a phase that did not happen. Null if it was not stored. */
  readonly phasesMs: AttemptPhases | null;

  /** The retry clock, an operator, or a bulk redrive. */
  readonly trigger: 'schedule' | 'manual' | 'redrive';

  /** The process that made it; null for portal sessions. */
  readonly node: string | null;
}

export interface AttemptList {
  /** How far in time the search has come; null if it reached the end, so there are no more. */
  readonly searchedTo: string | null;

  /** Rows that this call has read; null if the key is bound to a tenant, because they are of all tenants. */
  readonly rowsRead: number | null;
  readonly items: readonly ListedAttempt[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface AttemptPhases {
  /** DNS lookup. */
  readonly lookup: number | null;
  readonly connect: number | null;

  /** Until the proxy had connected; null also for portal sessions. */
  readonly proxy: number | null;

  /** TLS handshake. */
  readonly tls: number | null;

  /** From the request to the first byte of the answer. */
  readonly firstByte: number | null;
}

export interface AuditEntry {
  /** Counts up from 1 without gaps; retention deletes the lowest. */
  readonly sequence: number;

  /** Version of the entry's format, which its hash covers. */
  readonly version: 1;
  readonly at: string;

  /** Who made the change. `engine`: Posthorn itself; `library`: the application that embeds it. */
  readonly actor: {
    readonly kind: 'key' | 'session' | 'portal' | 'library' | 'cli' | 'engine';
    readonly id: string;
    readonly name: string;
  };

  /** The id of the operation, such as `endpoints.update`. */
  readonly action: string;
  readonly target: { readonly kind: string; readonly id: string };

  /** The tenant of the target; null if it has none, or several. */
  readonly tenant: string | null;

  /** The target before the change, as the API shows it, without write-only fields; or the relevant part of it. Null if it did not exist. A value longer than 16,384 characters is replaced by `{"cut_characters": …}`. */
  readonly before: unknown;

  /** The target after the change; null if it no longer exists. */
  readonly after: unknown;

  /** Address that the request came from; null for this process. */
  readonly from: string | null;
  readonly requestId: string | null;

  /** Hash of the previous entry. */
  readonly previousHash: string;

  /** SHA-256 (hex) of this entry without `hash` and `seal`, as JSON with sorted keys and no spaces (RFC 8785). */
  readonly hash: string;

  /** HMAC-SHA-256 of the hash with a key of the server; null if it had none. */
  readonly seal: string | null;
}

export interface AuditEntryList {
  readonly items: readonly AuditEntry[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface BatchReceipt {
  /** In the order of the events. */
  readonly accepted: readonly Receipt[];
}

export interface BlockedKey {
  readonly endpointId: string;
  readonly tenant: string;
  readonly orderingKey: string;

  /** The first dead letter of the key. Redrive it, or cancel it to continue without it. */
  readonly blockedBy: string;

  /** Endpoint of the dead letter. */
  readonly eventId: string;
  readonly eventType: string;

  /** Error class of its last attempt. */
  readonly errorClass: ErrorClass | null;

  /** Why it is dead. */
  readonly reason: string;

  /** When it became a dead letter. */
  readonly since: string;

  /** Deliveries that it blocks, counted up to 1,000. */
  readonly waiting: number;
}

export interface BlockedKeyList {
  readonly items: readonly BlockedKey[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface BulkReplay {
  readonly id: string;
  readonly name: string | null;
  readonly by: JobActor;
  readonly state: 'running' | 'done' | 'stopped';

  /** Why it is `stopped`. `asked`: an operator stopped it. `failing`: it stopped itself, because the first 20 deliveries all failed again. */
  readonly stopReason: 'asked' | 'failing' | null;

  /** Deliveries that matched the filter when it was created. */
  readonly matched: number;

  /** Deliveries not taken: changed or deleted since, without an endpoint, or of an event whose data were deleted. */
  readonly skipped: number;
  readonly outcome: JobOutcome;

  /** Value of what matched, by currency. */
  readonly value: readonly Money[];

  /** When the oldest matching delivery was created. */
  readonly oldestAt: string | null;
  readonly newestAt: string | null;

  /** Ordering keys whose later deliveries wait until these are delivered; counted up to 100,000. */
  readonly keysHeld: number;

  /** Endpoints with at least one match. */
  readonly endpoints: number;

  /** The 100 endpoints with the most matches. */
  readonly byEndpoint: readonly JobEndpoint[];
  readonly filter: {
    readonly tenant?: readonly string[];
    readonly endpointId?: readonly string[];
    readonly eventId?: readonly string[];
    readonly eventType?: readonly string[];
    readonly routingKey?: readonly string[];
    readonly state?: readonly DeliveryState[];
    readonly errorClass?: readonly ErrorClass[];
    readonly statusCode?: readonly number[];
    readonly statusClass?: readonly ('1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'none')[];

    /** Created at or after this time. */
    readonly since?: string;

    /** Created before this time. */
    readonly until?: string;
  };
  readonly dryRun: boolean;
  readonly ratePerS: number | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;

  /** The endpoint that receives the events; null if each goes to its own. */
  readonly endpointId: string | null;

  /** New deliveries so far. */
  readonly replayed: number;
}

export interface BulkReplayChange {
  /** Deliveries per second for the whole job; null means as fast as the store allows. */
  readonly ratePerS?: number | null | undefined;
  readonly name?: string | null | undefined;
}

export interface BulkReplayList {
  readonly items: readonly BulkReplay[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface BulkReplayRequest {
  /** Selects deliveries by any of the values of each field, in any state. With `endpointId` beside it, it selects events, including those without any delivery unless it names endpoints, states or failures. */
  readonly filter: {
    readonly tenant?: string | readonly string[] | undefined;
    readonly endpointId?: string | readonly string[] | undefined;
    readonly eventType?: string | readonly string[] | undefined;

    /** Any of the routing keys of the event. */
    readonly routingKey?: string | readonly string[] | undefined;
    readonly errorClass?: ErrorClass | readonly ErrorClass[] | undefined;

    /** HTTP status of the last attempt. */
    readonly statusCode?: number | readonly number[] | undefined;

    /** The same by its first digit. `none`: without a response. */
    readonly statusClass?:
      | '1xx'
      | '2xx'
      | '3xx'
      | '4xx'
      | '5xx'
      | 'none'
      | readonly ('1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'none')[]
      | undefined;

    /** Created at or after this time. */
    readonly since?: string | Date | undefined;

    /** Created before this time. */
    readonly until?: string | Date | undefined;
    readonly eventId?: string | readonly string[] | undefined;
    readonly state?: DeliveryState | readonly DeliveryState[] | undefined;
  };

  /** Deliver each event once to this endpoint (id or name), regardless of its subscriptions and filter. If omitted, each delivery is made again at its own endpoint. */
  readonly endpointId?: string | undefined;

  /** Deliveries per second for the whole job; null means as fast as the store allows. */
  readonly ratePerS?: number | null | undefined;
  readonly name?: string | undefined;

  /** Counts what would be done and changes nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface BurnRate {
  readonly rule: string;
  readonly severity: 'page' | 'ticket';

  /** The long window: `1h`, `3d`. */
  readonly long: string;

  /** The short window: `5m`, `6h`. */
  readonly short: string;

  /** The rule fires above this burn rate. */
  readonly factor: number;

  /** 1 means that the budget lasts exactly as long as the window of the objective. */
  readonly rateLong: number;
  readonly rateShort: number;

  /** How long the budget lasts at `rateLong`; null if nothing of it is spent. */
  readonly lastsS: number | null;
  readonly firing: boolean;
}

export interface CancelRequest {
  /** Stored with the delivery. */
  readonly reason: string;
}

/** URLs, routing keys and mail servers are write-only. */
export interface Channel {
  readonly name: string;
  readonly kind: 'slack' | 'pagerduty' | 'msteams' | 'opsgenie' | 'alertmanager' | 'webhook' | 'email';

  /** The endpoint, in tenant `posthorn`, that notifications are delivered to. */
  readonly endpointId: string;

  /** Equal for equal documents: detects changes without showing write-only fields. */
  readonly fingerprint: string;

  /** Host of its URL or mail server, unless the kind implies it. */
  readonly host?: string;
  readonly from?: string;
  readonly to?: readonly string[];
}

export type ChannelDocument =
  | {
      readonly kind: 'slack';

      /** An incoming webhook. */
      readonly url: string;
    }
  | {
      readonly kind: 'pagerduty';
      readonly routingKey: string;

      /** Default: https://events.pagerduty.com/v2/enqueue. */
      readonly url?: string | undefined;
    }
  | {
      readonly kind: 'msteams';

      /** Microsoft Teams: the URL of the workflow “Post to a channel when a webhook request is received”. */
      readonly url: string;
    }
  | {
      readonly kind: 'opsgenie';

      /** An incident webhook of Opsgenie, Jira Service Management or another service: receives `message`, `alias`, `status`, `priority`, `description` and `details`. */
      readonly url: string;
    }
  | {
      readonly kind: 'alertmanager';

      /** The Alertmanager-compatible URL; receives webhooks of version 4. */
      readonly url: string;
    }
  | {
      readonly kind: 'webhook';

      /** Receives `alert`, and `alerts` with all that the notification speaks of, as the API returns them. */
      readonly url: string;
    }
  | {
      readonly kind: 'email';

      /** smtps://user:password@host:465, or smtp:// with STARTTLS if the server offers it. */
      readonly server: string;
      readonly from: string;
      readonly to: readonly string[];
    };

export interface ChannelList {
  readonly items: readonly Channel[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface ChannelTest {
  readonly channel: string;
  readonly kind: 'slack' | 'pagerduty' | 'msteams' | 'opsgenie' | 'alertmanager' | 'webhook' | 'email';

  /** The delivery of the notification, in tenant `posthorn`. */
  readonly deliveryId: string;

  /** `no_answer`: no attempt ended within the timeout, or the channel is paused. */
  readonly result: 'delivered' | 'failed' | 'no_answer';
  readonly sentAt: string;
  readonly durationMs: number | null;

  /** HTTP status of the channel's answer; null if there was none. */
  readonly statusCode: number | null;
  readonly errorClass: ErrorClass | null;
  readonly message: string | null;

  /** Beginning of the channel's answer; null also if the key sees no payloads. */
  readonly responseExcerpt: string | null;
}

export interface Claim {
  readonly n: number;

  /** Null for portal sessions. */
  readonly node: string | null;

  /** If the attempt does not report by then, the delivery is claimed again. */
  readonly leaseUntil: string;
}

export interface Clock {
  /** `jumped`: by a minute or more in the last hour. `doubted`: not trusted yet; nothing is deleted by it. */
  readonly state: 'ok' | 'jumped' | 'doubted';
  readonly jumpedAt?: string;
  readonly jumpedByS?: number;

  /** How far it is ahead of the time that deletion and expiry use. */
  readonly aheadOfLivedTimeS?: number;

  /** How much longer it must run steadily to be trusted. */
  readonly believedInS?: number;
}

export interface Conformance {
  /** Endpoints, and event types that are declared or were published in the last 30 days. */
  readonly total: number;
  readonly conforming: number;
  readonly items: readonly NonConforming[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface DeadLetterGroup {
  /** Stable for as long as the group has deliveries; use it to snooze the group. */
  readonly groupId: string;
  readonly state: DroppedState;
  readonly endpointId: string;
  readonly endpointName: string | null;

  /** Host of the endpoint's URL, with the port. */
  readonly host: string;

  /** The team that owns the endpoint. */
  readonly owner: string | null;

  /** False if the endpoint is paused: then redriven deliveries wait until it is resumed. */
  readonly enabled: boolean;

  /** The endpoint is deleted, so these deliveries cannot be delivered. */
  readonly deleted: boolean;

  /** Error class of the last attempt; null if there was none. */
  readonly errorClass: ErrorClass | null;

  /** HTTP status of the last attempt; null without an answer. */
  readonly statusCode: number | null;

  /** The most frequent message of the newest 1,000: the first line of the answer, else why the attempt failed, without ids and numbers. */
  readonly message: string | null;
  readonly count: number;

  /** True if the endpoint has more deliveries than one call reads: then count, worth and times cover the newest. */
  readonly partial: boolean;

  /** Ordering keys that they block (`on_dead: block`). */
  readonly blockedKeys: number;

  /** When the oldest of them ended. */
  readonly oldestAt: string;

  /** When the newest of them ended. */
  readonly newestAt: string;

  /** When retention deletes the first of them; null if it deletes none, because they block keys. */
  readonly deletedFrom: string | null;

  /** Newest deliveries of the group. */
  readonly sampleId: string;

  /** Value of their events, by currency. */
  readonly valueAtRisk: readonly Money[];
  readonly recovered: Recovery;
  readonly snoozedUntil: string | null;
  readonly snooze: DeadLetterSnooze;
}

export interface DeadLetterList {
  /** Deliveries that this call has read. */
  readonly rowsRead: number;

  /** False if there are more than one call reads: narrow the query by endpoint, owner or tenant. */
  readonly complete: boolean;
  readonly items: readonly DeadLetterGroup[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export type DeadLetterSnooze = {
  /** The snooze ends early if the group reaches this count. */
  readonly untilCount: number | null;
  readonly reason: string;

  /** Who snoozed it. */
  readonly by: string;
  readonly at: string;
} | null;

export interface DeclaredSlo {
  readonly name: string;
  readonly builtIn: false;

  /** Equal for equal documents: detects changes without showing write-only fields. */
  readonly fingerprint: string;
  readonly description: string;

  /** What has to hold: delivered within the deadline, or accounted for at all. */
  readonly objective: 'delivered_within' | 'accounted';

  /** 0.999 means that one in a thousand may miss its deadline. */
  readonly target: number;
  readonly windowDays: number;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes: readonly string[];

  /** Only deliveries of this tenant. */
  readonly tenant?: string;

  /** Only these endpoints; empty means all. */
  readonly endpointIds: readonly string[];

  /** The team that sends. */
  readonly producer: string;

  /** The team that receives. */
  readonly consumer: string;

  /** Present with `include=status`. For `accounted`, as the last reconciliation found it. */
  readonly status?: SloStatus;
}

export interface Delivery {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly tenant: string;
  readonly endpointId: string;

  /** Only a `pending` delivery changes by itself. */
  readonly state: DeliveryState;

  /** Attempts made. */
  readonly attemptCount: number;

  /** When a pending delivery is attempted next, or claimed again if its attempt never ends. */
  readonly dueAt: string | null;
  readonly createdAt: string;

  /** When it left `pending`. */
  readonly settledAt: string | null;

  /** Why it is in its state: `delivered`, `schedule_exhausted`, `too_old`, `gone`, `corrupt`, `endpoint_paused`, `endpoint_deleted`, or `cancelled: …` with the operator's reason, or with what a former sender said of an imported one. */
  readonly reason: string | null;

  /** Error class of the last attempt, if it failed. */
  readonly lastError: {
    readonly class: ErrorClass;

    /** HTTP status of the response; null if there was none. */
    readonly statusCode: number | null;
    readonly message: string | null;
  } | null;

  /** The dead letter of its ordering key that blocks it (`on_dead: block`); null if none does. */
  readonly blockedBy: string | null;
}

export interface DeliveryDetails {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly tenant: string;
  readonly endpointId: string;

  /** Only a `pending` delivery changes by itself. */
  readonly state: DeliveryState;

  /** Attempts made. */
  readonly attemptCount: number;

  /** When a pending delivery is attempted next, or claimed again if its attempt never ends. */
  readonly dueAt: string | null;
  readonly createdAt: string;

  /** When it left `pending`. */
  readonly settledAt: string | null;

  /** Why it is in its state: `delivered`, `schedule_exhausted`, `too_old`, `gone`, `corrupt`, `endpoint_paused`, `endpoint_deleted`, or `cancelled: …` with the operator's reason, or with what a former sender said of an imported one. */
  readonly reason: string | null;

  /** Error class of the last attempt, if it failed. */
  readonly lastError: {
    readonly class: ErrorClass;

    /** HTTP status of the response; null if there was none. */
    readonly statusCode: number | null;
    readonly message: string | null;
  } | null;

  /** The dead letter of its ordering key that blocks it (`on_dead: block`); null if none does. */
  readonly blockedBy: string | null;

  /** The deadline, by the endpoint's current `deliverWithinS`. */
  readonly deadlineAt: string;

  /** Delivered after its deadline, or past it and still pending. */
  readonly late: boolean;

  /** Value of the event. */
  readonly value: Value | null;
  readonly event: DeliveryEvent;
  readonly endpoint: DeliveryEndpoint;

  /** How often it was claimed for an attempt. A claim without an attempt of its number never reported. */
  readonly claims: number;

  /** Attempt in progress; null if there is none. */
  readonly claim: Claim | null;

  /** What a pending delivery waits for; null if it is not pending. */
  readonly waitingFor: WaitingFor | null;

  /** Expected attempts if all fail, the first 20; after the last one it is a dead letter. */
  readonly nextAttempts: readonly ExpectedAttempt[];

  /** Individual redrives by operators, oldest first: the last 50. */
  readonly redrives: readonly DeliveryRedrive[];

  /** Oldest first. */
  readonly attempts: readonly Attempt[];
}

export interface DeliveryEndpoint {
  readonly name: string | null;

  /** Host of its URL, with the port. */
  readonly host: string;

  /** The team that owns it; null also for portal sessions. */
  readonly owner: string | null;
  readonly enabled: boolean;
  readonly deleted: boolean;
}

export interface DeliveryEvent {
  readonly acceptedAt: string;
  readonly occurredAt: string | null;
  readonly orderingKey: string | null;
  readonly value: Value | null;

  /** When its data were deleted: it cannot be sent again. Null if they are there. */
  readonly dataDeletedAt: string | null;
}

export interface DeliveryList {
  /** How far in time the search has come; null if it reached the end, so there are no more. */
  readonly searchedTo: string | null;

  /** Rows that this call has read; null if the key is bound to a tenant, because they are of all tenants. */
  readonly rowsRead: number | null;
  readonly items: readonly ListedDelivery[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface DeliveryMessage {
  readonly event: 'delivery';

  /** Id of the message: the header `Last-Event-ID` of a new connection that resumes from here. */
  readonly id: string | null;
  readonly data: DeliveryDetails;
}

export interface DeliveryRedrive {
  readonly at: string;

  /** Name of the key; null if the calling key is bound to a tenant. */
  readonly by: string | null;
}

export interface DeliveryRequest {
  /** Number of the attempt; for a delivery without attempts, the first one. */
  readonly attempt: number;

  /** When that attempt started; null if it has not. */
  readonly sentAt: string | null;

  /** True if the endpoint was changed after the attempt started: URL, headers and the form of the body are the current ones. */
  readonly changedSince: boolean;
  readonly method: 'POST';
  readonly url: string;

  /** In order. Signatures, credentials and values of your own headers are hidden; `traceparent` is not stored. */
  readonly headers: readonly Header[];

  /** Byte for byte, if `payloads` is `full`. Null if the key sees no payloads, if the data of the event were deleted, or if the endpoint's expression returns no body. */
  readonly body: string | null;

  /** Null if the data were deleted, or if the endpoint's expression returns no body. */
  readonly bodyBytes: number | null;

  /** When its data were deleted: it cannot be sent again. Null if they are there. */
  readonly dataDeletedAt: string | null;

  /** How much of the body the key may see. */
  readonly payloads: 'none' | 'masked' | 'full';
}

/** Every delivery is in exactly one. */
export type DeliveryState = 'pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed';

/** States that a redrive ends: it makes the deliveries pending again. */
export type DroppedState = 'dead' | 'suppressed';

export interface Endpoint {
  readonly id: string;
  readonly name: string | null;
  readonly tenant: string;

  /** For a notification channel only the host. */
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly template: string | null;
  readonly templateVersion: number | null;

  /** The fields that override the template. */
  readonly overrides: readonly ('timeout_ms' | 'deliver_within_s' | 'retry')[];

  /** Header names; values are write-only. */
  readonly headers: Readonly<Record<string, null>>;

  /** Secrets are null. */
  readonly auth: ShownEndpointAuth | null;
  readonly tls: ShownEndpointTls | null;

  /** Without its password. */
  readonly proxy: string | null;

  /** Facts from the certificates of `tls` and of the receiver. */
  readonly certificates: readonly EndpointCertificate[];
  readonly timeoutMs: number;

  /** Limit of concurrent attempts; the highest that it may become if `concurrency` is `adaptive`. */
  readonly maxInFlight: number;

  /** `adaptive`: `maxInFlight` is not set, and the limit follows the answers. The present one is `in_flight.limit` of its health. */
  readonly concurrency: 'fixed' | 'adaptive';
  readonly rateLimitPerS: number | null;
  readonly ordering: 'none' | 'key';
  readonly onDead: 'skip' | 'block';

  /** Ordering keys that a dead letter blocks (`on_dead: block`), counted up to 1,000. */
  readonly blockedKeys: number;
  readonly filter: Filter | null;
  readonly routingKeys: readonly string[] | null;
  readonly transformation: Transformation | null;
  readonly retry: RetryPolicy;
  readonly deliverWithinS: number;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: only the data of the event, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body: 'envelope' | 'data';

  /** Prefixes of the headers `…-id`, `…-timestamp` and `…-signature`. Default: `["webhook"]`. Add the prefix of another sender for receivers that read its headers: the values are the same. */
  readonly headerPrefixes: readonly string[];

  /** `v1`: HMAC with the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. With both, `webhook-signature` has two signatures. */
  readonly signatures: readonly ('v1' | 'v1a')[];

  /** Where its public keys are published: `/.well-known/posthorn/public-keys/{set}`. Null if it never signed with `v1a`. */
  readonly keySet: string | null;

  /** Your own data: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;

  /** Why its secrets cannot be decrypted: nothing is sent until the key is restored, or until the secret and the headers are set again. */
  readonly secretsError: string | null;
  readonly disableAfterS: number | null;

  /** The first failure since the last success, if `disableAfterS` is set; null if there is none. */
  readonly failingSince: string | null;

  /** From then on the next failed attempt pauses the endpoint, unless one succeeds first; null if none would. */
  readonly disablesAt: string | null;
  readonly enabled: boolean;

  /** The operator's reason; `gone`: the receiver answered 410; `failing`: see `disableAfterS`. */
  readonly pausedReason: string | null;

  /** Open after 20 failed attempts in a row: until the next success, a sixteenth of `maxInFlight` is attempted at once, or 4 if it is adaptive. */
  readonly breaker: { readonly state: 'closed' | 'open'; readonly since: string | null };

  /** Attempts at its URL; written at most every 5 s. */
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The receiver asked for a pause until then (Retry-After). */
  readonly throttledUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export type EndpointAuth =
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'bearer'; readonly token: string }
  | {
      readonly type: 'oauth2_client_credentials';

      /** URL of the token server. The address guard checks it like any receiver. */
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string | null | undefined;
      readonly audience?: string | null | undefined;

      /** Where the client's credentials are sent: in the header `authorization`, or in the body. */
      readonly authMethod?: 'basic' | 'body' | undefined;
    };

export type EndpointAuthChange =
  | { readonly type: 'basic'; readonly username: string; readonly password: string | null }
  | { readonly type: 'bearer'; readonly token: string | null }
  | {
      readonly type: 'oauth2_client_credentials';

      /** URL of the token server. The address guard checks it like any receiver. */
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: string | null;
      readonly scope?: string | null | undefined;
      readonly audience?: string | null | undefined;

      /** Where the client's credentials are sent: in the header `authorization`, or in the body. */
      readonly authMethod?: 'basic' | 'body' | undefined;
    };

export interface EndpointCertificate {
  /** Presented to the receiver, trusted, or last presented by the receiver. */
  readonly use: 'client' | 'ca' | 'server';
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: string;

  /** An alert fires 30, 7 and 1 days before a client certificate expires, and 7 and 1 days before the receiver's does. */
  readonly notAfter: string;

  /** SHA-256. */
  readonly fingerprint: string;
}

export interface EndpointChange {
  /** Your own name for it, unique in its tenant. */
  readonly name?: string | null | undefined;

  /** An http or https URL without credentials or fragment. */
  readonly url?: string | undefined;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes?: readonly string[] | undefined;
  readonly description?: string | null | undefined;

  /** The team that receives, and that is notified of its dead letters. */
  readonly owner?: string | null | undefined;

  /** The delivery policy that the endpoint follows. */
  readonly template?: string | null | undefined;

  /** All headers; null keeps the stored value, which responses do not show. */
  readonly headers?: Readonly<Record<string, string | null>> | undefined;

  /** Timeout of one attempt. Null means the template's value. */
  readonly timeoutMs?: number | null | undefined;

  /** Limit of concurrent attempts. Null, the default: it adapts to the endpoint's answers, from 4 to 512. */
  readonly maxInFlight?: number | null | undefined;

  /** Limit of attempts per second; null means no limit. One second's attempts may start at once. Nodes that share a database share the limit. */
  readonly rateLimitPerS?: number | null | undefined;

  /** `key`: events with the same ordering key are delivered one after the other. */
  readonly ordering?: 'none' | 'key' | undefined;

  /** What a dead letter does to later deliveries of its ordering key. `skip`: they continue without it. `block`, only with the ordering `key`: they wait until it is redriven and delivered, or cancelled. */
  readonly onDead?: 'skip' | 'block' | undefined;

  /** Selects events by their data; null means all that it subscribes to. */
  readonly filter?: Filter | null | undefined;

  /** Only events that have at least one of these routing keys; null means whatever theirs are, and events without any. */
  readonly routingKeys?: readonly string[] | null | undefined;
  readonly transformation?: Transformation | null | undefined;

  /** Null means the template's value. */
  readonly retry?: RetryPolicyInput | null | undefined;

  /** The deadline. Null means the template's value. */
  readonly deliverWithinS?: number | null | undefined;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: only the data of the event, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body?: 'envelope' | 'data' | undefined;

  /** Prefixes of the headers `…-id`, `…-timestamp` and `…-signature`. Default: `["webhook"]`. Add the prefix of another sender for receivers that read its headers: the values are the same. */
  readonly headerPrefixes?: readonly string[] | undefined;

  /** `v1`: HMAC with the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. With both, `webhook-signature` has two signatures. */
  readonly signatures?: readonly ('v1' | 'v1a')[] | undefined;

  /** Your own data: up to 50 texts of at most 512 characters. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;

  /** Posthorn pauses the endpoint (`paused_reason: failing`) when every attempt has failed for this long, with at least 5 attempts; null means never. */
  readonly disableAfterS?: number | null | undefined;

  /** A disabled endpoint receives nothing; its deliveries are suppressed. */
  readonly enabled?: boolean | undefined;

  /** Credentials of every request. `basic`, `bearer`: sent as they are. `oauth2_client_credentials`: a bearer token, fetched from `tokenUrl`, cached until shortly before it expires, and renewed once after a 401. Cannot be combined with a header `authorization`. Secrets are write-only. Null keeps the stored secret, if the type is the same. */
  readonly auth?: EndpointAuthChange | null | undefined;

  /** How the connection is secured; only for `https` URLs. Changing it closes existing connections. */
  readonly tls?: EndpointTls | null | undefined;
  readonly proxy?: string | null | undefined;
}

export interface EndpointCheck {
  readonly url: string;
}

export interface EndpointCheckAnswer {
  /** The URL as it would be stored; null if it is refused. */
  readonly url: string | null;

  /** What is wrong with it; null if it is valid. */
  readonly fault: string | null;
}

export interface EndpointDiagnosis {
  /** The rule that matched, such as `timeout` or `paused`. */
  readonly rule: string;

  /** `act`: an operator has to act. */
  readonly level: 'ok' | 'watch' | 'act';
  readonly sentence: string;
  readonly nextStep: string | null;
}

export interface EndpointHealth {
  /** `failing`: every attempt since the last success failed. `slowed`: the receiver asked for a pause, or the breaker is open. `idle`: nothing was sent yet. */
  readonly state: 'failing' | 'slowed' | 'paused' | 'healthy' | 'idle';

  /** Why it is not healthy, and its limits, in a few words; null if there is nothing to report. */
  readonly note: string | null;

  /** Whole clock hours of acceptance. */
  readonly window: { readonly since: string; readonly until: string };
  readonly inTime: InTime;

  /** Deliveries accepted per second, in this clock hour and the previous one. */
  readonly ratePerS: number;

  /** From acceptance to delivery, in this clock hour and the previous one, else in the window. */
  readonly p99Ms: number | null;
  readonly pending: number;

  /** The earliest due time of a pending delivery. */
  readonly oldestDueAt: string | null;

  /** Dead letters that retention has not deleted. */
  readonly dead: number;
  readonly suppressed: number;

  /** Value of the dead letters, by currency. */
  readonly worth: readonly Money[];

  /** Whether `worth` covers all dead letters; always true. */
  readonly worthComplete: boolean;
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The first failure since the last success. */
  readonly failingSince: string | null;

  /** At least this many attempts have failed since the last success. */
  readonly failuresInARow: number;

  /** Error class of the last failed attempt; null if none failed. */
  readonly lastError: { readonly class: ErrorClass; readonly statusCode: number | null } | null;

  /** By hour of acceptance, oldest first. */
  readonly bars: {
    readonly since: string;
    readonly stepS: number;

    /** Delivered in time. */
    readonly good: readonly number[];

    /** Late, dead or suppressed. */
    readonly bad: readonly number[];
  };
}

export interface EndpointHealthDetails {
  readonly endpointId: string;

  /** When it was read. */
  readonly at: string;
  readonly diagnosis: EndpointDiagnosis;
  readonly health: EndpointHealth;

  /** On the node that answers; null if it does not know the endpoint yet. */
  readonly inFlight: {
    readonly now: number;

    /** Attempts that may be in flight; see `concurrency` of the endpoint. */
    readonly limit: number;
  } | null;
  readonly waiting: {
    /** Pending deliveries, by the counters. */
    readonly count: number;

    /** Pending deliveries with an attempt in progress. */
    readonly underWay: number;
    readonly nextAttemptAt: string | null;

    /** No pending delivery becomes a dead letter before this; null if nothing is pending, or if it is not known. */
    readonly nothingLostUntil: string | null;
    readonly byAttempts: readonly {
      /** Last attempt of the current schedule. */
      readonly attempts: number;
      readonly count: number;
    }[];

    /** False if more deliveries are pending than were read for this. */
    readonly complete: boolean;
  };

  /** Pending deliveries by due time; one with an attempt in progress is due when its lease ends. */
  readonly due: readonly {
    /** Start of the bucket; null for overdue deliveries. */
    readonly since: string | null;

    /** End of the bucket; null if it has none. */
    readonly until: string | null;
    readonly count: number;

    /** True if there are more than were counted. */
    readonly atLeast: boolean;
  }[];

  /** Failures of deliveries accepted since then. */
  readonly failures: {
    readonly since: string;
    readonly byClass: readonly {
      readonly class: ErrorClass;
      readonly fault: 'sender' | 'receiver';

      /** Failed attempts. */
      readonly count: number;
      readonly eventTypes: readonly { readonly eventType: string; readonly count: number }[];

      /** The newest known failure; null if its delivery ended well. */
      readonly last: FailedAttempt | null;
    }[];
  };

  /** Last attempts of dead letters and of deliveries that wait for a retry, newest first. */
  readonly errors: readonly FailedAttempt[];
}

export interface EndpointList {
  readonly items: readonly ListedEndpoint[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface EndpointMessage {
  readonly event: 'endpoint';

  /** Id of the message: the header `Last-Event-ID` of a new connection that resumes from here. */
  readonly id: string | null;
  readonly data: Endpoint;
}

export interface EndpointPause {
  readonly reason?: string | undefined;
}

export interface EndpointRequest {
  /** Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;

  /** Your own name for it, unique in its tenant. */
  readonly name?: string | null | undefined;

  /** An http or https URL without credentials or fragment. */
  readonly url: string;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes?: readonly string[] | undefined;
  readonly description?: string | null | undefined;

  /** The team that receives, and that is notified of its dead letters. */
  readonly owner?: string | null | undefined;

  /** The delivery policy that the endpoint follows. */
  readonly template?: string | null | undefined;

  /** Sent with every request. Values are write-only. */
  readonly headers?: Readonly<Record<string, string>> | undefined;

  /** Timeout of one attempt. Null means the template's value. */
  readonly timeoutMs?: number | null | undefined;

  /** Limit of concurrent attempts. Null, the default: it adapts to the endpoint's answers, from 4 to 512. */
  readonly maxInFlight?: number | null | undefined;

  /** Limit of attempts per second; null means no limit. One second's attempts may start at once. Nodes that share a database share the limit. */
  readonly rateLimitPerS?: number | null | undefined;

  /** `key`: events with the same ordering key are delivered one after the other. */
  readonly ordering?: 'none' | 'key' | undefined;

  /** What a dead letter does to later deliveries of its ordering key. `skip`: they continue without it. `block`, only with the ordering `key`: they wait until it is redriven and delivered, or cancelled. */
  readonly onDead?: 'skip' | 'block' | undefined;

  /** Selects events by their data; null means all that it subscribes to. */
  readonly filter?: Filter | null | undefined;

  /** Only events that have at least one of these routing keys; null means whatever theirs are, and events without any. */
  readonly routingKeys?: readonly string[] | null | undefined;
  readonly transformation?: Transformation | null | undefined;

  /** Null means the template's value. */
  readonly retry?: RetryPolicyInput | null | undefined;

  /** The deadline. Null means the template's value. */
  readonly deliverWithinS?: number | null | undefined;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: only the data of the event, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body?: 'envelope' | 'data' | undefined;

  /** Prefixes of the headers `…-id`, `…-timestamp` and `…-signature`. Default: `["webhook"]`. Add the prefix of another sender for receivers that read its headers: the values are the same. */
  readonly headerPrefixes?: readonly string[] | undefined;

  /** `v1`: HMAC with the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. With both, `webhook-signature` has two signatures. */
  readonly signatures?: readonly ('v1' | 'v1a')[] | undefined;

  /** Your own data: up to 50 texts of at most 512 characters. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;

  /** Posthorn pauses the endpoint (`paused_reason: failing`) when every attempt has failed for this long, with at least 5 attempts; null means never. */
  readonly disableAfterS?: number | null | undefined;

  /** A disabled endpoint receives nothing; its deliveries are suppressed. */
  readonly enabled?: boolean | undefined;

  /** Credentials of every request. `basic`, `bearer`: sent as they are. `oauth2_client_credentials`: a bearer token, fetched from `tokenUrl`, cached until shortly before it expires, and renewed once after a 401. Cannot be combined with a header `authorization`. Secrets are write-only. */
  readonly auth?: EndpointAuth | null | undefined;

  /** How the connection is secured; only for `https` URLs. Changing it closes existing connections. */
  readonly tls?: EndpointTls | null | undefined;
  readonly proxy?: string | null | undefined;

  /** `whsec_…`; generated if omitted. Write-only. */
  readonly secret?: string | undefined;
}

export interface EndpointTest {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;

  /** When it was committed to disk. */
  readonly acceptedAt: string;

  /** Deliveries created. */
  readonly deliveries: number;

  /** Deliveries among them that are suppressed because their endpoint is disabled. */
  readonly suppressed: number;

  /** True if no endpoint matches: none subscribes to its type, or their filters or routing keys exclude it. */
  readonly unmatched: boolean;

  /** True if the event was accepted before: this is the original receipt, and nothing was created. */
  readonly duplicate: boolean;
  readonly deliveryId: string;

  /** Null if no attempt was made in time, or if the endpoint is paused. The delivery continues by itself. */
  readonly attempt: Attempt | null;
}

export interface EndpointTls {
  /** PEM: the client certificate that Posthorn presents, followed by its chain. */
  readonly clientCertificate?: string | null | undefined;

  /** PEM, without a passphrase. Write-only: null keeps the stored key as long as there is a certificate. */
  readonly clientKey?: string | null | undefined;

  /** PEM: the only certificate authorities that are trusted. Null means the system's. */
  readonly ca?: string | null | undefined;

  /** Minimum version of TLS. Null means 1.2. */
  readonly minVersion?: '1.2' | '1.3' | null | undefined;

  /** The name that is sent (SNI) and that the receiver's certificate must have. Null means the URL's host. */
  readonly serverName?: string | null | undefined;
}

export interface EndpointWithSecret {
  readonly id: string;
  readonly name: string | null;
  readonly tenant: string;

  /** For a notification channel only the host. */
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly template: string | null;
  readonly templateVersion: number | null;

  /** The fields that override the template. */
  readonly overrides: readonly ('timeout_ms' | 'deliver_within_s' | 'retry')[];

  /** Header names; values are write-only. */
  readonly headers: Readonly<Record<string, null>>;

  /** Secrets are null. */
  readonly auth: ShownEndpointAuth | null;
  readonly tls: ShownEndpointTls | null;

  /** Without its password. */
  readonly proxy: string | null;

  /** Facts from the certificates of `tls` and of the receiver. */
  readonly certificates: readonly EndpointCertificate[];
  readonly timeoutMs: number;

  /** Limit of concurrent attempts; the highest that it may become if `concurrency` is `adaptive`. */
  readonly maxInFlight: number;

  /** `adaptive`: `maxInFlight` is not set, and the limit follows the answers. The present one is `in_flight.limit` of its health. */
  readonly concurrency: 'fixed' | 'adaptive';
  readonly rateLimitPerS: number | null;
  readonly ordering: 'none' | 'key';
  readonly onDead: 'skip' | 'block';

  /** Ordering keys that a dead letter blocks (`on_dead: block`), counted up to 1,000. */
  readonly blockedKeys: number;
  readonly filter: Filter | null;
  readonly routingKeys: readonly string[] | null;
  readonly transformation: Transformation | null;
  readonly retry: RetryPolicy;
  readonly deliverWithinS: number;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: only the data of the event, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body: 'envelope' | 'data';

  /** Prefixes of the headers `…-id`, `…-timestamp` and `…-signature`. Default: `["webhook"]`. Add the prefix of another sender for receivers that read its headers: the values are the same. */
  readonly headerPrefixes: readonly string[];

  /** `v1`: HMAC with the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. With both, `webhook-signature` has two signatures. */
  readonly signatures: readonly ('v1' | 'v1a')[];

  /** Where its public keys are published: `/.well-known/posthorn/public-keys/{set}`. Null if it never signed with `v1a`. */
  readonly keySet: string | null;

  /** Your own data: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;

  /** Why its secrets cannot be decrypted: nothing is sent until the key is restored, or until the secret and the headers are set again. */
  readonly secretsError: string | null;
  readonly disableAfterS: number | null;

  /** The first failure since the last success, if `disableAfterS` is set; null if there is none. */
  readonly failingSince: string | null;

  /** From then on the next failed attempt pauses the endpoint, unless one succeeds first; null if none would. */
  readonly disablesAt: string | null;
  readonly enabled: boolean;

  /** The operator's reason; `gone`: the receiver answered 410; `failing`: see `disableAfterS`. */
  readonly pausedReason: string | null;

  /** Open after 20 failed attempts in a row: until the next success, a sixteenth of `maxInFlight` is attempted at once, or 4 if it is adaptive. */
  readonly breaker: { readonly state: 'closed' | 'open'; readonly since: string | null };

  /** Attempts at its URL; written at most every 5 s. */
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The receiver asked for a pause until then (Retry-After). */
  readonly throttledUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;

  /** Shown only once. */
  readonly secret: string;
}

export interface EnsuredEndpoint {
  readonly id: string;
  readonly name: string | null;
  readonly tenant: string;

  /** For a notification channel only the host. */
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly template: string | null;
  readonly templateVersion: number | null;

  /** The fields that override the template. */
  readonly overrides: readonly ('timeout_ms' | 'deliver_within_s' | 'retry')[];

  /** Header names; values are write-only. */
  readonly headers: Readonly<Record<string, null>>;

  /** Secrets are null. */
  readonly auth: ShownEndpointAuth | null;
  readonly tls: ShownEndpointTls | null;

  /** Without its password. */
  readonly proxy: string | null;

  /** Facts from the certificates of `tls` and of the receiver. */
  readonly certificates: readonly EndpointCertificate[];
  readonly timeoutMs: number;

  /** Limit of concurrent attempts; the highest that it may become if `concurrency` is `adaptive`. */
  readonly maxInFlight: number;

  /** `adaptive`: `maxInFlight` is not set, and the limit follows the answers. The present one is `in_flight.limit` of its health. */
  readonly concurrency: 'fixed' | 'adaptive';
  readonly rateLimitPerS: number | null;
  readonly ordering: 'none' | 'key';
  readonly onDead: 'skip' | 'block';

  /** Ordering keys that a dead letter blocks (`on_dead: block`), counted up to 1,000. */
  readonly blockedKeys: number;
  readonly filter: Filter | null;
  readonly routingKeys: readonly string[] | null;
  readonly transformation: Transformation | null;
  readonly retry: RetryPolicy;
  readonly deliverWithinS: number;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: only the data of the event, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body: 'envelope' | 'data';

  /** Prefixes of the headers `…-id`, `…-timestamp` and `…-signature`. Default: `["webhook"]`. Add the prefix of another sender for receivers that read its headers: the values are the same. */
  readonly headerPrefixes: readonly string[];

  /** `v1`: HMAC with the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. With both, `webhook-signature` has two signatures. */
  readonly signatures: readonly ('v1' | 'v1a')[];

  /** Where its public keys are published: `/.well-known/posthorn/public-keys/{set}`. Null if it never signed with `v1a`. */
  readonly keySet: string | null;

  /** Your own data: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;

  /** Why its secrets cannot be decrypted: nothing is sent until the key is restored, or until the secret and the headers are set again. */
  readonly secretsError: string | null;
  readonly disableAfterS: number | null;

  /** The first failure since the last success, if `disableAfterS` is set; null if there is none. */
  readonly failingSince: string | null;

  /** From then on the next failed attempt pauses the endpoint, unless one succeeds first; null if none would. */
  readonly disablesAt: string | null;
  readonly enabled: boolean;

  /** The operator's reason; `gone`: the receiver answered 410; `failing`: see `disableAfterS`. */
  readonly pausedReason: string | null;

  /** Open after 20 failed attempts in a row: until the next success, a sixteenth of `maxInFlight` is attempted at once, or 4 if it is adaptive. */
  readonly breaker: { readonly state: 'closed' | 'open'; readonly since: string | null };

  /** Attempts at its URL; written at most every 5 s. */
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The receiver asked for a pause until then (Retry-After). */
  readonly throttledUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;

  /** Present only if the endpoint was created. */
  readonly secret?: string;

  /** With `dryRun`: what the call would do. Nothing was stored; the id of a new endpoint is not kept. */
  readonly dryRun?: {
    readonly action: 'create' | 'change' | 'keep';

    /** The fields that would differ. Both sides of a write-only field are null. */
    readonly changes: readonly {
      readonly field: string;
      readonly before: unknown;
      readonly after: unknown;
    }[];
  };
}

/** Why an attempt did not deliver. */
export type ErrorClass =
  | 'timeout'
  | 'connect'
  | 'dns'
  | 'tls'
  | 'reset'
  | 'blocked_address'
  | 'proxy'
  | 'token'
  | 'http_4xx'
  | 'http_5xx'
  | 'rate_limited'
  | 'gone'
  | 'redirect'
  | 'protocol'
  | 'internal'
  | 'corrupt'
  | 'transformation'
  | 'secrets';

export interface Event {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;
  readonly acceptedAt: string;
  readonly occurredAt: string | null;
  readonly orderingKey: string | null;

  /** In the order of the alphabet, each once. */
  readonly routingKeys: readonly string[];
  readonly value: Value | null;

  /** `corrupt`: the event was changed in the database, and is not sent. `unknown`: it lacks a digest. `deleted`: its data were deleted. */
  readonly integrity: 'intact' | 'corrupt' | 'unknown' | 'deleted';

  /** When its data were deleted: it cannot be sent again. Null if they are there. */
  readonly dataDeletedAt: string | null;

  /** The newest 1,000. */
  readonly deliveries: readonly Delivery[];

  /** Null if these are all; else the `cursor` for `GET /v1/deliveries` with this `eventId` and `tenant`. */
  readonly deliveriesNextCursor: string | null;

  /** How much of `data` the key may see. `none`: nothing, so it is null. `masked`: card numbers, bank accounts and email addresses are replaced by `[card number]`, `[IBAN]` and `[email address]`. */
  readonly payloads: 'none' | 'masked' | 'full';

  /** Byte for byte as it was published, if `payloads` is `full`. Null if it was deleted. */
  readonly data: unknown;
}

export interface EventImport {
  /** Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;

  /** Only count. */
  readonly dryRun?: boolean | undefined;
  readonly events: readonly PastEvent[];
}

export interface EventList {
  /** How far in time the search has come; null if it reached the end, so there are no more. */
  readonly searchedTo: string | null;

  /** Rows that this call has read; null if the key is bound to a tenant, because they are of all tenants. */
  readonly rowsRead: number | null;
  readonly items: readonly ListedEvent[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface EventType {
  readonly name: string;

  /** Equal for equal documents: detects changes without showing write-only fields. */
  readonly fingerprint: string;
  readonly description: string;

  /** The producing team. */
  readonly owner: string | null;

  /** Default template for endpoints that subscribe to this type explicitly and set none. */
  readonly template: string | null;

  /** JSON Schema 2020-12 of the data, without references to other documents. Events whose data does not match are refused. */
  readonly schema?: Readonly<Record<string, unknown>>;

  /** Where the data has the value, for events that are published without one. */
  readonly value?: {
    /** JSON Pointer to the amount, in minor units. */
    readonly amount: string;

    /** JSON Pointer to the currency, or its ISO 4217 code. */
    readonly currency: string;
  };

  /** Your own data, such as schemas for documentation. Posthorn does nothing with it. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface EventTypeDocument {
  readonly description?: string | undefined;

  /** The producing team. */
  readonly owner?: string | null | undefined;

  /** Default template for endpoints that subscribe to this type explicitly and set none. */
  readonly template?: string | null | undefined;

  /** JSON Schema 2020-12 of the data, without references to other documents. Events whose data does not match are refused. */
  readonly schema?: Readonly<Record<string, unknown>> | undefined;

  /** Where the data has the value, for events that are published without one. */
  readonly value?:
    | {
        /** JSON Pointer to the amount, in minor units. */
        readonly amount: string;

        /** JSON Pointer to the currency, or its ISO 4217 code. */
        readonly currency: string;
      }
    | undefined;

  /** Your own data, such as schemas for documentation. Posthorn does nothing with it. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface EventTypeList {
  readonly items: readonly EventType[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface ExpectedAttempt {
  /** Assumes that no claim is lost until then. */
  readonly n: number;

  /** Not before this time. */
  readonly at: string;

  /** Not after this time, unless the receiver asks for a pause or its limits delay the attempt. */
  readonly latestAt: string;
}

export interface FailedAttempt {
  readonly deliveryId: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly attempt: Attempt;
}

/** Conditions on the data, all of which must hold. A JSON Pointer names a value: `{"/currency": "eur"}` (equality) or `{"/amount": {"gte": 1000, "lt": 5000}}` with the operators eq, gt, gte, lt, lte, in, exists and prefix. `all` and `any` take lists of filters, `not` takes one. At most 200 values and 8 levels. */
export type Filter = Readonly<
  Record<
    string,
    | string
    | number
    | boolean
    | null
    | Readonly<Record<string, unknown>>
    | readonly Readonly<Record<string, unknown>>[]
  >
>;

export interface FilterDryRun {
  readonly filter: Filter;

  /** Tenant of the events. Default: `default`. */
  readonly tenant?: string | undefined;

  /** Only events of these types; wildcards as in subscriptions. */
  readonly eventTypes?: readonly string[] | undefined;

  /** How many of the newest events to try. Default: 100. */
  readonly last?: number | undefined;

  /** Any JSON, tried instead of stored events. */
  readonly data?: unknown;
}

export interface FilterOutcome {
  /** Events that the filter was tried on. */
  readonly examined: number;
  readonly passed: number;
  readonly failed: number;

  /** Ids of the newest of them, at most 10. */
  readonly passedIds: readonly string[];

  /** Ids of the newest of them, at most 10. */
  readonly failedIds: readonly string[];

  /** When the newest of them was accepted. */
  readonly newestAt: string | null;
  readonly oldestAt: string | null;

  /** False if there are older events, or more than one call reads, that it was not tried on. */
  readonly complete: boolean;
}

export interface Header {
  readonly name: string;
  readonly value: string;
}

export interface Health {
  readonly status: 'ok';
  readonly version: string;
}

/** The first message of every connection. */
export interface HelloMessage {
  readonly event: 'hello';

  /** Id of the message: the header `Last-Event-ID` of a new connection that resumes from here. */
  readonly id: string | null;
  readonly data: { readonly version: string; readonly now: string };
}

export interface Impact {
  readonly version: 1;
  readonly before: ImpactSide;
  readonly after: ImpactSide;
  readonly difference: {
    readonly rate: number;

    /** At 95%: lower and upper bound. */
    readonly interval: readonly [number, number];
  };
  readonly verdict: 'better' | 'no_difference_shown' | 'worse';

  /** The comparison in one sentence. */
  readonly statement: string;

  /** What the rate before the change would have done to the deliveries after it. */
  readonly ifUnchanged: { readonly expectedDrops: number; readonly chanceOfSoFew: number };
  readonly exposure: {
    /** Whether both times had the same traffic; null if the data cannot tell. */
    readonly equal: boolean | null;
    readonly checks: readonly {
      readonly check: 'volume' | 'endpoints' | 'hours_of_week' | 'event_types';

      /** Null if the data cannot tell. */
      readonly fine: boolean | null;
      readonly words: string;
    }[];
  };

  /** Money per week that is no longer at risk. */
  readonly recoveredPerWeek: readonly WeeklyMoney[];
  readonly objective: { readonly target: number };

  /** Present with `format=markdown`: the same as a Markdown section. */
  readonly markdown: string | null;

  /** Present with `format=html`: the same as one self-contained page. */
  readonly html: string | null;
}

export interface ImpactSide {
  readonly label: string;
  readonly from: string;
  readonly until: string;

  /** Deliveries with a known outcome. */
  readonly events: number;

  /** Still pending. */
  readonly unresolved: number;

  /** Accepted, but in no row. */
  readonly silentlyDropped: number;

  /** Known only from a receiver; 0 here. */
  readonly acknowledgedUnprocessed: number;

  /** Dead letters and suppressed deliveries. */
  readonly givenUp: number;
  readonly late: number;

  /** The share of silent drops. */
  readonly dropRate: number;
  readonly dropInterval: Interval;

  /** Share of what the objective allows over this time; 1 is all of it. */
  readonly budgetBurned: number;
  readonly weeklyValue: readonly WeeklyMoney[];
  readonly givenUpValue: readonly Money[];
  readonly firstLostAt: string | null;
  readonly timeToDetect: { readonly afterS: number; readonly by: string } | null;

  /** Notes on these numbers. */
  readonly notes: readonly string[];
}

export interface ImportedEvents {
  /** Events that were not here before. */
  readonly events: number;

  /** Their deliveries. */
  readonly deliveries: number;

  /** Events whose ids were here, or came twice: nothing of them changes. */
  readonly existing: number;
  readonly dryRun: boolean;
}

export interface InTime {
  /** Delivered in time. */
  readonly good: number;

  /** Accepted in the window, and past the deadline or ended before it. */
  readonly due: number;

  /** `good` / `due`; null if nothing was due. */
  readonly share: number | null;
  readonly interval: Interval;
}

/** Wilson score interval at 95%: lower and upper bound. */
export type Interval = readonly [number, number];

/** Who started it; null if that was not recorded, and for portal sessions. */
export type JobActor = {
  readonly kind: 'key' | 'session' | 'portal' | 'library' | 'cli' | 'engine';
  readonly name: string;
} | null;

export interface JobEndpoint {
  readonly endpointId: string;
  readonly matched: number;
  readonly value: readonly Money[];
}

/** Outcomes of the deliveries it has taken. The four counts add up to them. */
export interface JobOutcome {
  readonly delivered: number;
  readonly pending: number;
  readonly dead: number;

  /** Cancelled, suppressed, taken over by a later redrive, or deleted by retention. */
  readonly other: number;
}

export interface Key {
  readonly id: string;
  readonly name: string;
  readonly state: 'active' | 'expired' | 'revoked';

  /** `publish`: only publish events. `read`: read everything except keys and the audit log. `operate`: change, redrive and replay. `admin`: everything. No scope includes another, except that `admin` includes all. */
  readonly scopes: readonly ('publish' | 'read' | 'operate' | 'admin')[];

  /** The only tenant that it sees; null means all. */
  readonly tenant: string | null;

  /** The only endpoints that it sees; null means all of its tenant. */
  readonly endpointIds: readonly string[] | null;

  /** How much the key sees of event data and of receivers' answers. `masked`: card numbers, bank accounts and email addresses are replaced. */
  readonly payloads: 'none' | 'masked' | 'full';

  /** Requests per second on each node; null means no limit. One second's requests may come at once. */
  readonly rateLimitPerS: number | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;

  /** Until when the key before the last rotation works too; null if none does. */
  readonly formerUntil: string | null;

  /** Up to ten seconds behind. */
  readonly lastUsedAt: string | null;

  /** Address of the last request. */
  readonly lastUsedFrom: string | null;
}

export interface KeyList {
  readonly items: readonly Key[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface KeyRequest {
  /** Human-readable: what the key is for. */
  readonly name: string;

  /** `publish`: only publish events. `read`: read everything except keys and the audit log. `operate`: change, redrive and replay. `admin`: everything. No scope includes another, except that `admin` includes all. */
  readonly scopes: readonly ('publish' | 'read' | 'operate' | 'admin')[];

  /** Binds the key to this tenant: it sees and changes nothing else. */
  readonly tenant?: string | undefined;

  /** Binds the key to these endpoints, by id or name. They must belong to one tenant, which the key is bound to as well. Not possible with the scopes `publish` and `admin`. */
  readonly endpointIds?: readonly string[] | undefined;

  /** Default: `full` with the scope `admin`, else `masked`. */
  readonly payloads?: 'none' | 'masked' | 'full' | undefined;

  /** In the future. Default: the key does not expire. */
  readonly expiresAt?: string | Date | undefined;

  /** Requests per second on each node; null means no limit. One second's requests may come at once. */
  readonly rateLimitPerS?: number | null | undefined;
}

export interface KeyRotation {
  /** How long the current key keeps working too. */
  readonly graceS?: number | undefined;
}

export interface KeyWithSecret {
  readonly id: string;
  readonly name: string;
  readonly state: 'active' | 'expired' | 'revoked';

  /** `publish`: only publish events. `read`: read everything except keys and the audit log. `operate`: change, redrive and replay. `admin`: everything. No scope includes another, except that `admin` includes all. */
  readonly scopes: readonly ('publish' | 'read' | 'operate' | 'admin')[];

  /** The only tenant that it sees; null means all. */
  readonly tenant: string | null;

  /** The only endpoints that it sees; null means all of its tenant. */
  readonly endpointIds: readonly string[] | null;

  /** How much the key sees of event data and of receivers' answers. `masked`: card numbers, bank accounts and email addresses are replaced. */
  readonly payloads: 'none' | 'masked' | 'full';

  /** Requests per second on each node; null means no limit. One second's requests may come at once. */
  readonly rateLimitPerS: number | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;

  /** Until when the key before the last rotation works too; null if none does. */
  readonly formerUntil: string | null;

  /** Up to ten seconds behind. */
  readonly lastUsedAt: string | null;

  /** Address of the last request. */
  readonly lastUsedFrom: string | null;

  /** The key itself, `phk_…`. Shown only once. */
  readonly key: string;
}

export interface ListedAttempt {
  /** The number of its claim, counted from 1 over all schedules of the delivery. A missing number is a claim that never reported. */
  readonly n: number;
  readonly startedAt: string;
  readonly durationMs: number;

  /** When its lease ended: a later outcome may be superseded. Null if it was not stored. */
  readonly leaseUntil: string | null;

  /** HTTP status of the response; null if there was none. */
  readonly statusCode: number | null;

  /** `superseded`: the attempt ended after it had lost its claim, so it changed nothing. */
  readonly outcome: 'delivered' | 'retry' | 'dead' | 'superseded';

  /** Null if it delivered. */
  readonly errorClass: ErrorClass | null;
  readonly message: string | null;

  /** Beginning of the response body; null also if the key sees no payloads, or if the data of the event were deleted. */
  readonly responseExcerpt: string | null;

  /** The first 20 headers, at most 4 KiB; of failures and of a sample of successes. Null if they were not stored, or if the key sees no payloads. */
  readonly responseHeaders: readonly Header[] | null;

  /** Address that was connected to, or tried last; null if there was none, or if it was not stored. */
  readonly address: string | null;

  /** Duration of each phase; null for a phase that did not happen. Null if it was not stored. */
  readonly phasesMs: AttemptPhases | null;

  /** The retry clock, an operator, or a bulk redrive. */
  readonly trigger: 'schedule' | 'manual' | 'redrive';

  /** The process that made it; null for portal sessions. */
  readonly node: string | null;
  readonly deliveryId: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly tenant: string;
  readonly endpointId: string;
}

export interface ListedDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly tenant: string;
  readonly endpointId: string;

  /** Only a `pending` delivery changes by itself. */
  readonly state: DeliveryState;

  /** Attempts made. */
  readonly attemptCount: number;

  /** When a pending delivery is attempted next, or claimed again if its attempt never ends. */
  readonly dueAt: string | null;
  readonly createdAt: string;

  /** When it left `pending`. */
  readonly settledAt: string | null;

  /** Why it is in its state: `delivered`, `schedule_exhausted`, `too_old`, `gone`, `corrupt`, `endpoint_paused`, `endpoint_deleted`, or `cancelled: …` with the operator's reason, or with what a former sender said of an imported one. */
  readonly reason: string | null;

  /** Error class of the last attempt, if it failed. */
  readonly lastError: {
    readonly class: ErrorClass;

    /** HTTP status of the response; null if there was none. */
    readonly statusCode: number | null;
    readonly message: string | null;
  } | null;

  /** The dead letter of its ordering key that blocks it (`on_dead: block`); null if none does. */
  readonly blockedBy: string | null;

  /** The deadline, by the endpoint's current `deliverWithinS`. */
  readonly deadlineAt: string;

  /** Delivered after its deadline, or past it and still pending. */
  readonly late: boolean;

  /** With `include=event`. */
  readonly event?: DeliveryEvent;

  /** With `include=endpoint`. */
  readonly endpoint?: DeliveryEndpoint;
}

export interface ListedEndpoint {
  readonly id: string;
  readonly name: string | null;
  readonly tenant: string;

  /** For a notification channel only the host. */
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly template: string | null;
  readonly templateVersion: number | null;

  /** The fields that override the template. */
  readonly overrides: readonly ('timeout_ms' | 'deliver_within_s' | 'retry')[];

  /** Header names; values are write-only. */
  readonly headers: Readonly<Record<string, null>>;

  /** Secrets are null. */
  readonly auth: ShownEndpointAuth | null;
  readonly tls: ShownEndpointTls | null;

  /** Without its password. */
  readonly proxy: string | null;

  /** Facts from the certificates of `tls` and of the receiver. */
  readonly certificates: readonly EndpointCertificate[];
  readonly timeoutMs: number;

  /** Limit of concurrent attempts; the highest that it may become if `concurrency` is `adaptive`. */
  readonly maxInFlight: number;

  /** `adaptive`: `maxInFlight` is not set, and the limit follows the answers. The present one is `in_flight.limit` of its health. */
  readonly concurrency: 'fixed' | 'adaptive';
  readonly rateLimitPerS: number | null;
  readonly ordering: 'none' | 'key';
  readonly onDead: 'skip' | 'block';

  /** Ordering keys that a dead letter blocks (`on_dead: block`), counted up to 1,000. */
  readonly blockedKeys: number;
  readonly filter: Filter | null;
  readonly routingKeys: readonly string[] | null;
  readonly transformation: Transformation | null;
  readonly retry: RetryPolicy;
  readonly deliverWithinS: number;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: only the data of the event, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body: 'envelope' | 'data';

  /** Prefixes of the headers `…-id`, `…-timestamp` and `…-signature`. Default: `["webhook"]`. Add the prefix of another sender for receivers that read its headers: the values are the same. */
  readonly headerPrefixes: readonly string[];

  /** `v1`: HMAC with the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. With both, `webhook-signature` has two signatures. */
  readonly signatures: readonly ('v1' | 'v1a')[];

  /** Where its public keys are published: `/.well-known/posthorn/public-keys/{set}`. Null if it never signed with `v1a`. */
  readonly keySet: string | null;

  /** Your own data: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;

  /** Why its secrets cannot be decrypted: nothing is sent until the key is restored, or until the secret and the headers are set again. */
  readonly secretsError: string | null;
  readonly disableAfterS: number | null;

  /** The first failure since the last success, if `disableAfterS` is set; null if there is none. */
  readonly failingSince: string | null;

  /** From then on the next failed attempt pauses the endpoint, unless one succeeds first; null if none would. */
  readonly disablesAt: string | null;
  readonly enabled: boolean;

  /** The operator's reason; `gone`: the receiver answered 410; `failing`: see `disableAfterS`. */
  readonly pausedReason: string | null;

  /** Open after 20 failed attempts in a row: until the next success, a sixteenth of `maxInFlight` is attempted at once, or 4 if it is adaptive. */
  readonly breaker: { readonly state: 'closed' | 'open'; readonly since: string | null };

  /** Attempts at its URL; written at most every 5 s. */
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The receiver asked for a pause until then (Retry-After). */
  readonly throttledUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;

  /** Present with `include=health`. */
  readonly health?: EndpointHealth;
}

export interface ListedEvent {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;
  readonly acceptedAt: string;
  readonly occurredAt: string | null;
  readonly orderingKey: string | null;
  readonly routingKeys: readonly string[];
  readonly value: Value | null;

  /** Deliveries created when it was accepted. */
  readonly deliveries: number;

  /** Deliveries among them that were suppressed. */
  readonly suppressed: number;

  /** True if no endpoint matched. */
  readonly unmatched: boolean;

  /** When its data were deleted: it cannot be sent again. Null if they are there. */
  readonly dataDeletedAt: string | null;
}

export type ListedSlo = DeclaredSlo | TemplateSlo;

export interface Marker {
  readonly id: string;
  readonly at: string;
  readonly kind: 'deploy' | 'incident' | 'change' | 'note';
  readonly label: string;
  readonly url: string | null;

  /** Who created it: the name of the key. */
  readonly by: string;

  /** Whether Posthorn created it because something changed. */
  readonly automatic: boolean;

  /** The tenant it concerns; null if it concerns none. */
  readonly tenant: string | null;

  /** What was changed, such as an endpoint; null for markers of people and pipelines. */
  readonly subject: { readonly kind: string; readonly id: string } | null;
}

export interface MarkerList {
  readonly items: readonly Marker[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface Me {
  /** Name of the key; human-readable. */
  readonly name: string;

  /** `key`: an API key; `session`: a browser that signed in with one; `portal`: the holder of a portal link. */
  readonly kind: 'key' | 'session' | 'portal' | 'library' | 'cli';
  readonly scopes: readonly ('publish' | 'read' | 'operate' | 'admin')[];

  /** The only tenant that it sees; null means all. */
  readonly tenant: string | null;

  /** The only endpoints that it sees; null means all of its tenant. */
  readonly endpointIds: readonly string[] | null;
  readonly payloads: 'none' | 'masked' | 'full';

  /** What a portal link allows its holder besides reading; null if it is not a portal link. */
  readonly can: readonly ('redrive' | 'replay' | 'test' | 'rotate')[] | null;

  /** Version of the server. */
  readonly version: string;

  /** Public URL of this server; null if it is not configured. */
  readonly publicUrl: string | null;

  /** Clock of the server. */
  readonly now: string;

  /** When this session or key ends; null if it does not. */
  readonly expiresAt: string | null;
}

export interface MissingDelivery {
  readonly eventId: string;
  readonly deliveryId: string;

  /** `delivered`: the endpoint answered 2xx, but the receiver does not have it. */
  readonly state: DeliveryState;
  readonly settledAt: string | null;
  readonly value: {
    readonly currency: string;

    /** Minor units; a string above 2^53. */
    readonly amountMinor: number | string;
  } | null;
}

export interface Money {
  readonly currency: string;

  /** Minor units; a string above 2^53. */
  readonly amountMinor: number | string;

  /** Number of events. */
  readonly events: number;
}

export interface NamedEndpointRequest {
  readonly tenant?: string | undefined;

  /** Your own name for it, unique in its tenant. */
  readonly name?: string | null | undefined;

  /** An http or https URL without credentials or fragment. */
  readonly url: string;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes?: readonly string[] | undefined;
  readonly description?: string | null | undefined;

  /** The team that receives, and that is notified of its dead letters. */
  readonly owner?: string | null | undefined;

  /** The delivery policy that the endpoint follows. */
  readonly template?: string | null | undefined;

  /** All headers; null keeps the stored value, which responses do not show. */
  readonly headers?: Readonly<Record<string, string | null>> | undefined;

  /** Timeout of one attempt. Null means the template's value. */
  readonly timeoutMs?: number | null | undefined;

  /** Limit of concurrent attempts. Null, the default: it adapts to the endpoint's answers, from 4 to 512. */
  readonly maxInFlight?: number | null | undefined;

  /** Limit of attempts per second; null means no limit. One second's attempts may start at once. Nodes that share a database share the limit. */
  readonly rateLimitPerS?: number | null | undefined;

  /** `key`: events with the same ordering key are delivered one after the other. */
  readonly ordering?: 'none' | 'key' | undefined;

  /** What a dead letter does to later deliveries of its ordering key. `skip`: they continue without it. `block`, only with the ordering `key`: they wait until it is redriven and delivered, or cancelled. */
  readonly onDead?: 'skip' | 'block' | undefined;

  /** Selects events by their data; null means all that it subscribes to. */
  readonly filter?: Filter | null | undefined;

  /** Only events that have at least one of these routing keys; null means whatever theirs are, and events without any. */
  readonly routingKeys?: readonly string[] | null | undefined;
  readonly transformation?: Transformation | null | undefined;

  /** Null means the template's value. */
  readonly retry?: RetryPolicyInput | null | undefined;

  /** The deadline. Null means the template's value. */
  readonly deliverWithinS?: number | null | undefined;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: only the data of the event, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body?: 'envelope' | 'data' | undefined;

  /** Prefixes of the headers `…-id`, `…-timestamp` and `…-signature`. Default: `["webhook"]`. Add the prefix of another sender for receivers that read its headers: the values are the same. */
  readonly headerPrefixes?: readonly string[] | undefined;

  /** `v1`: HMAC with the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. With both, `webhook-signature` has two signatures. */
  readonly signatures?: readonly ('v1' | 'v1a')[] | undefined;

  /** Your own data: up to 50 texts of at most 512 characters. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;

  /** Posthorn pauses the endpoint (`paused_reason: failing`) when every attempt has failed for this long, with at least 5 attempts; null means never. */
  readonly disableAfterS?: number | null | undefined;

  /** A disabled endpoint receives nothing; its deliveries are suppressed. */
  readonly enabled?: boolean | undefined;

  /** Credentials of every request. `basic`, `bearer`: sent as they are. `oauth2_client_credentials`: a bearer token, fetched from `tokenUrl`, cached until shortly before it expires, and renewed once after a 401. Cannot be combined with a header `authorization`. Secrets are write-only. Null keeps the stored secret, if the type is the same. */
  readonly auth?: EndpointAuthChange | null | undefined;

  /** How the connection is secured; only for `https` URLs. Changing it closes existing connections. */
  readonly tls?: EndpointTls | null | undefined;
  readonly proxy?: string | null | undefined;

  /** `whsec_…`; if omitted, the stored secret is kept, or one is generated. Write-only. */
  readonly secret?: string | undefined;
}

export interface NewEvent {
  /** Such as `payment.succeeded`. */
  readonly type: string;

  /** Any JSON, at most 256 KiB. Delivered byte for byte. */
  readonly data: unknown;

  /** Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;

  /** Unique in its tenant. The same id and body again return the same receipt. Generated if omitted. */
  readonly id?: string | undefined;

  /** Endpoints with `ordering: key` receive the events of one key one after the other. */
  readonly orderingKey?: string | undefined;

  /** Endpoints with `routingKeys` receive the event only if they share one with it. */
  readonly routingKeys?: readonly string[] | undefined;

  /** When it happened, if not when it is accepted. */
  readonly occurredAt?: string | Date | undefined;

  /** The value of the event. If omitted, it is taken from the data, as declared by the event type. */
  readonly value?: NewValue | undefined;
}

export interface NewEventBatch {
  readonly events: readonly NewEvent[];
}

export interface NewMarker {
  /** When it happened. Default: now. */
  readonly at?: string | Date | undefined;
  readonly kind?: 'deploy' | 'incident' | 'change' | 'note' | undefined;

  /** A few words, such as `payments 2.14`. */
  readonly label: string;

  /** A link to more information: a release, an incident. */
  readonly url?: string | undefined;
}

export interface NewValue {
  /** Minor units. */
  readonly amountMinor: number;

  /** ISO 4217. A code that is not in it is accepted, and shown with two decimals. */
  readonly currency: string;
}

export interface Node {
  /** Its name; includes its process id, unless the name was configured. */
  readonly node: string;
  readonly startedAt: string;
  readonly lastHeartbeatAt: string;

  /** The shards it owns, of 64. */
  readonly shards: readonly number[];
}

export interface NodeList {
  readonly items: readonly Node[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface NonConforming {
  readonly kind: 'endpoint' | 'event_type';

  /** Id of the endpoint, or name of the event type. */
  readonly id: string;

  /** Tenant of the endpoint; null for an event type. */
  readonly tenant: string | null;

  /** The owner; `missing` if no team of this name is declared. */
  readonly owner: string | null;
  readonly missing: readonly ('declaration' | 'template' | 'slo' | 'owner')[];
}

export interface Now {
  /** When this was computed. */
  readonly at: string;

  /** `act`: an operator has to act. `watch`: something waits, or spends an error budget. `well`: neither. */
  readonly level: 'act' | 'watch' | 'well';

  /** What is true now, in one sentence. */
  readonly sentence: string;
  readonly window: {
    readonly since: string;
    readonly until: string;

    /** What the bounds were rounded outward to. */
    readonly resolution: 'hour' | 'day';
  };

  /** Accepted in the window; each delivery is in exactly one of the other counts. */
  readonly ledger: {
    readonly accepted: number;
    readonly delivered: number;
    readonly pending: number;
    readonly dead: number;
    readonly cancelled: number;
    readonly suppressed: number;
    readonly unaccounted: number;
  };

  /** Pending deliveries that were read one by one. If there are more, `pending` comes from the counters, and the late count is a lower bound. */
  readonly pendingRead: { readonly rows: number; readonly complete: boolean };

  /** The last check of the ledger against the rows; null if there was none yet. */
  readonly reconciled: {
    readonly at: string;
    readonly balanced: boolean;

    /** Unaccounted deliveries. */
    readonly unaccounted: number;

    /** Null if the key is bound and the check counted everything. */
    readonly rowsRead: number | null;

    /** Ids of deliveries, events or endpoints that it found; at most 20. */
    readonly ids: readonly string[];
  } | null;

  /** Accepted before the window, and still dead or suppressed. */
  readonly earlier: { readonly dead: number; readonly suppressed: number };

  /** Delivered before the deadline. */
  readonly inTime: {
    readonly good: number;

    /** All except cancelled deliveries and those whose deadline is ahead. */
    readonly due: number;
    readonly share: number | null;
    readonly interval: Interval;

    /** The highest target of any objective; null if there is none. */
    readonly target: number | null;
  };
  readonly latencyMs: {
    /** Upper bound of the quantile; null if nothing was delivered. */
    readonly p50: number | null;

    /** Upper bound of the quantile; null if nothing was delivered. */
    readonly p99: number | null;
  };

  /** Value of the window's deliveries: an event counts once for each of its deliveries. */
  readonly atRisk: {
    /** By currency; never added across currencies. */
    readonly dead: readonly Money[];

    /** By currency; never added across currencies. */
    readonly suppressed: readonly Money[];

    /** By currency; never added across currencies. */
    readonly latePending: readonly Money[];
    readonly latePendingCount: number;

    /** Deliveries at risk whose events have no value. */
    readonly unknown: number;
  };
  readonly teams: readonly NowTeam[];

  /** The most severe first, then what is not acknowledged, then by worth and age. */
  readonly needs: readonly NowNeed[];

  /** How many are not in `needs`. */
  readonly moreNeeds: number;

  /** Number of endpoints; 0 if nothing was set up yet. */
  readonly endpoints: number;
}

export interface NowMessage {
  readonly event: 'now';

  /** Id of the message: the header `Last-Event-ID` of a new connection that resumes from here. */
  readonly id: string | null;
  readonly data: Now;
}

export interface NowNeed {
  readonly kind:
    | 'unaccounted'
    | 'dead_letters'
    | 'suppressed'
    | 'failing'
    | 'late'
    | 'paused'
    | 'objective'
    | 'alert'
    | 'unmatched'
    | 'owner'
    | 'channel'
    | 'key';
  readonly severity: 'act' | 'watch' | 'note';

  /** What it is about: a host, an objective, an event type. Null for everything. */
  readonly subject: string | null;
  readonly endpointId: string | null;

  /** The alert behind it, for acknowledging it. */
  readonly alertId: string | null;
  readonly acknowledgedAt: string | null;
  readonly since: string | null;
  readonly count: number | null;

  /** By currency; never added across currencies. */
  readonly value: readonly Money[];

  /** The team; null if none is known. */
  readonly owner: string | null;

  /** A sentence. */
  readonly summary: string;

  /** A second sentence; may be empty. */
  readonly detail: string;
  readonly action: {
    readonly label: string;

    /** Path in the dashboard. */
    readonly path: string;
  } | null;
}

export interface NowTeam {
  /** Null for endpoints without an owner. */
  readonly team: string | null;

  /** `act`: an operator has to act. `watch`: something waits, or spends an error budget. `well`: neither. */
  readonly level: 'act' | 'watch' | 'well';

  /** A few words, such as `38 dead letters`. */
  readonly state: string;
  readonly dead: number;
  readonly suppressed: number;
  readonly latePending: number;

  /** By currency; never added across currencies. */
  readonly atRisk: readonly Money[];

  /** The smallest remaining error budget that the team answers for; 1 is all of it. Null if it answers for none. */
  readonly budgetLeft: number | null;

  /** The objective with that budget. */
  readonly objective: string | null;
}

export interface OneSeries {
  /** The value of `by`: an endpoint’s id, a team, a type, a class. Null for no owner, or for everything. */
  readonly key: string | null;

  /** Number of smaller keys that this series combines; 0 for a single `key`. */
  readonly others: number;

  /** One for each step of the window, even if nothing was counted. */
  readonly points: readonly SeriesPoint[];
}

export interface OpenApiDocument {
  readonly openapi: string;
}

export interface PastEvent {
  /** Such as `payment.succeeded`. */
  readonly type: string;

  /** Any JSON, at most 256 KiB. Delivered byte for byte. */
  readonly data: unknown;

  /** The id that it had. An event of this id that is here stays as it is. */
  readonly id: string;

  /** Endpoints with `ordering: key` receive the events of one key one after the other. */
  readonly orderingKey?: string | undefined;

  /** Endpoints with `routingKeys` receive the event only if they share one with it. */
  readonly routingKeys?: readonly string[] | undefined;

  /** When it happened, if not when it is accepted. */
  readonly occurredAt?: string | Date | undefined;

  /** The value of the event. If omitted, it is taken from the data, as declared by the event type. */
  readonly value?: NewValue | undefined;

  /** They end as `cancelled`, with a reason that says the state, and are not attempted. */
  readonly deliveries: readonly {
    /** Id or name. */
    readonly endpointId: string;

    /** What became of it at the former sender. */
    readonly state: 'delivered' | 'failed' | 'pending';
  }[];
}

export interface PastNow {
  readonly at: string;
  readonly level: 'act' | 'watch' | 'well';

  /** What was true then, in one sentence. */
  readonly sentence: string;

  /** What was accepted in this time. */
  readonly window: { readonly since: string; readonly until: string };

  /** Rows, each in the state that it had then. */
  readonly ledger: {
    readonly accepted: number;
    readonly delivered: number;
    readonly pending: number;
    readonly dead: number;
    readonly cancelled: number;
    readonly suppressed: number;
  };

  /** Deliveries that were in a state then and are in another one now. */
  readonly became: readonly {
    readonly then: 'pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed';
    readonly now: 'pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed';
    readonly count: number;
  }[];
  readonly atRisk: {
    /** By currency; never added across currencies. */
    readonly dead: readonly Money[];

    /** By currency; never added across currencies. */
    readonly suppressed: readonly Money[];

    /** By currency; never added across currencies. */
    readonly latePending: readonly Money[];
    readonly latePendingCount: number;

    /** Deliveries at risk whose events have no value. */
    readonly unknown: number;
  };

  /** What had not been delivered then, by endpoint; at most 7. */
  readonly needs: readonly {
    readonly kind: 'dead_letters' | 'suppressed' | 'late';
    readonly endpointId: string;

    /** The host; null if the endpoint was deleted. */
    readonly subject: string | null;

    /** The current owner. */
    readonly owner: string | null;

    /** When the first of them was accepted. */
    readonly since: string | null;
    readonly count: number;

    /** By currency; never added across currencies. */
    readonly value: readonly Money[];
  }[];
  readonly moreNeeds: number;

  /** Alerts that fired then and are still stored; at most 20. */
  readonly alerts: readonly {
    readonly id: string;
    readonly rule: string;
    readonly severity: 'page' | 'ticket';
    readonly owner: string | null;
    readonly endpointId: string | null;

    /** The last known state. */
    readonly summary: string;
    readonly since: string;
    readonly resolvedAt: string | null;
    readonly acknowledged: boolean;
  }[];
  readonly moreAlerts: number;
}

export interface PortalLink {
  /** Give it to the receiver. The token is in the fragment, which server logs do not contain. Only a path if the server's public URL is not configured. */
  readonly url: string;

  /** `phl_…`: opens sessions until it expires, and works as `Authorization: Bearer` without cookies, as in a frame of another site. Shown only once. */
  readonly token: string;
  readonly expiresAt: string;
}

export interface PortalLinkRequest {
  /** The tenant whose endpoints, deliveries and events it shows. */
  readonly tenant: string;

  /** Shows only these endpoints of the tenant, by id or name. Default: all of them. */
  readonly endpointIds?: readonly string[] | undefined;

  /** What it allows its holder besides reading. */
  readonly can?: readonly ('redrive' | 'replay' | 'test' | 'rotate')[] | undefined;

  /** How long the link, and every session that it opens, lasts. */
  readonly expiresInS?: number | undefined;
}

export interface PublicKeyList {
  /** The current key first; a previous key is listed until shortly after it ended. */
  readonly items: readonly {
    readonly id: string;

    /** `whpk_…` */
    readonly publicKey: string;

    /** Until when it signs beside its successor; null for the current key. */
    readonly expiresAt: string | null;
  }[];
  readonly nextCursor: null;
}

export interface Readiness {
  readonly status: 'ready' | 'not ready';

  /** Attempts in progress. */
  readonly inFlight: number;

  /** Deliveries claimed and waiting for their turn. */
  readonly buffered: number;

  /** What is wrong with the store's files: an operator has to act. */
  readonly storeFault?: 'missing' | 'replaced' | 'damaged';

  /** Endpoints whose secrets this node cannot decrypt, because it lacks the key: their attempts fail until it is restored. */
  readonly lockedEndpoints?: number;
  readonly clock: Clock;
}

export interface Receipt {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;

  /** When it was committed to disk. */
  readonly acceptedAt: string;

  /** Deliveries created. */
  readonly deliveries: number;

  /** Deliveries among them that are suppressed because their endpoint is disabled. */
  readonly suppressed: number;

  /** True if no endpoint matches: none subscribes to its type, or their filters or routing keys exclude it. */
  readonly unmatched: boolean;

  /** True if the event was accepted before: this is the original receipt, and nothing was created. */
  readonly duplicate: boolean;
}

export interface ReconcileRequest {
  /** The endpoint whose deliveries are compared, by id or name. */
  readonly endpointId: string;

  /** Tenant of an endpoint that is given by its name. Default: `default`. */
  readonly tenant?: string | undefined;

  /** Deliveries created at or after this time. */
  readonly since: string | Date;

  /** Deliveries created before this time. */
  readonly until: string | Date;

  /** `nextCursor` of the previous answer, with the same ids. */
  readonly cursor?: string | undefined;

  /** Maximum items of `missing`, and of `unexpected`, in an answer. */
  readonly limit?: number | undefined;

  /** What the receiver has: each is a `webhook-id`, which is the id of an event. */
  readonly receivedIds: readonly string[];
}

export interface ReconciledMessage {
  readonly event: 'reconciled';

  /** Id of the message: the header `Last-Event-ID` of a new connection that resumes from here. */
  readonly id: string | null;
  readonly data: {
    readonly at: string;
    readonly balanced: boolean;

    /** Unaccounted deliveries. */
    readonly unaccounted: number;

    /** Null if the key is bound and the check counted everything. */
    readonly rowsRead: number | null;

    /** Ids of deliveries, events or endpoints that it found; at most 20. */
    readonly ids: readonly string[];
  };
}

export interface Reconciliation {
  /** Deliveries of the window, in any state. */
  readonly sent: number;

  /** Deliveries among them that the endpoint answered with 2xx. */
  readonly delivered: number;

  /** Ids that the receiver has, each counted once. */
  readonly received: number;

  /** Deliveries of the window that the receiver has. */
  readonly matched: number;

  /** Ids that the receiver has from deliveries to this endpoint outside the window. */
  readonly outside: number;

  /** Deliveries of the window that the receiver does not have. */
  readonly missingCount: number;

  /** The part of `missingCount` that is in this state. */
  readonly missingByState: {
    readonly pending: number;
    readonly delivered: number;
    readonly dead: number;
    readonly cancelled: number;
    readonly suppressed: number;
  };

  /** Value of what is missing, by currency. */
  readonly missingValue: readonly Money[];

  /** Ids that the receiver has but that were never sent to this endpoint, or that retention has deleted. */
  readonly unexpectedCount: number;

  /** Oldest first. */
  readonly missing: readonly MissingDelivery[];

  /** In the order in which they were given. */
  readonly unexpected: readonly string[];

  /** More is missing or unexpected: send the same ids with this cursor. Null on the last page. */
  readonly nextCursor: string | null;
}

export type ReconciliationLine =
  | { readonly missing: MissingDelivery }
  | { readonly unexpected: string }
  | { readonly summary: ReconciliationSummary };

export interface ReconciliationSummary {
  /** Deliveries of the window, in any state. */
  readonly sent: number;

  /** Deliveries among them that the endpoint answered with 2xx. */
  readonly delivered: number;

  /** Ids that the receiver has, each counted once. */
  readonly received: number;

  /** Deliveries of the window that the receiver has. */
  readonly matched: number;

  /** Ids that the receiver has from deliveries to this endpoint outside the window. */
  readonly outside: number;

  /** Deliveries of the window that the receiver does not have. */
  readonly missingCount: number;

  /** The part of `missingCount` that is in this state. */
  readonly missingByState: {
    readonly pending: number;
    readonly delivered: number;
    readonly dead: number;
    readonly cancelled: number;
    readonly suppressed: number;
  };

  /** Value of what is missing, by currency. */
  readonly missingValue: readonly Money[];

  /** Ids that the receiver has but that were never sent to this endpoint, or that retention has deleted. */
  readonly unexpectedCount: number;

  /** More is unexpected than an answer lists: send the same ids with this cursor. */
  readonly nextCursor: string | null;
}

/** Whether the endpoint works again; null if that is not known, or if it is failing now. */
export type Recovery = {
  /** When the newest of them ended. */
  readonly since: string;

  /** Deliveries that the endpoint has received successfully since. */
  readonly successes: number;
} | null;

export interface Redrive {
  readonly id: string;
  readonly name: string | null;
  readonly by: JobActor;
  readonly state: 'running' | 'done' | 'stopped';

  /** Why it is `stopped`. `asked`: an operator stopped it. `failing`: it stopped itself, because the first 20 deliveries all failed again. */
  readonly stopReason: 'asked' | 'failing' | null;

  /** Deliveries that matched the filter when it was created. */
  readonly matched: number;

  /** Deliveries not taken: changed or deleted since, without an endpoint, or of an event whose data were deleted. */
  readonly skipped: number;
  readonly outcome: JobOutcome;

  /** Value of what matched, by currency. */
  readonly value: readonly Money[];

  /** When the oldest matching delivery was created. */
  readonly oldestAt: string | null;
  readonly newestAt: string | null;

  /** Ordering keys whose later deliveries wait until these are delivered; counted up to 100,000. */
  readonly keysHeld: number;

  /** Endpoints with at least one match. */
  readonly endpoints: number;

  /** The 100 endpoints with the most matches. */
  readonly byEndpoint: readonly JobEndpoint[];
  readonly filter: {
    readonly tenant?: readonly string[];
    readonly endpointId?: readonly string[];
    readonly eventId?: readonly string[];
    readonly eventType?: readonly string[];
    readonly routingKey?: readonly string[];
    readonly state?: readonly DeliveryState[];
    readonly errorClass?: readonly ErrorClass[];
    readonly statusCode?: readonly number[];
    readonly statusClass?: readonly ('1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'none')[];

    /** Created at or after this time. */
    readonly since?: string;

    /** Created before this time. */
    readonly until?: string;
  };
  readonly dryRun: boolean;
  readonly ratePerS: number | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;

  /** Made pending again so far. */
  readonly redriven: number;
}

export interface RedriveChange {
  /** Deliveries per second for the whole job; null means as fast as the store allows. */
  readonly ratePerS?: number | null | undefined;
  readonly name?: string | null | undefined;
}

export interface RedriveList {
  readonly items: readonly Redrive[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface RedriveMessage {
  readonly event: 'redrive';

  /** Id of the message: the header `Last-Event-ID` of a new connection that resumes from here. */
  readonly id: string | null;
  readonly data: Redrive;
}

export interface RedriveRequest {
  /** Selects deliveries by any of the values of each field. Default: those in state `dead`. */
  readonly filter: {
    readonly tenant?: string | readonly string[] | undefined;
    readonly endpointId?: string | readonly string[] | undefined;
    readonly eventType?: string | readonly string[] | undefined;

    /** Any of the routing keys of the event. */
    readonly routingKey?: string | readonly string[] | undefined;
    readonly errorClass?: ErrorClass | readonly ErrorClass[] | undefined;

    /** HTTP status of the last attempt. */
    readonly statusCode?: number | readonly number[] | undefined;

    /** The same by its first digit. `none`: without a response. */
    readonly statusClass?:
      | '1xx'
      | '2xx'
      | '3xx'
      | '4xx'
      | '5xx'
      | 'none'
      | readonly ('1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'none')[]
      | undefined;

    /** Created at or after this time. */
    readonly since?: string | Date | undefined;

    /** Created before this time. */
    readonly until?: string | Date | undefined;
    readonly eventId?: string | readonly string[] | undefined;
    readonly state?: DroppedState | readonly DroppedState[] | undefined;
  };

  /** Deliveries per second for the whole job; null means as fast as the store allows. */
  readonly ratePerS?: number | null | undefined;
  readonly name?: string | undefined;

  /** Counts what would be done and changes nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface Replay {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;

  /** When it was committed to disk. */
  readonly acceptedAt: string;

  /** Deliveries created. */
  readonly deliveries: number;

  /** Deliveries among them that are suppressed because their endpoint is disabled. */
  readonly suppressed: number;

  /** True if no endpoint matches: none subscribes to its type, or their filters or routing keys exclude it. */
  readonly unmatched: boolean;

  /** True if the event was accepted before: this is the original receipt, and nothing was created. */
  readonly duplicate: boolean;

  /** The new deliveries. */
  readonly deliveryIds: readonly string[];

  /** Subscribed endpoints whose filter or routing keys exclude the event. */
  readonly filtered: number;

  /** Why the event does not match the endpoint that was named. `filter`: by its filter or its routing keys. */
  readonly overridden: readonly ('subscription' | 'filter')[];
}

export interface ReplayRequest {
  /** Deliver only to this endpoint (id or name), regardless of its subscriptions, filter and routing keys. */
  readonly endpointId?: string | undefined;
}

export interface RetryPolicy {
  /** Delays in seconds, one after each failed attempt; after the last one the delivery is dead. */
  readonly scheduleS?: readonly number[];

  /** Replaces `scheduleS`. */
  readonly exponential?: {
    /** Delay after the first failed attempt. */
    readonly baseS: number;

    /** Factor by which each delay is longer than the previous one. */
    readonly factor: number;
    readonly maxS: number;

    /** Total number of attempts. */
    readonly attempts: number;
  };

  /** Share of each delay that is random. */
  readonly jitter: number;

  /** No attempt starts later than this after the event was accepted. A delivery whose next attempt would is a dead letter with the reason `too_old`, without that attempt; an operator can redrive it. */
  readonly giveUpAfterS: number;
}

export interface RetryPolicyInput {
  /** Delays in seconds, one after each failed attempt; after the last one the delivery is dead. */
  readonly scheduleS?: readonly number[] | undefined;

  /** Replaces `scheduleS`. */
  readonly exponential?:
    | {
        /** Delay after the first failed attempt. */
        readonly baseS: number;

        /** Factor by which each delay is longer than the previous one. */
        readonly factor: number;
        readonly maxS: number;

        /** Total number of attempts. */
        readonly attempts: number;
      }
    | undefined;

  /** Share of each delay that is random. */
  readonly jitter?: number | undefined;

  /** No attempt starts later than this after the event was accepted. A delivery whose next attempt would is a dead letter with the reason `too_old`, without that attempt; an operator can redrive it. */
  readonly giveUpAfterS?: number | undefined;
}

export interface RotatedEndpoint {
  readonly id: string;
  readonly name: string | null;
  readonly tenant: string;

  /** For a notification channel only the host. */
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly template: string | null;
  readonly templateVersion: number | null;

  /** The fields that override the template. */
  readonly overrides: readonly ('timeout_ms' | 'deliver_within_s' | 'retry')[];

  /** Header names; values are write-only. */
  readonly headers: Readonly<Record<string, null>>;

  /** Secrets are null. */
  readonly auth: ShownEndpointAuth | null;
  readonly tls: ShownEndpointTls | null;

  /** Without its password. */
  readonly proxy: string | null;

  /** Facts from the certificates of `tls` and of the receiver. */
  readonly certificates: readonly EndpointCertificate[];
  readonly timeoutMs: number;

  /** Limit of concurrent attempts; the highest that it may become if `concurrency` is `adaptive`. */
  readonly maxInFlight: number;

  /** `adaptive`: `maxInFlight` is not set, and the limit follows the answers. The present one is `in_flight.limit` of its health. */
  readonly concurrency: 'fixed' | 'adaptive';
  readonly rateLimitPerS: number | null;
  readonly ordering: 'none' | 'key';
  readonly onDead: 'skip' | 'block';

  /** Ordering keys that a dead letter blocks (`on_dead: block`), counted up to 1,000. */
  readonly blockedKeys: number;
  readonly filter: Filter | null;
  readonly routingKeys: readonly string[] | null;
  readonly transformation: Transformation | null;
  readonly retry: RetryPolicy;
  readonly deliverWithinS: number;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: only the data of the event, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body: 'envelope' | 'data';

  /** Prefixes of the headers `…-id`, `…-timestamp` and `…-signature`. Default: `["webhook"]`. Add the prefix of another sender for receivers that read its headers: the values are the same. */
  readonly headerPrefixes: readonly string[];

  /** `v1`: HMAC with the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. With both, `webhook-signature` has two signatures. */
  readonly signatures: readonly ('v1' | 'v1a')[];

  /** Where its public keys are published: `/.well-known/posthorn/public-keys/{set}`. Null if it never signed with `v1a`. */
  readonly keySet: string | null;

  /** Your own data: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;

  /** Why its secrets cannot be decrypted: nothing is sent until the key is restored, or until the secret and the headers are set again. */
  readonly secretsError: string | null;
  readonly disableAfterS: number | null;

  /** The first failure since the last success, if `disableAfterS` is set; null if there is none. */
  readonly failingSince: string | null;

  /** From then on the next failed attempt pauses the endpoint, unless one succeeds first; null if none would. */
  readonly disablesAt: string | null;
  readonly enabled: boolean;

  /** The operator's reason; `gone`: the receiver answered 410; `failing`: see `disableAfterS`. */
  readonly pausedReason: string | null;

  /** Open after 20 failed attempts in a row: until the next success, a sixteenth of `maxInFlight` is attempted at once, or 4 if it is adaptive. */
  readonly breaker: { readonly state: 'closed' | 'open'; readonly since: string | null };

  /** Attempts at its URL; written at most every 5 s. */
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The receiver asked for a pause until then (Retry-After). */
  readonly throttledUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;

  /** The new secret, shown only once. Absent if the endpoint signs only with `v1a`. */
  readonly secret?: string;
}

/** A count, and for how many consecutive steps it repeats. */
export type Run = readonly [number, number];

export interface SearchResult {
  readonly kind:
    | 'delivery'
    | 'event'
    | 'endpoint'
    | 'redrive'
    | 'alert'
    | 'event_type'
    | 'team'
    | 'objective'
    | 'channel'
    | 'template';

  /** Id; for a declared resource, its name. */
  readonly id: string;

  /** Null if it belongs to no tenant. */
  readonly tenant: string | null;

  /** For an endpoint, the host and path of its URL. */
  readonly title: string;

  /** Tells it from others with the same title. */
  readonly detail: string | null;
}

export interface SearchResults {
  /** Ids first. */
  readonly items: readonly SearchResult[];
}

export interface SecretRotation {
  /** How long the previous secret keeps signing too. */
  readonly graceS?: number | undefined;

  /** The new secret: `whsec_…`; generated if omitted. */
  readonly secret?: string | undefined;
}

export interface SecretsRotation {
  /** Endpoints and settings whose secrets were encrypted again. */
  readonly changed: number;

  /** Secrets that could not be decrypted and stay as they are. */
  readonly unreadable: number;

  /** Whether the database was rewritten, so that its files contain nothing under a previous key. Skipped on a running node if the database has more than 1 GiB: stop Posthorn and run `posthorn secrets rotate --data-dir`. */
  readonly purged: boolean;
  readonly status: SecretsStatus;
}

export interface SecretsStatus {
  /** False with `--plaintext-secrets`. */
  readonly encrypted: boolean;

  /** The key that encrypts now: the first one that was configured on this node. */
  readonly keyId: string | null;

  /** The keys that this node has, and those that stored secrets are encrypted with. */
  readonly keys: readonly {
    /** A short hash of the key; sealed texts contain it. */
    readonly id: string;

    /** Whether this node has it. */
    readonly available: boolean;

    /** Stored secrets that it encrypts. */
    readonly secrets: number;
  }[];

  /** Stored secrets that are not encrypted. */
  readonly plaintext: number;

  /** Endpoints with a secret that this node cannot decrypt. */
  readonly lockedEndpoints: number;

  /** Previous keys that encrypt nothing any more. They still verify the audit log before the rotation: keep a copy elsewhere. */
  readonly removableKeys: readonly string[];
}

export interface Series {
  readonly measure: 'counts' | 'in_time' | 'failures' | 'latency';
  readonly by: 'none' | 'endpoint' | 'owner' | 'event_type' | 'error_class' | 'fault_domain';
  readonly window: {
    readonly since: string;
    readonly until: string;

    /** Length of a point. Coarser than requested if the counters of that time are. */
    readonly step: 'minute' | 'hour' | 'day';
  };

  /** The largest first; if there are too many, the smaller ones are combined. */
  readonly series: readonly OneSeries[];
}

export interface SeriesPoint {
  /** Start of the point. */
  readonly at: string;

  /** True if some deadlines of what was accepted here have not passed: the numbers are not final. */
  readonly open: boolean;

  /** With `counts`: deliveries accepted here. */
  readonly accepted?: number;

  /** With `counts` and `latency`. */
  readonly delivered?: number;

  /** With `counts` and `inTime`: neither delivered nor ended otherwise yet. */
  readonly pending?: number;

  /** With `counts`. */
  readonly dead?: number;

  /** With `counts`. */
  readonly cancelled?: number;

  /** With `counts`. */
  readonly suppressed?: number;

  /** With `counts` and `inTime`: delivered after the deadline. */
  readonly late?: number;

  /** With `counts`. */
  readonly firstAttempts?: number;

  /** With `counts`: delivered by the first attempt. */
  readonly firstDelivered?: number;

  /** With `counts`: attempts whose outcome came after another attempt had settled the delivery. */
  readonly superseded?: number;

  /** With `inTime`: all except cancelled deliveries; before the deadline, only those that have an outcome. */
  readonly due?: number;

  /** With `inTime`: delivered before the deadline. */
  readonly inTime?: number;

  /** With `inTime`: dead or suppressed. */
  readonly dropped?: number;

  /** With `inTime`: share of `inTime` in `due`. */
  readonly inTimeInterval?: Interval;

  /** With `failures`: failed attempts. */
  readonly failures?: number;

  /** Upper bound of the quantile; null if nothing was delivered. */
  readonly p50?: number | null;

  /** Upper bound of the quantile; null if nothing was delivered. */
  readonly p95?: number | null;

  /** Upper bound of the quantile; null if nothing was delivered. */
  readonly p99?: number | null;
}

export type ShownEndpointAuth =
  | { readonly type: 'basic'; readonly username: string; readonly password: null }
  | { readonly type: 'bearer'; readonly token: null }
  | {
      readonly type: 'oauth2_client_credentials';
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: null;
      readonly scope: string | null;
      readonly audience: string | null;
      readonly authMethod: 'basic' | 'body';
    };

export interface ShownEndpointTls {
  readonly clientCertificate: string | null;

  /** Write-only. */
  readonly clientKey: null;
  readonly ca: string | null;
  readonly minVersion: '1.2' | '1.3' | null;
  readonly serverName: string | null;
}

export interface SignIn {
  /** An API key, unless `Authorization` has it. */
  readonly key?: string | undefined;

  /** The token of a portal link, instead of a key. */
  readonly token?: string | undefined;
}

export interface Slo {
  readonly name: string;
  readonly builtIn: false;

  /** Equal for equal documents: detects changes without showing write-only fields. */
  readonly fingerprint: string;
  readonly description: string;

  /** What has to hold: delivered within the deadline, or accounted for at all. */
  readonly objective: 'delivered_within' | 'accounted';

  /** 0.999 means that one in a thousand may miss its deadline. */
  readonly target: number;
  readonly windowDays: number;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes: readonly string[];

  /** Only deliveries of this tenant. */
  readonly tenant?: string;

  /** Only these endpoints; empty means all. */
  readonly endpointIds: readonly string[];

  /** The team that sends. */
  readonly producer: string;

  /** The team that receives. */
  readonly consumer: string;
}

export interface SloDocument {
  readonly description?: string | undefined;

  /** What has to hold: delivered within the deadline, or accounted for at all. */
  readonly objective?: 'delivered_within' | 'accounted' | undefined;

  /** 0.999 means that one in a thousand may miss its deadline. */
  readonly target: number;
  readonly windowDays?: number | undefined;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes?: readonly string[] | undefined;

  /** Only deliveries of this tenant. */
  readonly tenant?: string | undefined;

  /** Only these endpoints; empty means all. */
  readonly endpointIds?: readonly string[] | undefined;

  /** The team that sends. */
  readonly producer: string;

  /** The team that receives. */
  readonly consumer: string;
}

export interface SloHistory {
  readonly name: string;
  readonly target: number;
  readonly window: SloWindow;

  /** Deliveries of the window whose deadline has passed. */
  readonly due: number;

  /** How many of them may be bad, for each side. */
  readonly budget: number;

  /** From `knownSince` on, without gaps. The last one is what is left now. */
  readonly points: readonly {
    /** Start of the step, by time of acceptance. */
    readonly at: string;

    /** A minute, an hour or a day: as fine as requested, if the counters are. */
    readonly lengthS: number;
    readonly due: number;
    readonly sender: {
      readonly bad: number;

      /** Remaining share of the whole window's error budget: 1 is all of it, below 0 it was overspent; null if nothing was due in the window. */
      readonly budgetRemaining: number | null;
    };
    readonly receiver: {
      readonly bad: number;

      /** Remaining share of the whole window's error budget: 1 is all of it, below 0 it was overspent; null if nothing was due in the window. */
      readonly budgetRemaining: number | null;
    };
  }[];
}

export interface SloList {
  readonly items: readonly ListedSlo[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface SloMinutes {
  readonly name: string;
  readonly target: number;

  /** Window of the objective. */
  readonly windowS: number;

  /** How long after its time a count is known: the longest deadline of the endpoints. */
  readonly withinS: number;
  readonly since: string;
  readonly until: string;

  /** From when there is something to count; later than `since` while the endpoints are younger than the window. */
  readonly knownSince: string;

  /** Consecutive, the oldest and coarsest first. */
  readonly segments: readonly {
    /** Start of its first step. */
    readonly at: string;

    /** 60; 3600 if minutes are no longer kept, and 86400 if hours are not. */
    readonly stepS: number;

    /** Run-length encoded. */
    readonly due: readonly Run[];

    /** Bad deliveries, sender at fault. */
    readonly sender: readonly Run[];

    /** Bad deliveries, receiver at fault. */
    readonly receiver: readonly Run[];
  }[];
}

export interface SloSide {
  /** Null if no team is named. */
  readonly team: string | null;

  /** Deliveries that missed the objective because of this side. */
  readonly bad: number;

  /** The share that this side did not spoil; null if nothing was due. */
  readonly sli: number | null;

  /** What is left of this side's error budget: 1 is all of it, below 0 it is overspent; null if nothing was due. */
  readonly budgetRemaining: number | null;

  /** How many may be bad before the budget is used up: `total` × (1 − `target`). */
  readonly budget: number;
  readonly burn: readonly BurnRate[];

  /** How long the rest of the budget lasts at the rate of the last hour; 0 if it is used up; null if nothing was spent in the last hour. */
  readonly lastsS: number | null;

  /** The same, human-readable. */
  readonly sentence: string;

  /** A steady excess that no burn rate detects. */
  readonly slowLeak: boolean;

  /** The endpoints with the most `bad` of this side, at most ten. */
  readonly endpoints: readonly {
    readonly endpointId: string;
    readonly bad: number;
    readonly total: number;
  }[];
}

export interface SloSpend {
  readonly side: 'sender' | 'receiver';
  readonly endpoint: {
    readonly id: string;
    readonly name: string | null;
    readonly host: string;
    readonly owner: string | null;
  };

  /** Why most of them missed it. An error class: failed attempts. `delayed`: none failed, they were late or still wait; `paused`: accepted while the endpoint was paused; `held`: behind a dead letter of their ordering key; `unknown`: no failed attempt was counted. */
  readonly cause: 'delayed' | 'paused' | 'held' | 'unknown' | ErrorClass;

  /** Failed attempts on these days by class, the most frequent first. */
  readonly failures: readonly { readonly class: ErrorClass; readonly count: number }[];
  readonly since: string;

  /** End of the last day. */
  readonly until: string;

  /** Deliveries accepted on these days that are late or will not arrive. */
  readonly bad: number;

  /** Share of this side's budget; null if it has none. */
  readonly ofBudget: number | null;

  /** Their value, as far as it is known. */
  readonly worth: readonly Money[];

  /** How many of them have no value, or none that is still known. */
  readonly unknownWorth: number;
}

export interface SloSpends {
  readonly name: string;
  readonly target: number;
  readonly window: SloWindow;
  readonly due: number;

  /** How many may be bad, for each side. */
  readonly budget: number;

  /** The largest first, at most 100. */
  readonly items: readonly SloSpend[];

  /** The sum of what is beyond the limit. */
  readonly beyond: { readonly items: number; readonly bad: number };

  /** Deliveries read for their worth. */
  readonly rowsRead: number;

  /** False if there are more rows than are read; the others count as of unknown worth. */
  readonly complete: boolean;
}

export interface SloStatus {
  readonly name: string;
  readonly objective: 'delivered_within' | 'accounted';
  readonly target: number;
  readonly windowDays: number;

  /** The template that sets the objective; null if it was declared by name. */
  readonly template: string | null;

  /** Endpoints that the objective covers. */
  readonly endpoints: number;

  /** Whether `sli` is at least `target`; true if nothing was due. */
  readonly kept: boolean;

  /** `good` / `total`, whichever side is at fault; null if nothing was due. */
  readonly sli: number | null;
  readonly sliInterval: Interval;

  /** Whether it is kept, human-readable; names the side that has overspent its budget. */
  readonly sentence: string;
  readonly window: SloWindow;
  readonly good: number;

  /** Deliveries whose deadline has passed. */
  readonly total: number;
  readonly sides: { readonly sender: SloSide; readonly receiver: SloSide };
}

/** By time of acceptance. */
export interface SloWindow {
  readonly since: string;

  /** What was accepted later is not past its deadline yet. */
  readonly until: string;

  /** How fine the counters are at `since`; an hour or a day (UTC) that the window would cut is left out. */
  readonly resolution: 'minute' | 'hour' | 'day';

  /** From when there is something to count; later than `since` while the endpoints are younger than the window. */
  readonly knownSince: string;
}

export interface SnoozeRequest {
  /** At most 30 days from now. */
  readonly until: string | Date;

  /** Ends the snooze early if the group has twice as many as now. */
  readonly orDoubled?: boolean | undefined;
  readonly reason: string;
}

export type StreamMessage =
  | HelloMessage
  | NowMessage
  | ReconciledMessage
  | AlertMessage
  | EndpointMessage
  | DeliveryMessage
  | RedriveMessage;

export interface Team {
  readonly name: string;

  /** Equal for equal documents: detects changes without showing write-only fields. */
  readonly fingerprint: string;
  readonly description: string;

  /** Names of the channels that its alerts go to. */
  readonly channels: readonly string[];
}

export interface TeamCell {
  readonly eventType: string;
  readonly endpointId: string;
  readonly inTime: InTime;
  readonly dead: number;
  readonly suppressed: number;

  /** Past their deadline, and still pending. */
  readonly latePending: number;

  /** Value of these, by currency. */
  readonly atRisk: readonly Money[];
}

export interface TeamDocument {
  readonly description?: string | undefined;

  /** Names of the channels that its alerts go to. */
  readonly channels?: readonly string[] | undefined;
}

export interface TeamEndpoint {
  readonly endpointId: string;
  readonly name: string | null;
  readonly host: string;
  readonly tenant: string;
  readonly owner: string | null;

  /** `failing`: every attempt since the last success failed. `slowed`: the receiver asked for a pause, or the breaker is open. `idle`: nothing was sent yet. */
  readonly state: 'failing' | 'slowed' | 'paused' | 'healthy' | 'idle';
  readonly inTime: InTime;
  readonly pending: number;
  readonly dead: number;
}

export interface TeamList {
  readonly items: readonly Team[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

export interface TeamOverview {
  readonly name: string;
  readonly description: string;
  readonly channels: readonly string[];

  /** The state of the team, human-readable. */
  readonly sentence: string;
  readonly level: 'ok' | 'watch' | 'act';

  /** By time of acceptance. */
  readonly window: { readonly since: string; readonly until: string };

  /** Event types that the team owns. */
  readonly sends: readonly {
    readonly eventType: string;

    /** Null if the type is declared without an owner. */
    readonly description: string | null;

    /** Its deliveries in the window. */
    readonly accepted: number;

    /** Endpoints that subscribe to it. */
    readonly endpoints: number;
  }[];

  /** Endpoints that the team owns. */
  readonly receives: readonly TeamEndpoint[];

  /** Other teams' endpoints that receive the team's types. */
  readonly others: readonly TeamEndpoint[];

  /** The team's types at every endpoint, and every type at the team's endpoints; pairs without deliveries are omitted. */
  readonly matrix: readonly TeamCell[];
  readonly objectives: readonly {
    readonly name: string;

    /** The team's own objectives. */
    readonly side: 'sender' | 'receiver';

    /** The team on the other side. */
    readonly other: string | null;
    readonly target: number;
    readonly kept: boolean;
    readonly sli: number | null;

    /** Budget of the team's own side. */
    readonly budgetRemaining: number | null;
  }[];

  /** Firing alerts. */
  readonly alerts: readonly {
    readonly id: string;
    readonly severity: 'page' | 'ticket';
    readonly since: string;
    readonly summary: string;
  }[];
  readonly conformance: {
    readonly total: number;
    readonly conforming: number;
    readonly items: readonly {
      readonly kind: 'endpoint' | 'event_type';
      readonly id: string;
      readonly missing: readonly ('declaration' | 'template' | 'slo' | 'owner')[];
    }[];
  };

  /** False if more is at risk, or more endpoints are concerned, than was read. */
  readonly complete: boolean;
}

export interface Template {
  readonly name: string;

  /** Increases with every change; the content of a version never changes. */
  readonly version: number;

  /** Comes with Posthorn; a declared template of the same name replaces it. */
  readonly builtIn: boolean;

  /** Equal for equal documents: detects changes without showing write-only fields. */
  readonly fingerprint: string;
  readonly description: string;

  /** Timeout of one attempt. */
  readonly timeoutMs: number;

  /** The deadline: how soon a delivery should be delivered. */
  readonly deliverWithinS: number;

  /** Default: ten attempts over 28 hours. */
  readonly retry?: RetryPolicy;

  /** Alert severity of a dead letter. */
  readonly deadLetterAlert: {
    /** `auto`: by the value, count and age of the dead letters. */
    readonly severity: 'auto' | 'ticket' | 'page';
  };

  /** Objective of each endpoint that follows the template; null means none. */
  readonly slo: {
    /** Share delivered within the deadline. */
    readonly target: number;
    readonly windowDays: number;
  } | null;
}

export interface TemplateDocument {
  readonly description?: string | undefined;

  /** Timeout of one attempt. */
  readonly timeoutMs?: number | undefined;

  /** The deadline: how soon a delivery should be delivered. */
  readonly deliverWithinS?: number | undefined;

  /** Default: ten attempts over 28 hours. */
  readonly retry?: RetryPolicyInput | undefined;

  /** Alert severity of a dead letter. */
  readonly deadLetterAlert?:
    | {
        /** `auto`: by the value, count and age of the dead letters. */
        readonly severity?: 'auto' | 'ticket' | 'page' | undefined;
      }
    | undefined;

  /** Objective of each endpoint that follows the template; null means none. */
  readonly slo?:
    | {
        /** Share delivered within the deadline. */
        readonly target: number;
        readonly windowDays?: number | undefined;
      }
    | null
    | undefined;
}

export interface TemplateList {
  readonly items: readonly Template[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

/** The objective that a template sets for one endpoint. */
export interface TemplateSlo {
  /** The id of the endpoint. */
  readonly name: string;
  readonly builtIn: true;

  /** The template that sets it. */
  readonly template: string;

  /** What has to hold: delivered within the deadline, or accounted for at all. */
  readonly objective: 'delivered_within' | 'accounted';

  /** 0.999 means that one in a thousand may miss its deadline. */
  readonly target: number;
  readonly windowDays: number;
  readonly eventTypes: readonly string[];
  readonly endpointIds: readonly string[];
  readonly producer: null;

  /** The owner of the endpoint. */
  readonly consumer: string | null;

  /** Present with `include=status`. For `accounted`, as the last reconciliation found it. */
  readonly status?: SloStatus;
}

export interface Tenant {
  readonly name: string;

  /** Equal for equal documents: detects changes without showing write-only fields. */
  readonly fingerprint: string;

  /** Human-readable. */
  readonly displayName: string;

  /** Your own data: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly limits: TenantLimits;

  /** When it was first declared; null if that was before times were kept. */
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
}

export interface TenantDocument {
  /** Human-readable. */
  readonly displayName?: string | undefined;

  /** Your own data: up to 50 texts of at most 512 characters. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly limits?:
    | {
        /** Maximum number of endpoints. Creating one more is refused with `tenant_limit`. */
        readonly endpoints?: number | null | undefined;

        /** Events that it may publish per second on each node, in bursts of up to one second. Beyond, publishing is refused with `too_many_events`. A batch is accepted whole if anything is left, and its excess is deducted before the next one. */
        readonly eventsPerS?: number | null | undefined;

        /** Pending deliveries at which publishing is refused with `too_many_pending`. Counted at most once per second: it can be exceeded by what one request adds, and by what other nodes accept within a second. */
        readonly pendingDeliveries?: number | null | undefined;
      }
    | undefined;
}

/** Null means no limit. */
export interface TenantLimits {
  /** Maximum number of endpoints. Creating one more is refused with `tenant_limit`. */
  readonly endpoints: number | null;

  /** Events that it may publish per second on each node, in bursts of up to one second. Beyond, publishing is refused with `too_many_events`. A batch is accepted whole if anything is left, and its excess is deducted before the next one. */
  readonly eventsPerS: number | null;

  /** Pending deliveries at which publishing is refused with `too_many_pending`. Counted at most once per second: it can be exceeded by what one request adds, and by what other nodes accept within a second. */
  readonly pendingDeliveries: number | null;
}

export interface TenantList {
  readonly items: readonly Tenant[];

  /** Cursor of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

/** Reshapes the data when an attempt is made. The published event does not change. Limited in time, memory and result size; a failure is retried like any other, and never sends the original data. */
export interface Transformation {
  readonly language: 'jsonata';

  /** JSONata over the data; `$event` has `id`, `type` and `timestamp`. */
  readonly expression: string;
}

export interface TransformationDryRun {
  readonly transformation: Transformation;

  /** Any JSON. Give either this or `eventId`. */
  readonly data?: unknown;

  /** Value of `$event.type`, with `data`. */
  readonly eventType?: string | undefined;

  /** Id of a stored event; requires a key that sees payloads in full. */
  readonly eventId?: string | undefined;

  /** Tenant of the event. Default: `default`. */
  readonly tenant?: string | undefined;
}

export interface TransformationOutcome {
  /** The data that would be sent; null if the expression fails. */
  readonly result: unknown;

  /** Why an attempt would fail; null if it would not. */
  readonly error: string | null;
}

export interface Value {
  /** Minor units; a string above 2^53. */
  readonly amountMinor: number | string;

  /** ISO 4217, uppercase. */
  readonly currency: string;
}

export interface WaitingFor {
  /** `attempt`: one is in progress. `due`: its first attempt; `retry`: the next one. `throttle`: the receiver asked for a pause (`Retry-After`). `circuit_breaker`: the receiver is failing and gets few attempts at a time. `orderingKey`: an earlier delivery of its key goes first. `dead_letter`: a dead letter of its key blocks it. `paused_endpoint`: its endpoint is paused. */
  readonly kind:
    | 'attempt'
    | 'due'
    | 'retry'
    | 'throttle'
    | 'circuit_breaker'
    | 'ordering_key'
    | 'dead_letter'
    | 'paused_endpoint';

  /** Null if it depends on something other than time. */
  readonly until: string | null;

  /** The delivery that goes first, or that blocks it. */
  readonly deliveryId: string | null;
}

export interface WeeklyMoney {
  readonly currency: string;

  /** Minor units; a string above 2^53. */
  readonly amountMinor: number | string;

  /** At 95%: lower and upper bound. */
  readonly interval: readonly [number, number];
}

/** What `events.get` takes. */
export interface EventsGetInput {
  /** Tenant of the event. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;

  /** Only its deliveries to these endpoints; not found if it has none. */
  readonly endpointId?: string | readonly string[] | undefined;
}

/** What `events.replay` takes. */
export type EventsReplayInput = ReplayRequest & {
  /** Tenant of the event. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
};

/** What `events.deleteData` takes. */
export interface EventsDeleteDataInput {
  /** Tenant of the event. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
}

/** What `events.list` takes. */
export interface EventsListInput {
  readonly tenant?: string | readonly string[] | undefined;
  readonly type?: string | readonly string[] | undefined;

  /** Events with a delivery to any of these. */
  readonly endpointId?: string | readonly string[] | undefined;
  readonly orderingKey?: string | readonly string[] | undefined;

  /** Events with any of these routing keys. */
  readonly routingKey?: string | readonly string[] | undefined;

  /** `true`: only events that no endpoint matched. `false`: only the others. */
  readonly unmatched?: 'true' | 'false' | undefined;

  /** Accepted at or after this time. */
  readonly since?: string | Date | undefined;

  /** Accepted before this time. */
  readonly until?: string | Date | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `attempts.list` takes. */
export interface AttemptsListInput {
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;
  readonly eventId?: string | readonly string[] | undefined;
  readonly eventType?: string | readonly string[] | undefined;

  /** Any of the routing keys of the event. */
  readonly routingKey?: string | readonly string[] | undefined;
  readonly outcome?:
    | 'delivered'
    | 'retry'
    | 'dead'
    | 'superseded'
    | readonly ('delivered' | 'retry' | 'dead' | 'superseded')[]
    | undefined;

  /** `none`: without a response. */
  readonly statusClass?:
    | '1xx'
    | '2xx'
    | '3xx'
    | '4xx'
    | '5xx'
    | 'none'
    | readonly ('1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'none')[]
    | undefined;

  /** Started at or after this time. */
  readonly since?: string | Date | undefined;

  /** Started before this time. */
  readonly until?: string | Date | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `search.find` takes. */
export interface SearchFindInput {
  readonly q: string;
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;
}

/** What `deliveries.list` takes. */
export interface DeliveriesListInput {
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;
  readonly eventId?: string | readonly string[] | undefined;
  readonly eventType?: string | readonly string[] | undefined;

  /** Any of the routing keys of the event. */
  readonly routingKey?: string | readonly string[] | undefined;
  readonly state?: DeliveryState | readonly DeliveryState[] | undefined;
  readonly errorClass?: ErrorClass | readonly ErrorClass[] | undefined;

  /** Created at or after this time. */
  readonly since?: string | Date | undefined;

  /** Created before this time. */
  readonly until?: string | Date | undefined;

  /** HTTP status of the last response. */
  readonly statusCode?: number | readonly number[] | undefined;

  /** Teams that own the endpoint. */
  readonly owner?: string | readonly string[] | undefined;

  /** Deliveries taken by this bulk redrive or replay, unless a later one took them over. */
  readonly redriveId?: string | readonly string[] | undefined;

  /** Id of the event; faster together with `tenant`. */
  readonly orderingKey?: string | readonly string[] | undefined;

  /** `true`: delivered after the deadline, or past it and still pending. `false`: all others. */
  readonly late?: 'true' | 'false' | undefined;

  /** Events worth at least this many minor units. Requires `currency`. */
  readonly minValue?: string | undefined;

  /** Currency of the event's value, ISO 4217. */
  readonly currency?: string | readonly string[] | undefined;

  /** Only deliveries that a dead letter of their ordering key blocks. */
  readonly blocked?: 'true' | undefined;

  /** Adds to each delivery what a table of deliveries shows of its event and its endpoint. */
  readonly include?: 'event' | 'endpoint' | readonly ('event' | 'endpoint')[] | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `deliveries.request` takes. */
export interface DeliveriesRequestInput {
  /** Number of an attempt. Default: the last one. */
  readonly attempt?: number | undefined;
}

/** What `blockedKeys.list` takes. */
export interface BlockedKeysListInput {
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
}

/** What `deadLetters.list` takes. */
export interface DeadLettersListInput {
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;

  /** Teams that own the endpoint. */
  readonly owner?: string | readonly string[] | undefined;

  /** `dead`, `suppressed` or both. Default: `dead`. */
  readonly state?: DroppedState | readonly DroppedState[] | undefined;

  /** Created at or after this time. */
  readonly since?: string | Date | undefined;

  /** Created before this time. */
  readonly until?: string | Date | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `endpoints.list` takes. */
export interface EndpointsListInput {
  readonly tenant?: string | readonly string[] | undefined;

  /** Only these endpoints, by id or name. */
  readonly endpointId?: string | readonly string[] | undefined;

  /** Only endpoints with this text in their id, name, URL, description or owner. */
  readonly q?: string | undefined;

  /** Only endpoints of these teams. */
  readonly owner?: string | readonly string[] | undefined;

  /** Only endpoints without an owner, or whose owner is not a declared team. */
  readonly unowned?: 'true' | undefined;
  readonly template?: string | readonly string[] | undefined;
  readonly state?:
    | 'failing'
    | 'slowed'
    | 'paused'
    | 'healthy'
    | 'idle'
    | readonly ('failing' | 'slowed' | 'paused' | 'healthy' | 'idle')[]
    | undefined;
  readonly include?: 'health' | readonly 'health'[] | undefined;

  /** `need`: those that need attention first, by state, dead letters and what waits. */
  readonly sort?: 'created' | 'name' | 'need' | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `endpoints.get` takes. */
export interface EndpointsGetInput {
  /** Tenant of the endpoint, if it is given by its name. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
}

/** What `endpoints.ensure` takes. */
export type EndpointsEnsureInput = NamedEndpointRequest & {
  readonly tenant?: string | undefined;

  /** Store nothing, and answer what would change. */
  readonly dryRun?: 'true' | undefined;
};

/** What `endpoints.update` takes. */
export type EndpointsUpdateInput = EndpointChange & {
  /** Tenant of the endpoint, if it is given by its name. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
};

/** What `endpoints.delete` takes. */
export interface EndpointsDeleteInput {
  /** Tenant of the endpoint, if it is given by its name. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
}

/** What `endpoints.pause` takes. */
export type EndpointsPauseInput = EndpointPause & {
  /** Tenant of the endpoint, if it is given by its name. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
};

/** What `endpoints.resume` takes. */
export interface EndpointsResumeInput {
  /** Tenant of the endpoint, if it is given by its name. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
}

/** What `endpoints.rotateSecret` takes. */
export type EndpointsRotateSecretInput = SecretRotation & {
  /** Tenant of the endpoint, if it is given by its name. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
};

/** What `endpoints.publicKeys` takes. */
export interface EndpointsPublicKeysInput {
  /** Tenant of the endpoint, if it is given by its name. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
}

/** What `endpoints.test` takes. */
export interface EndpointsTestInput {
  /** Tenant of the endpoint, if it is given by its name. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;

  /** How long to wait for the attempt. Default: the endpoint's timeout plus 2 s, at most 30 s. */
  readonly waitS?: number | undefined;
}

/** What `endpoints.health` takes. */
export interface EndpointsHealthInput {
  /** Tenant of the endpoint, if it is given by its name. Default: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
}

/** What `redrives.list` takes. */
export interface RedrivesListInput {
  /** Only redrives whose filter names tenants, all of them among these. */
  readonly tenant?: string | readonly string[] | undefined;

  /** Only redrives whose filter names endpoints, all of them among these. */
  readonly endpointId?: string | readonly string[] | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `replays.list` takes. */
export interface ReplaysListInput {
  /** Only replays whose filter names tenants, all of them among these. */
  readonly tenant?: string | readonly string[] | undefined;

  /** Only replays whose filter names endpoints, all of them among these. */
  readonly endpointId?: string | readonly string[] | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `accounting.get` takes. */
export interface AccountingGetInput {
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;

  /** Types, and trailing wildcards such as `payment.*`. */
  readonly eventType?: string | readonly string[] | undefined;

  /** Teams that own the endpoints. */
  readonly owner?: string | readonly string[] | undefined;
  readonly since?: string | Date | undefined;
  readonly until?: string | Date | undefined;

  /** Answer groups too, in pages. */
  readonly by?: 'endpoint' | 'event_type' | 'owner' | 'tenant' | 'hour' | 'day' | undefined;

  /** Groups of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
}

/** What `series.get` takes. */
export interface SeriesGetInput {
  readonly measure?: 'counts' | 'in_time' | 'failures' | 'latency' | undefined;

  /** `errorClass` (one of 18 classes) and `fault_domain` (who is at fault) are possible only with `failures`. */
  readonly by?: 'none' | 'endpoint' | 'owner' | 'event_type' | 'error_class' | 'fault_domain' | undefined;
  readonly step?: 'auto' | 'minute' | 'hour' | 'day' | undefined;

  /** Default: 24 hours before `until`. */
  readonly since?: string | Date | undefined;

  /** Default: now. */
  readonly until?: string | Date | undefined;
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;

  /** Types, and trailing wildcards such as `payment.*`. */
  readonly eventType?: string | readonly string[] | undefined;

  /** Teams that own the endpoints. */
  readonly owner?: string | readonly string[] | undefined;
}

/** What `stream.open` takes. */
export interface StreamOpenInput {
  /** `now`, `alerts`, `endpoint:{id}`, `delivery:{id}`, `redrive:{id}`. */
  readonly topics: string | readonly string[];

  /** For clients that cannot send the header `Last-Event-ID`. */
  readonly lastEventId?: string | undefined;
}

/** What `now.get` takes. */
export interface NowGetInput {
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;

  /** The window: what was accepted in this time. */
  readonly last?: '1h' | '24h' | '7d' | '30d' | undefined;
}

/** What `now.past` takes. */
export interface NowPastInput {
  /** The moment. */
  readonly at: string | Date;
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;

  /** The window: what was accepted in this time before the moment. */
  readonly last?: '1h' | '24h' | '7d' | undefined;
}

/** What `slos.history` takes. */
export interface SlosHistoryInput {
  /** How fine the steps may be at most. */
  readonly step?: 'minute' | 'hour' | 'day' | undefined;
}

/** What `slos.minutes` takes. */
export interface SlosMinutesInput {
  /** Default: the start of the window. */
  readonly since?: string | Date | undefined;

  /** Default: now. */
  readonly until?: string | Date | undefined;
}

/** What `conformance.get` takes. */
export interface ConformanceGetInput {
  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `nodes.list` takes. */
export interface NodesListInput {
  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `markers.list` takes. */
export interface MarkersListInput {
  /** Inclusive. */
  readonly since?: string | Date | undefined;

  /** Exclusive. */
  readonly until?: string | Date | undefined;

  /** `true`: only markers that Posthorn created. `false`: only the others. */
  readonly automatic?: 'true' | 'false' | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
}

/** What `impact.get` takes. */
export interface ImpactGetInput {
  /** When the change was made; replaces both windows. */
  readonly at?: string | Date | undefined;
  readonly beforeSince?: string | Date | undefined;
  readonly beforeUntil?: string | Date | undefined;
  readonly afterSince?: string | Date | undefined;
  readonly afterUntil?: string | Date | undefined;

  /** Only deliveries of this tenant. Default: all except Posthorn's own. */
  readonly tenant?: string | undefined;

  /** The objective of `budgetBurned`. */
  readonly target?: number | undefined;
  readonly format?: 'json' | 'markdown' | 'html' | undefined;
}

/** What `alerts.list` takes. */
export interface AlertsListInput {
  readonly state?:
    | 'pending'
    | 'firing'
    | 'resolved'
    | readonly ('pending' | 'firing' | 'resolved')[]
    | undefined;
  readonly severity?: 'page' | 'ticket' | readonly ('page' | 'ticket')[] | undefined;

  /** Alerts about endpoints of these tenants; excludes alerts about the whole system. */
  readonly tenant?: string | readonly string[] | undefined;

  /** Alerts about these endpoints. */
  readonly endpointId?: string | readonly string[] | undefined;

  /** Alerts about these objectives. */
  readonly slo?: string | readonly string[] | undefined;

  /** Alerts about what these teams own. */
  readonly owner?: string | readonly string[] | undefined;

  /** Alerts that were open at or after this time. */
  readonly since?: string | Date | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `alerts.acknowledge` takes. */
export type AlertsAcknowledgeInput = {
  /** A note for the next person who handles it. */
  readonly note?: string | undefined;

  /** In the future, at most 30 days from now. Default: until it is resolved. */
  readonly until?: string | Date | undefined;
};

/** What `channels.list` takes. */
export interface ChannelsListInput {
  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `teams.list` takes. */
export interface TeamsListInput {
  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `tenants.list` takes. */
export interface TenantsListInput {
  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `templates.list` takes. */
export interface TemplatesListInput {
  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `eventTypes.list` takes. */
export interface EventTypesListInput {
  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `slos.list` takes. */
export interface SlosListInput {
  /** `status`: adds the status of each objective on the page. */
  readonly include?: 'status' | readonly 'status'[] | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `keys.list` takes. */
export interface KeysListInput {
  readonly tenant?: string | readonly string[] | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `auditLog.list` takes. */
export interface AuditLogListInput {
  readonly tenant?: string | undefined;

  /** Id of the actor. */
  readonly actor?: string | undefined;
  readonly action?: string | undefined;

  /** Type of the target, such as `endpoint` or `key`. */
  readonly targetKind?: string | undefined;

  /** Id or name of the target. */
  readonly target?: string | undefined;

  /** At or after this time. */
  readonly since?: string | Date | undefined;

  /** Before this time. */
  readonly until?: string | Date | undefined;

  /** Maximum items per page. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `reconcile.runLines` takes beside the lines. */
export interface ReconcileRunLinesInput {
  /** The endpoint whose deliveries are compared, by id or name. */
  readonly endpointId: string;

  /** Tenant of an endpoint that is given by its name. Default: `default`. */
  readonly tenant?: string | undefined;

  /** Deliveries created at or after this time. */
  readonly since: string | Date;

  /** Deliveries created before this time. */
  readonly until: string | Date;

  /** `nextCursor` of the previous answer, with the same ids. */
  readonly cursor?: string | undefined;

  /** Maximum items of `missing`, and of `unexpected`, in an answer. */
  readonly limit?: number | undefined;
}
