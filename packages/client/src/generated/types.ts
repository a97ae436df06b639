// Generated from the operations table by `npm run generate`: do not edit.

export interface Accounting {
  /** What was counted; null: no bound. */
  readonly window: {
    readonly since: string | null;
    readonly until: string | null;

    /** To which bounds were rounded outward. */
    readonly resolution: 'hour' | 'day';
  };
  readonly events: number;

  /** Events that no endpoint subscribed to. */
  readonly unmatched: number;

  /** Deliveries; each is in exactly one of `delivered`, `pending`, `dead`, `cancelled`, `suppressed`. */
  readonly accepted: number;
  readonly delivered: number;
  readonly dead: number;
  readonly cancelled: number;
  readonly suppressed: number;

  /** Delivered after the deadline, or pending beyond it. */
  readonly late: number;

  /** Attempts whose outcome came after another one had settled the delivery. */
  readonly supersededAttempts: number;

  /** The share of `accepted` that is dead, suppressed or unaccounted. */
  readonly dropRate: number;
  readonly dropRateInterval: Interval;

  /** Null: nothing was attempted. */
  readonly firstAttemptSuccessRate: number | null;
  readonly pending: number;

  /** `accepted` minus the sum of all states. Anything but 0 is a defect, or tampering. */
  readonly unaccounted: number;

  /** Pending, and due for more than the grace that an attempt may wait. */
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

  /** From acceptance to delivery. */
  readonly latencyMs: {
    /** Upper bound of the quantile; null: nothing was delivered. */
    readonly p50: number | null;

    /** Upper bound of the quantile; null: nothing was delivered. */
    readonly p95: number | null;

    /** Upper bound of the quantile; null: nothing was delivered. */
    readonly p99: number | null;
  };

  /** Of the events with a dead or suppressed delivery, by currency. */
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
  /** With `by=endpoint`: its id. */
  readonly endpoint?: string;
  readonly eventType?: string;

  /** With `by=owner`: a team; null: no owner. */
  readonly owner?: string | null;
  readonly tenant?: string;

  /** With `by=hour`: when the hour begins. */
  readonly hour?: string;

  /** With `by=day`: when the day begins (UTC). */
  readonly day?: string;
  readonly accepted: number;
  readonly delivered: number;
  readonly dead: number;
  readonly cancelled: number;
  readonly suppressed: number;

  /** Delivered after the deadline. */
  readonly late: number;

  /** Attempts whose outcome came after another one had settled the delivery. */
  readonly supersededAttempts: number;

  /** The share of `accepted` that is dead, suppressed or unaccounted. */
  readonly dropRate: number;
  readonly dropRateInterval: Interval;

  /** Null: nothing was attempted. */
  readonly firstAttemptSuccessRate: number | null;
}

export interface Alert {
  readonly id: string;

  /** What was evaluated, such as `dead_letters`. */
  readonly rule: string;
  readonly severity: 'page' | 'ticket';

  /** `pending`: true, and not yet for long enough to notify. `resolved`: no longer true. */
  readonly state: 'pending' | 'firing' | 'resolved';

  /** What the rule found it in, such as an endpoint and a failure class. */
  readonly group: string;

  /** When it became true. */
  readonly since: string;
  readonly resolvedAt: string | null;
  readonly acknowledgedAt: string | null;

  /** The name of the key, or of whoever signed in. */
  readonly acknowledgedBy: string | null;

  /** Then it is notified again; null: until it is over. */
  readonly acknowledgedUntil: string | null;

  /** What was said when it was acknowledged. */
  readonly note: string | null;
  readonly summary: string;

  /** Counts, ids, the value at risk and the next step; which of them depends on the rule. */
  readonly evidence: Readonly<Record<string, unknown>>;

  /** The team that owns what is wrong; null: none is known. */
  readonly owner: string | null;

  /** Who was notified of it, the oldest first; the last 20. Empty for keys that are bound to a tenant. */
  readonly notified: readonly AlertNotified[];
}

export interface AlertList {
  readonly items: readonly Alert[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface AlertMessage {
  readonly event: 'alert';

  /** Of the message: the header `Last-Event-ID` of a new connection that is to go on from here. */
  readonly id: string | null;
  readonly data: Alert;
}

export interface AlertNotified {
  /** Null: nobody owns it, or whoever does has no channel, so every channel was notified. */
  readonly team: string | null;
  readonly channel: string;

  /** When it was accepted for delivery. */
  readonly at: string;
  readonly says: 'firing' | 'resolved';

  /** Of the tenant `posthorn`; null: it is deleted already. */
  readonly deliveryId: string | null;
  readonly state: 'pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed' | null;

  /** When the channel took it. */
  readonly deliveredAt: string | null;
}

export interface Attempt {
  /** The number of its claim: counts from 1, over all schedules of the delivery. One that is missing is a claim that never reported. */
  readonly n: number;
  readonly startedAt: string;
  readonly durationMs: number;

  /** Until when its claim lasted: an outcome after that may be superseded. Null: it was not kept. */
  readonly leaseUntil: string | null;

  /** Of the response; null: there was none. */
  readonly statusCode: number | null;

  /** `superseded`: settled when the delivery was no longer its own, so it changed nothing. */
  readonly outcome: 'delivered' | 'retry' | 'dead' | 'superseded';

  /** Null: it delivered. */
  readonly errorClass:
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
    | 'secrets'
    | null;
  readonly message: string | null;

  /** The beginning of the response body; null also if the key sees no payloads. */
  readonly responseExcerpt: string | null;

  /** The first 20, at most 4 KiB; of failures and of a sample of successes. Null: not kept, or the key sees no payloads. */
  readonly responseHeaders: readonly Header[] | null;

  /** That was connected to, or tried last; null: none, or it was not kept. */
  readonly address: string | null;

  /** How long the phases took; a null phase did not happen. Null: not kept. */
  readonly phasesMs: AttemptPhases | null;

  /** The retry clock, an operator, or a redrive in bulk. */
  readonly trigger: 'schedule' | 'manual' | 'redrive';

  /** The process that made it; null: the portal does not show it. */
  readonly node: string | null;
}

export interface AttemptList {
  /** How far the search has come, in time; null: to the end, so there are no more. */
  readonly searchedTo: string | null;

  /** Rows that this call has looked at; null if the key is bound to a tenant: they are of all tenants. */
  readonly rowsRead: number | null;
  readonly items: readonly ListedAttempt[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface AttemptPhases {
  /** Of the name. */
  readonly lookup: number | null;
  readonly connect: number | null;

  /** Until the proxy had connected; null also for a portal. */
  readonly proxy: number | null;

  /** Of the handshake. */
  readonly tls: number | null;

  /** From the request to the first byte of the answer. */
  readonly firstByte: number | null;
}

export interface AuditEntry {
  /** Counts from 1 without a gap; retention takes the lowest. */
  readonly sequence: number;

  /** Of the form of an entry, which its hash covers. */
  readonly version: 1;
  readonly at: string;

  /** Who did it. `engine`: Posthorn by itself; `library`: the application that embeds it. */
  readonly actor: {
    readonly kind: 'key' | 'session' | 'portal' | 'library' | 'cli' | 'engine';
    readonly id: string;
    readonly name: string;
  };

  /** The id of the operation, such as `endpoints.update`. */
  readonly action: string;
  readonly target: { readonly kind: string; readonly id: string };

  /** The tenant that the target belongs to; null: none, or several. */
  readonly tenant: string | null;

  /** The target as answers showed it, without what is write-only, or the part that matters; null: it was not there. What is longer than 16,384 characters is replaced by `{"cut_characters": …}`. */
  readonly before: unknown;

  /** The same as it is since; null: it is not there any more. */
  readonly after: unknown;

  /** The request's address; null: this process. */
  readonly from: string | null;
  readonly requestId: string | null;

  /** The hash of the entry before. */
  readonly previousHash: string;

  /** SHA-256, hexadecimal, of this entry without `hash` and `seal`, as JSON with sorted keys and no spaces (RFC 8785). */
  readonly hash: string;

  /** HMAC-SHA-256 of the hash, with a key of the server's; null: it had none. */
  readonly seal: string | null;
}

export interface AuditEntryList {
  readonly items: readonly AuditEntry[];

  /** Of the next page; null: this is the last. */
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

  /** The first dead letter of the key: redrive it, or cancel it to go on without it. */
  readonly blockedBy: string;

  /** Of the dead letter. */
  readonly eventId: string;
  readonly eventType: string;

  /** Of its last attempt. */
  readonly errorClass:
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
    | 'secrets'
    | null;

  /** Why it is dead. */
  readonly reason: string;

  /** When it became a dead letter. */
  readonly since: string;

  /** Deliveries that it holds; up to 1,000 are counted. */
  readonly waiting: number;
}

export interface BlockedKeyList {
  readonly items: readonly BlockedKey[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface BulkReplay {
  readonly id: string;
  readonly name: string | null;
  readonly by: JobActor;
  readonly state: 'running' | 'done' | 'stopped';

  /** Why it is `stopped`. `asked`: an operator stopped it. `failing`: it stopped itself, because the first 20 deliveries all failed again. */
  readonly stopReason: 'asked' | 'failing' | null;

  /** How many the filter matched when it was created. */
  readonly matched: number;

  /** Not taken: changed or deleted since, or without an endpoint. */
  readonly skipped: number;
  readonly outcome: JobOutcome;

  /** Of what matched, by currency. */
  readonly value: readonly Money[];

  /** When the oldest of what matched was created. */
  readonly oldestAt: string | null;
  readonly newestAt: string | null;

  /** Ordering keys whose later deliveries wait until these are delivered; counted up to 100,000. */
  readonly keysHeld: number;

  /** How many endpoints have any of what matched. */
  readonly endpoints: number;

  /** The 100 endpoints with the most. */
  readonly byEndpoint: readonly JobEndpoint[];
  readonly filter: {
    readonly tenant?: readonly string[];
    readonly endpointId?: readonly string[];
    readonly eventId?: readonly string[];
    readonly eventType?: readonly string[];
    readonly state?: readonly ('pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed')[];
    readonly errorClass?: readonly (
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
      | 'secrets'
    )[];
    readonly statusCode?: readonly number[];

    /** Created at this time or later. */
    readonly since?: string;

    /** Created before this time. */
    readonly until?: string;
  };
  readonly dryRun: boolean;
  readonly ratePerS: number | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;

  /** The endpoint that gets the events; null: each goes to its own. */
  readonly endpointId: string | null;

  /** New deliveries so far. */
  readonly replayed: number;
}

export interface BulkReplayChange {
  /** Deliveries a second, over all of it; null: as fast as the store allows. */
  readonly ratePerS?: number | null | undefined;
  readonly name?: string | null | undefined;
}

export interface BulkReplayList {
  readonly items: readonly BulkReplay[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface BulkReplayRequest {
  /** Which deliveries, by any of the values of each field, in whatever state. With `endpointId` beside it: which events, and those without any delivery too unless it names endpoints, states or failures. */
  readonly filter: {
    readonly tenant?: string | readonly string[] | undefined;
    readonly endpointId?: string | readonly string[] | undefined;
    readonly eventType?: string | readonly string[] | undefined;
    readonly errorClass?:
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
      | 'secrets'
      | readonly (
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
          | 'secrets'
        )[]
      | undefined;

    /** Of the last attempt's answer. */
    readonly statusCode?: number | readonly number[] | undefined;

    /** Created at this time or later. */
    readonly since?: string | Date | undefined;

    /** Created before this time. */
    readonly until?: string | Date | undefined;
    readonly eventId?: string | readonly string[] | undefined;
    readonly state?:
      | 'pending'
      | 'delivered'
      | 'dead'
      | 'cancelled'
      | 'suppressed'
      | readonly ('pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed')[]
      | undefined;
  };

  /** Deliver each event once to this endpoint (its id or name), whatever it subscribes to and filters. If left out, each delivery is made again at its own endpoint. */
  readonly endpointId?: string | undefined;

  /** Deliveries a second, over all of it; null: as fast as the store allows. */
  readonly ratePerS?: number | null | undefined;
  readonly name?: string | undefined;

  /** Count what would be done, and do nothing. */
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

  /** 1: the budget lasts exactly as long as the window of the objective. */
  readonly rateLong: number;
  readonly rateShort: number;

  /** How long the budget lasts at `rateLong`; null: nothing of it is spent. */
  readonly lastsS: number | null;
  readonly firing: boolean;
}

export interface CancelRequest {
  /** Kept with the delivery. */
  readonly reason: string;
}

/** URLs, routing keys and mail servers are write-only. */
export interface Channel {
  readonly name: string;
  readonly kind: 'slack' | 'pagerduty' | 'alertmanager' | 'webhook' | 'email';

  /** Notifications are deliveries to this endpoint, of the tenant `posthorn`. */
  readonly endpointId: string;

  /** The same for the same document: tells whether it changed without showing what is write-only. */
  readonly fingerprint: string;

  /** Of its URL or mail server, unless the kind says it. */
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

      /** Without it: https://events.pagerduty.com/v2/enqueue. */
      readonly url?: string | undefined;
    }
  | {
      readonly kind: 'alertmanager';

      /** Takes webhooks of version 4. */
      readonly url: string;
    }
  | {
      readonly kind: 'webhook';

      /** Gets the alert as the API has it. */
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

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface ChannelTest {
  readonly channel: string;
  readonly kind: 'slack' | 'pagerduty' | 'alertmanager' | 'webhook' | 'email';

  /** Of the tenant `posthorn`. */
  readonly deliveryId: string;

  /** `no_answer`: no attempt has ended within the timeout, or the channel is paused. */
  readonly result: 'delivered' | 'failed' | 'no_answer';
  readonly sentAt: string;
  readonly durationMs: number | null;

  /** What the channel answered; null: it did not. */
  readonly statusCode: number | null;
  readonly errorClass:
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
    | 'secrets'
    | null;
  readonly message: string | null;

  /** The beginning of what it answered; null also if the key sees no payloads. */
  readonly responseExcerpt: string | null;
}

export interface Claim {
  readonly n: number;

  /** Null: the portal does not show it. */
  readonly node: string | null;

  /** If nothing is heard of it by then, the delivery is claimed again. */
  readonly leaseUntil: string;
}

export interface Clock {
  /** `jumped`: by a minute or more in the last hour. `doubted`: nothing is deleted by it yet. */
  readonly state: 'ok' | 'jumped' | 'doubted';
  readonly jumpedAt?: string;
  readonly jumpedByS?: number;

  /** How far it is ahead of the time that deletion and expiry go by. */
  readonly aheadOfLivedTimeS?: number;

  /** How long it still has to hold its course. */
  readonly believedInS?: number;
}

export interface Conformance {
  /** Endpoints, and event types that are declared or were published in the last 30 days. */
  readonly total: number;
  readonly conforming: number;
  readonly items: readonly NonConforming[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface DeadLetterGroup {
  /** The same for as long as there are such deliveries; for snoozing. */
  readonly groupId: string;
  readonly state: 'dead' | 'suppressed';
  readonly endpointId: string;
  readonly endpointName: string | null;

  /** Of the endpoint's URL, with the port. */
  readonly host: string;

  /** The team that owns the endpoint. */
  readonly owner: string | null;

  /** False: the endpoint is paused, so what is redriven waits for its resume. */
  readonly enabled: boolean;

  /** The endpoint is deleted: nothing can deliver these. */
  readonly deleted: boolean;

  /** Of the last attempt; null: there was none. */
  readonly errorClass:
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
    | 'secrets'
    | null;

  /** Of the last attempt's answer; null: there was none. */
  readonly statusCode: number | null;

  /** What most of the newest 1,000 say: the first line of the answer, else why the attempt failed, without ids and numbers. */
  readonly message: string | null;
  readonly count: number;

  /** The endpoint has more than one call reads: count, worth and times are of the newest. */
  readonly partial: boolean;

  /** Ordering keys that they block (`on_dead: block`). */
  readonly blockedKeys: number;

  /** When the oldest of them ended. */
  readonly oldestAt: string;

  /** When the newest of them ended. */
  readonly newestAt: string;

  /** When retention deletes the first of them; null: it deletes none, because they block keys. */
  readonly deletedFrom: string | null;

  /** The newest of them. */
  readonly sampleId: string;

  /** What their events are worth, by currency. */
  readonly valueAtRisk: readonly Money[];
  readonly recovered: Recovery;
  readonly snoozedUntil: string | null;
  readonly snooze: DeadLetterSnooze;
}

export interface DeadLetterList {
  /** Deliveries that this call has read. */
  readonly rowsRead: number;

  /** False: there are more than one call reads; narrow it by endpoint, owner or tenant. */
  readonly complete: boolean;
  readonly items: readonly DeadLetterGroup[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export type DeadLetterSnooze = {
  /** It ends sooner if the group has so many. */
  readonly untilCount: number | null;
  readonly reason: string;

  /** Who snoozed it. */
  readonly by: string;
  readonly at: string;
} | null;

export interface DeclaredSlo {
  readonly name: string;
  readonly builtIn: false;

  /** The same for the same document: tells whether it changed without showing what is write-only. */
  readonly fingerprint: string;
  readonly description: string;

  /** What has to hold: delivered within the deadline, or accounted for at all. */
  readonly objective: 'delivered_within' | 'accounted';

  /** 0.999: one in a thousand may miss its deadline. */
  readonly target: number;
  readonly windowDays: number;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes: readonly string[];

  /** Only deliveries of this tenant. */
  readonly tenant?: string;

  /** Only these endpoints; empty: all. */
  readonly endpointIds: readonly string[];

  /** The team that sends. */
  readonly producer: string;

  /** The team that receives. */
  readonly consumer: string;

  /** With `include=status`. Whether everything is accounted for is as the last reconciliation found it. */
  readonly status?: SloStatus;
}

export interface Delivery {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly tenant: string;
  readonly endpointId: string;

  /** Only `pending` moves by itself. */
  readonly state: 'pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed';

  /** Attempts that were made. */
  readonly attemptCount: number;

  /** When a pending delivery is attempted next, or claimed again if its attempt never ends. */
  readonly dueAt: string | null;
  readonly createdAt: string;

  /** When it left `pending`. */
  readonly settledAt: string | null;

  /** Why it is in its state: `delivered`, `schedule_exhausted`, `too_old`, `gone`, `corrupt`, `endpoint_paused`, `endpoint_deleted`, or `cancelled: …` with what the operator said. */
  readonly reason: string | null;

  /** Of the last attempt, if it failed. */
  readonly lastError: {
    readonly class:
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

    /** Of the response; null: there was none. */
    readonly statusCode: number | null;
    readonly message: string | null;
  } | null;

  /** The dead letter of its ordering key that holds it (`on_dead: block`); null: none does. */
  readonly blockedBy: string | null;
}

export interface DeliveryDetails {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly tenant: string;
  readonly endpointId: string;

  /** Only `pending` moves by itself. */
  readonly state: 'pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed';

  /** Attempts that were made. */
  readonly attemptCount: number;

  /** When a pending delivery is attempted next, or claimed again if its attempt never ends. */
  readonly dueAt: string | null;
  readonly createdAt: string;

  /** When it left `pending`. */
  readonly settledAt: string | null;

  /** Why it is in its state: `delivered`, `schedule_exhausted`, `too_old`, `gone`, `corrupt`, `endpoint_paused`, `endpoint_deleted`, or `cancelled: …` with what the operator said. */
  readonly reason: string | null;

  /** Of the last attempt, if it failed. */
  readonly lastError: {
    readonly class:
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

    /** Of the response; null: there was none. */
    readonly statusCode: number | null;
    readonly message: string | null;
  } | null;

  /** The dead letter of its ordering key that holds it (`on_dead: block`); null: none does. */
  readonly blockedBy: string | null;

  /** By when it ought to be delivered, by what its endpoint promises now (`deliverWithinS`). */
  readonly deadlineAt: string;

  /** Delivered after its deadline, or past it and still pending. */
  readonly late: boolean;

  /** Of the event. */
  readonly value: Value | null;
  readonly event: DeliveryEvent;
  readonly endpoint: DeliveryEndpoint;

  /** How often it was claimed for an attempt: those without an attempt of that number never reported. */
  readonly claims: number;

  /** Of the attempt that is under way; null: none is. */
  readonly claim: Claim | null;

  /** What a pending delivery waits for; null: it is not pending. */
  readonly waitingFor: WaitingFor | null;

  /** Attempts to be expected if all fail, the first 20; after the last one it is a dead letter. */
  readonly nextAttempts: readonly ExpectedAttempt[];

  /** By an operator, one by one, the oldest first: the last 50. */
  readonly redrives: readonly DeliveryRedrive[];

  /** Oldest first. */
  readonly attempts: readonly Attempt[];
}

export interface DeliveryEndpoint {
  readonly name: string | null;

  /** Of its URL, with the port. */
  readonly host: string;

  /** The team that owns it; null also for a portal. */
  readonly owner: string | null;
  readonly enabled: boolean;
  readonly deleted: boolean;
}

export interface DeliveryEvent {
  readonly acceptedAt: string;
  readonly occurredAt: string | null;
  readonly orderingKey: string | null;
  readonly value: Value | null;
}

export interface DeliveryList {
  /** How far the search has come, in time; null: to the end, so there are no more. */
  readonly searchedTo: string | null;

  /** Rows that this call has looked at; null if the key is bound to a tenant: they are of all tenants. */
  readonly rowsRead: number | null;
  readonly items: readonly ListedDelivery[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface DeliveryMessage {
  readonly event: 'delivery';

  /** Of the message: the header `Last-Event-ID` of a new connection that is to go on from here. */
  readonly id: string | null;
  readonly data: DeliveryDetails;
}

export interface DeliveryRedrive {
  readonly at: string;

  /** The name of the key; null if the key that asks is bound to a tenant. */
  readonly by: string | null;
}

export interface DeliveryRequest {
  /** Whose request it is; of a delivery without attempts the first one. */
  readonly attempt: number;

  /** When that attempt began; null: it has not. */
  readonly sentAt: string | null;

  /** The endpoint was changed after the attempt began: URL, headers and the form of the body are as they are now. */
  readonly changedSince: boolean;
  readonly method: 'POST';
  readonly url: string;

  /** In their order. Signatures, credentials and values of your own headers are not shown; `traceparent` is not kept. */
  readonly headers: readonly Header[];

  /** Byte for byte, if `payloads` is `full`. Null: the key sees no payloads, or the expression of the endpoint gives no body. */
  readonly body: string | null;

  /** Null: the expression of the endpoint gives no body. */
  readonly bodyBytes: number | null;

  /** How much of the body the key may see. */
  readonly payloads: 'none' | 'masked' | 'full';
}

export interface Endpoint {
  readonly id: string;
  readonly name: string | null;
  readonly tenant: string;

  /** Of a notification channel only the host. */
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly template: string | null;
  readonly templateVersion: number | null;

  /** What it says itself, whatever its template says. */
  readonly overrides: readonly ('timeout_ms' | 'deliver_within_s' | 'retry')[];

  /** The names; values are write-only. */
  readonly headers: Readonly<Record<string, null>>;

  /** Secrets are null. */
  readonly auth: ShownEndpointAuth | null;
  readonly tls: ShownEndpointTls | null;

  /** Without its password. */
  readonly proxy: string | null;

  /** What the certificates of `tls`, and that of the receiver, say of themselves. */
  readonly certificates: readonly EndpointCertificate[];
  readonly timeoutMs: number;
  readonly maxInFlight: number;
  readonly rateLimitPerS: number | null;
  readonly ordering: 'none' | 'key';
  readonly onDead: 'skip' | 'block';

  /** Ordering keys that a dead letter blocks (`on_dead: block`); up to 1,000 are counted. */
  readonly blockedKeys: number;
  readonly filter: Filter | null;
  readonly transformation: Transformation | null;
  readonly retry: RetryPolicy;
  readonly deliverWithinS: number;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: the data of the event alone, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body: 'envelope' | 'data';

  /** `v1`: HMAC by the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. Both: two signatures in `webhook-signature`. */
  readonly signatures: readonly ('v1' | 'v1a')[];

  /** Where its public keys are published for everybody: `/.well-known/posthorn/public-keys/{set}`. Null: it never signed with `v1a`. */
  readonly keySet: string | null;

  /** Your own data, for your own use: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;

  /** Why its secrets cannot be opened: nothing is sent until the key is back, or until the secret and the headers are set again. */
  readonly secretsError: string | null;
  readonly disableAfterS: number | null;

  /** The first failure since the last success, if `disableAfterS` is set; null: none. */
  readonly failingSince: string | null;

  /** From then on the next failed attempt pauses the endpoint, unless one succeeds before; null: none does. */
  readonly disablesAt: string | null;
  readonly enabled: boolean;

  /** What an operator gave; `gone`: the receiver answered 410; `failing`: see `disableAfterS`. */
  readonly pausedReason: string | null;

  /** Open after 20 failed attempts in a row: until the next success a sixteenth of `maxInFlight` is tried at once. */
  readonly breaker: { readonly state: 'closed' | 'open'; readonly since: string | null };

  /** Of the attempts at its URL; written every 5 s at most. */
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The receiver asked for no requests until then (Retry-After). */
  readonly throttledUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export type EndpointAuth =
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'bearer'; readonly token: string }
  | {
      readonly type: 'oauth2_client_credentials';

      /** Of the token server. The address guard checks it as it does any receiver. */
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

      /** Of the token server. The address guard checks it as it does any receiver. */
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: string | null;
      readonly scope?: string | null | undefined;
      readonly audience?: string | null | undefined;

      /** Where the client's credentials are sent: in the header `authorization`, or in the body. */
      readonly authMethod?: 'basic' | 'body' | undefined;
    };

export interface EndpointCertificate {
  /** Presented to the receiver, trusted, or what the receiver presented last. */
  readonly use: 'client' | 'ca' | 'server';
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: string;

  /** An alert says so 30, 7 and 1 days before a client certificate expires, and 7 and 1 before that of the receiver. */
  readonly notAfter: string;

  /** SHA-256. */
  readonly fingerprint: string;
}

export interface EndpointChange {
  /** The caller's own, unique in its tenant. */
  readonly name?: string | null | undefined;

  /** An http or https URL without credentials and fragment. */
  readonly url?: string | undefined;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes?: readonly string[] | undefined;
  readonly description?: string | null | undefined;

  /** The team that receives, and is notified of its dead letters. */
  readonly owner?: string | null | undefined;

  /** The delivery policy that it follows. */
  readonly template?: string | null | undefined;

  /** All of them; null keeps the stored value, which answers do not show. */
  readonly headers?: Readonly<Record<string, string | null>> | undefined;

  /** Of one attempt. Null: as the template says. */
  readonly timeoutMs?: number | null | undefined;

  /** Attempts at once. */
  readonly maxInFlight?: number | undefined;

  /** Attempts a second; null: no limit. One second's attempts may begin at once. Nodes that share a database share it. */
  readonly rateLimitPerS?: number | null | undefined;

  /** `key`: events of one ordering key one after the other. */
  readonly ordering?: 'none' | 'key' | undefined;

  /** What a dead letter means to later deliveries of its ordering key. `skip`: they go on without it. `block`, only with the ordering `key`: they are held until it is redriven and delivered, or cancelled. */
  readonly onDead?: 'skip' | 'block' | undefined;

  /** Which events it gets, by their data; null: all that it subscribes to. */
  readonly filter?: Filter | null | undefined;
  readonly transformation?: Transformation | null | undefined;

  /** Null: as the template says. */
  readonly retry?: RetryPolicyInput | null | undefined;

  /** The deadline. Null: as the template says. */
  readonly deliverWithinS?: number | null | undefined;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: the data of the event alone, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body?: 'envelope' | 'data' | undefined;

  /** `v1`: HMAC by the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. Both: two signatures in `webhook-signature`. */
  readonly signatures?: readonly ('v1' | 'v1a')[] | undefined;

  /** Your own data, for your own use: up to 50 texts of at most 512 characters. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;

  /** The endpoint is paused (`paused_reason: failing`) when every attempt has failed for so long, at least 5 of them; null: never. */
  readonly disableAfterS?: number | null | undefined;

  /** A disabled endpoint gets nothing; its deliveries are suppressed. */
  readonly enabled?: boolean | undefined;

  /** Credentials of every request. `basic`, `bearer`: sent as they are. `oauth2_client_credentials`: a bearer token, fetched from `tokenUrl`, kept until shortly before it expires, and renewed once after a 401. Not together with a header `authorization`. Secrets are write-only. Null keeps the stored one, if the type is the same. */
  readonly auth?: EndpointAuthChange | null | undefined;

  /** How the connection is secured; for `https` URLs only. Another setting ends the connections of the former. */
  readonly tls?: EndpointTls | null | undefined;
  readonly proxy?: string | null | undefined;
}

export interface EndpointCheck {
  readonly url: string;
}

export interface EndpointCheckAnswer {
  /** As it would be stored; null: it is refused. */
  readonly url: string | null;

  /** What is wrong with it; null: nothing. */
  readonly fault: string | null;
}

export interface EndpointDiagnosis {
  /** What it found, such as `timeout` or `paused`. */
  readonly rule: string;

  /** `act`: somebody has to do something. */
  readonly level: 'ok' | 'watch' | 'act';
  readonly sentence: string;
  readonly nextStep: string | null;
}

export interface EndpointHealth {
  /** `failing`: every attempt since the last success failed. `slowed`: the receiver asked for time, or the breaker is open. `idle`: nothing was sent yet. */
  readonly state: 'failing' | 'slowed' | 'paused' | 'healthy' | 'idle';

  /** Why it is not healthy, and its limits, in a few words; null: nothing is to be said. */
  readonly note: string | null;

  /** Whole clock hours of acceptance. */
  readonly window: { readonly since: string; readonly until: string };
  readonly inTime: InTime;

  /** Deliveries accepted a second, in this clock hour and the one before. */
  readonly ratePerS: number;

  /** From acceptance to delivery, of this clock hour and the one before, else of the window. */
  readonly p99Ms: number | null;
  readonly pending: number;

  /** The earliest due time of what is pending. */
  readonly oldestDueAt: string | null;

  /** Dead letters that retention has not taken. */
  readonly dead: number;
  readonly suppressed: number;

  /** Of the dead letters, by currency. */
  readonly worth: readonly Money[];

  /** Whether `worth` is of all dead letters; always true. */
  readonly worthComplete: boolean;
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The first failure since the last success. */
  readonly failingSince: string | null;

  /** At least so many attempts have failed since the last success. */
  readonly failuresInARow: number;

  /** Of the last failed attempt; null: none failed. */
  readonly lastError: {
    readonly class:
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
    readonly statusCode: number | null;
  } | null;

  /** By the hour of acceptance, oldest first. */
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
  readonly waiting: {
    /** Pending deliveries, by the counters. */
    readonly count: number;

    /** Those with an attempt under way. */
    readonly underWay: number;
    readonly nextAttemptAt: string | null;

    /** Before this no pending delivery becomes a dead letter; null: nothing is pending, or it cannot be said. */
    readonly nothingLostUntil: string | null;
    readonly byAttempts: readonly {
      /** Of the running schedule. */
      readonly attempts: number;
      readonly count: number;
    }[];

    /** False: more is pending than was read for this. */
    readonly complete: boolean;
  };

  /** Pending deliveries by when they are due; one that is under way is due when its lease ends. */
  readonly due: readonly {
    /** Null: overdue ones. */
    readonly since: string | null;

    /** Null: no end. */
    readonly until: string | null;
    readonly count: number;

    /** There are more than were counted. */
    readonly atLeast: boolean;
  }[];

  /** Of deliveries accepted since then. */
  readonly failures: {
    readonly since: string;
    readonly byClass: readonly {
      readonly class:
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
      readonly fault: 'sender' | 'receiver';

      /** Failed attempts. */
      readonly count: number;
      readonly eventTypes: readonly { readonly eventType: string; readonly count: number }[];

      /** The newest known; null: its delivery has ended well. */
      readonly last: FailedAttempt | null;
    }[];
  };

  /** Last attempts of dead letters and of deliveries that wait for a retry, newest first. */
  readonly errors: readonly FailedAttempt[];
}

export interface EndpointList {
  readonly items: readonly ListedEndpoint[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface EndpointMessage {
  readonly event: 'endpoint';

  /** Of the message: the header `Last-Event-ID` of a new connection that is to go on from here. */
  readonly id: string | null;
  readonly data: Endpoint;
}

export interface EndpointPause {
  readonly reason?: string | undefined;
}

export interface EndpointRequest {
  /** If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;

  /** The caller's own, unique in its tenant. */
  readonly name?: string | null | undefined;

  /** An http or https URL without credentials and fragment. */
  readonly url: string;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes?: readonly string[] | undefined;
  readonly description?: string | null | undefined;

  /** The team that receives, and is notified of its dead letters. */
  readonly owner?: string | null | undefined;

  /** The delivery policy that it follows. */
  readonly template?: string | null | undefined;

  /** Sent with every request. Values are write-only. */
  readonly headers?: Readonly<Record<string, string>> | undefined;

  /** Of one attempt. Null: as the template says. */
  readonly timeoutMs?: number | null | undefined;

  /** Attempts at once. */
  readonly maxInFlight?: number | undefined;

  /** Attempts a second; null: no limit. One second's attempts may begin at once. Nodes that share a database share it. */
  readonly rateLimitPerS?: number | null | undefined;

  /** `key`: events of one ordering key one after the other. */
  readonly ordering?: 'none' | 'key' | undefined;

  /** What a dead letter means to later deliveries of its ordering key. `skip`: they go on without it. `block`, only with the ordering `key`: they are held until it is redriven and delivered, or cancelled. */
  readonly onDead?: 'skip' | 'block' | undefined;

  /** Which events it gets, by their data; null: all that it subscribes to. */
  readonly filter?: Filter | null | undefined;
  readonly transformation?: Transformation | null | undefined;

  /** Null: as the template says. */
  readonly retry?: RetryPolicyInput | null | undefined;

  /** The deadline. Null: as the template says. */
  readonly deliverWithinS?: number | null | undefined;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: the data of the event alone, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body?: 'envelope' | 'data' | undefined;

  /** `v1`: HMAC by the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. Both: two signatures in `webhook-signature`. */
  readonly signatures?: readonly ('v1' | 'v1a')[] | undefined;

  /** Your own data, for your own use: up to 50 texts of at most 512 characters. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;

  /** The endpoint is paused (`paused_reason: failing`) when every attempt has failed for so long, at least 5 of them; null: never. */
  readonly disableAfterS?: number | null | undefined;

  /** A disabled endpoint gets nothing; its deliveries are suppressed. */
  readonly enabled?: boolean | undefined;

  /** Credentials of every request. `basic`, `bearer`: sent as they are. `oauth2_client_credentials`: a bearer token, fetched from `tokenUrl`, kept until shortly before it expires, and renewed once after a 401. Not together with a header `authorization`. Secrets are write-only. */
  readonly auth?: EndpointAuth | null | undefined;

  /** How the connection is secured; for `https` URLs only. Another setting ends the connections of the former. */
  readonly tls?: EndpointTls | null | undefined;
  readonly proxy?: string | null | undefined;

  /** `whsec_…`; made if it is left out. Write-only. */
  readonly secret?: string | undefined;
}

export interface EndpointTest {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;

  /** When it was committed to disk. */
  readonly acceptedAt: string;

  /** Deliveries that were created. */
  readonly deliveries: number;

  /** How many of them are suppressed, because their endpoint is disabled. */
  readonly suppressed: number;

  /** No endpoint takes it: none subscribes to its type, or their filters exclude it. */
  readonly unmatched: boolean;

  /** Accepted before: this is the receipt of then, and nothing was created. */
  readonly duplicate: boolean;
  readonly deliveryId: string;

  /** Null: none was made in time, or the endpoint is paused. The delivery goes on by itself. */
  readonly attempt: Attempt | null;
}

export interface EndpointTls {
  /** PEM: the certificate that Posthorn presents, its chain behind it. */
  readonly clientCertificate?: string | null | undefined;

  /** PEM, without a passphrase. Write-only: null keeps the stored one while there is a certificate. */
  readonly clientKey?: string | null | undefined;

  /** PEM: the only authorities that are trusted. Null: the system's. */
  readonly ca?: string | null | undefined;

  /** Of TLS. Null: 1.2. */
  readonly minVersion?: '1.2' | '1.3' | null | undefined;

  /** The name that is asked for, and that the receiver's certificate must have. Null: the URL's host. */
  readonly serverName?: string | null | undefined;
}

export interface EndpointWithSecret {
  readonly id: string;
  readonly name: string | null;
  readonly tenant: string;

  /** Of a notification channel only the host. */
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly template: string | null;
  readonly templateVersion: number | null;

  /** What it says itself, whatever its template says. */
  readonly overrides: readonly ('timeout_ms' | 'deliver_within_s' | 'retry')[];

  /** The names; values are write-only. */
  readonly headers: Readonly<Record<string, null>>;

  /** Secrets are null. */
  readonly auth: ShownEndpointAuth | null;
  readonly tls: ShownEndpointTls | null;

  /** Without its password. */
  readonly proxy: string | null;

  /** What the certificates of `tls`, and that of the receiver, say of themselves. */
  readonly certificates: readonly EndpointCertificate[];
  readonly timeoutMs: number;
  readonly maxInFlight: number;
  readonly rateLimitPerS: number | null;
  readonly ordering: 'none' | 'key';
  readonly onDead: 'skip' | 'block';

  /** Ordering keys that a dead letter blocks (`on_dead: block`); up to 1,000 are counted. */
  readonly blockedKeys: number;
  readonly filter: Filter | null;
  readonly transformation: Transformation | null;
  readonly retry: RetryPolicy;
  readonly deliverWithinS: number;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: the data of the event alone, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body: 'envelope' | 'data';

  /** `v1`: HMAC by the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. Both: two signatures in `webhook-signature`. */
  readonly signatures: readonly ('v1' | 'v1a')[];

  /** Where its public keys are published for everybody: `/.well-known/posthorn/public-keys/{set}`. Null: it never signed with `v1a`. */
  readonly keySet: string | null;

  /** Your own data, for your own use: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;

  /** Why its secrets cannot be opened: nothing is sent until the key is back, or until the secret and the headers are set again. */
  readonly secretsError: string | null;
  readonly disableAfterS: number | null;

  /** The first failure since the last success, if `disableAfterS` is set; null: none. */
  readonly failingSince: string | null;

  /** From then on the next failed attempt pauses the endpoint, unless one succeeds before; null: none does. */
  readonly disablesAt: string | null;
  readonly enabled: boolean;

  /** What an operator gave; `gone`: the receiver answered 410; `failing`: see `disableAfterS`. */
  readonly pausedReason: string | null;

  /** Open after 20 failed attempts in a row: until the next success a sixteenth of `maxInFlight` is tried at once. */
  readonly breaker: { readonly state: 'closed' | 'open'; readonly since: string | null };

  /** Of the attempts at its URL; written every 5 s at most. */
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The receiver asked for no requests until then (Retry-After). */
  readonly throttledUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;

  /** Shown this once. */
  readonly secret: string;
}

export interface EnsuredEndpoint {
  readonly id: string;
  readonly name: string | null;
  readonly tenant: string;

  /** Of a notification channel only the host. */
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly template: string | null;
  readonly templateVersion: number | null;

  /** What it says itself, whatever its template says. */
  readonly overrides: readonly ('timeout_ms' | 'deliver_within_s' | 'retry')[];

  /** The names; values are write-only. */
  readonly headers: Readonly<Record<string, null>>;

  /** Secrets are null. */
  readonly auth: ShownEndpointAuth | null;
  readonly tls: ShownEndpointTls | null;

  /** Without its password. */
  readonly proxy: string | null;

  /** What the certificates of `tls`, and that of the receiver, say of themselves. */
  readonly certificates: readonly EndpointCertificate[];
  readonly timeoutMs: number;
  readonly maxInFlight: number;
  readonly rateLimitPerS: number | null;
  readonly ordering: 'none' | 'key';
  readonly onDead: 'skip' | 'block';

  /** Ordering keys that a dead letter blocks (`on_dead: block`); up to 1,000 are counted. */
  readonly blockedKeys: number;
  readonly filter: Filter | null;
  readonly transformation: Transformation | null;
  readonly retry: RetryPolicy;
  readonly deliverWithinS: number;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: the data of the event alone, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body: 'envelope' | 'data';

  /** `v1`: HMAC by the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. Both: two signatures in `webhook-signature`. */
  readonly signatures: readonly ('v1' | 'v1a')[];

  /** Where its public keys are published for everybody: `/.well-known/posthorn/public-keys/{set}`. Null: it never signed with `v1a`. */
  readonly keySet: string | null;

  /** Your own data, for your own use: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;

  /** Why its secrets cannot be opened: nothing is sent until the key is back, or until the secret and the headers are set again. */
  readonly secretsError: string | null;
  readonly disableAfterS: number | null;

  /** The first failure since the last success, if `disableAfterS` is set; null: none. */
  readonly failingSince: string | null;

  /** From then on the next failed attempt pauses the endpoint, unless one succeeds before; null: none does. */
  readonly disablesAt: string | null;
  readonly enabled: boolean;

  /** What an operator gave; `gone`: the receiver answered 410; `failing`: see `disableAfterS`. */
  readonly pausedReason: string | null;

  /** Open after 20 failed attempts in a row: until the next success a sixteenth of `maxInFlight` is tried at once. */
  readonly breaker: { readonly state: 'closed' | 'open'; readonly since: string | null };

  /** Of the attempts at its URL; written every 5 s at most. */
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The receiver asked for no requests until then (Retry-After). */
  readonly throttledUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;

  /** Only if it was created. */
  readonly secret?: string;
}

export interface Event {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;
  readonly acceptedAt: string;
  readonly occurredAt: string | null;
  readonly orderingKey: string | null;
  readonly value: Value | null;

  /** `corrupt`: the event was changed in the database, and is not sent. `unknown`: it has no digest. */
  readonly integrity: 'intact' | 'corrupt' | 'unknown';

  /** The newest 1,000. */
  readonly deliveries: readonly Delivery[];

  /** Null: these are all. Else the `cursor` for `GET /v1/deliveries` with this `eventId` and `tenant`. */
  readonly deliveriesNextCursor: string | null;

  /** How much of `data` the key may see. `none`: nothing, so it is null. `masked`: card numbers, bank accounts and email addresses are replaced by `[card number]`, `[IBAN]` and `[email address]`. */
  readonly payloads: 'none' | 'masked' | 'full';

  /** Byte for byte as it was published, if `payloads` is `full`. */
  readonly data: unknown;
}

export interface EventList {
  /** How far the search has come, in time; null: to the end, so there are no more. */
  readonly searchedTo: string | null;

  /** Rows that this call has looked at; null if the key is bound to a tenant: they are of all tenants. */
  readonly rowsRead: number | null;
  readonly items: readonly ListedEvent[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface EventType {
  readonly name: string;

  /** The same for the same document: tells whether it changed without showing what is write-only. */
  readonly fingerprint: string;
  readonly description: string;

  /** The producing team. */
  readonly owner: string | null;

  /** Default template for endpoints that subscribe to this type explicitly and set none. */
  readonly template: string | null;

  /** JSON Schema 2020-12 of the data, without references to other documents. Events whose data does not fit are refused. */
  readonly schema?: Readonly<Record<string, unknown>>;

  /** Where in the data the value is, for events that are published without one. */
  readonly value?: {
    /** Where the amount is, in minor units. */
    readonly amount: string;

    /** Where the currency is, or its ISO 4217 code. */
    readonly currency: string;
  };
}

export interface EventTypeDocument {
  readonly description?: string | undefined;

  /** The producing team. */
  readonly owner?: string | null | undefined;

  /** Default template for endpoints that subscribe to this type explicitly and set none. */
  readonly template?: string | null | undefined;

  /** JSON Schema 2020-12 of the data, without references to other documents. Events whose data does not fit are refused. */
  readonly schema?: Readonly<Record<string, unknown>> | undefined;

  /** Where in the data the value is, for events that are published without one. */
  readonly value?:
    | {
        /** Where the amount is, in minor units. */
        readonly amount: string;

        /** Where the currency is, or its ISO 4217 code. */
        readonly currency: string;
      }
    | undefined;
}

export interface EventTypeList {
  readonly items: readonly EventType[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface ExpectedAttempt {
  /** If no claim is lost until then. */
  readonly n: number;

  /** Not before. */
  readonly at: string;

  /** Not after, unless the receiver asks for a pause or its limits hold it up. */
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

  /** Whose events; `default` if left out. */
  readonly tenant?: string | undefined;

  /** Only events of these types, as endpoints subscribe to them. */
  readonly eventTypes?: readonly string[] | undefined;

  /** Of how many of the newest events. 100 if left out. */
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

  /** False: there are older events of them, or more than one look reads, that it was not tried on. */
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

  /** Of the message: the header `Last-Event-ID` of a new connection that is to go on from here. */
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

  /** The comparison in a sentence. */
  readonly statement: string;

  /** What the rate from before would have done to the deliveries from after. */
  readonly ifUnchanged: { readonly expectedDrops: number; readonly chanceOfSoFew: number };
  readonly exposure: {
    /** Whether both times saw the same traffic, as far as can be told. */
    readonly equal: boolean;
    readonly checks: readonly {
      readonly check: 'volume' | 'endpoints' | 'hours_of_week' | 'event_types';

      /** Null: the data cannot tell. */
      readonly fine: boolean | null;
      readonly words: string;
    }[];
  };

  /** Money a week that is no longer at risk. */
  readonly recoveredPerWeek: readonly WeeklyMoney[];
  readonly objective: { readonly target: number };

  /** With `format=markdown`: the same as a section of a document. */
  readonly markdown: string | null;

  /** With `format=html`: the same as one page that loads nothing. */
  readonly html: string | null;
}

export interface ImpactSide {
  readonly label: string;
  readonly from: string;
  readonly until: string;

  /** Deliveries whose end is known. */
  readonly events: number;

  /** Still pending. */
  readonly unresolved: number;

  /** Accepted, and no row accounts for them. */
  readonly silentlyDropped: number;

  /** Known from a receiver only; 0 here. */
  readonly acknowledgedUnprocessed: number;

  /** Dead letters and suppressed deliveries. */
  readonly givenUp: number;
  readonly late: number;

  /** Of what was dropped in silence. */
  readonly dropRate: number;
  readonly dropInterval: Interval;

  /** Of what the objective allows over this time; 1 is all of it. */
  readonly budgetBurned: number;
  readonly weeklyValue: readonly WeeklyMoney[];
  readonly givenUpValue: readonly Money[];
  readonly firstLostAt: string | null;
  readonly timeToDetect: { readonly afterS: number; readonly by: string } | null;

  /** What has to be said about these numbers. */
  readonly notes: readonly string[];
}

export interface InTime {
  /** Delivered in time. */
  readonly good: number;

  /** Accepted in the window, and past its deadline or ended before it. */
  readonly due: number;

  /** `good` / `due`; null: nothing was due. */
  readonly share: number | null;
  readonly interval: Interval;
}

/** Wilson score interval at 95%: lower and upper bound. */
export type Interval = readonly [number, number];

/** Who began it; null: that was not recorded, or a portal does not show it. */
export type JobActor = {
  readonly kind: 'key' | 'session' | 'portal' | 'library' | 'cli' | 'engine';
  readonly name: string;
} | null;

export interface JobEndpoint {
  readonly endpointId: string;
  readonly matched: number;
  readonly value: readonly Money[];
}

/** What became of the deliveries that it has taken. The four add up to them. */
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

  /** `publish`: publish events, and nothing else. `read`: read everything but keys and the audit log. `operate`: change things, redrive, replay. `admin`: everything. No scope includes another, except that `admin` includes all. */
  readonly scopes: readonly ('publish' | 'read' | 'operate' | 'admin')[];

  /** The only tenant that it sees; null: all. */
  readonly tenant: string | null;

  /** The only endpoints that it sees; null: all of its tenant. */
  readonly endpointIds: readonly string[] | null;

  /** How much it sees of event data and of what receivers answered. `masked`: card numbers, bank accounts and email addresses are replaced. */
  readonly payloads: 'none' | 'masked' | 'full';

  /** Requests a second on each node; null: no limit. One second's requests may come at once. */
  readonly rateLimitPerS: number | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;

  /** Until then the key before the last rotation works too; null: there is none that does. */
  readonly formerUntil: string | null;

  /** Up to ten seconds behind. */
  readonly lastUsedAt: string | null;

  /** The address that the last request came from. */
  readonly lastUsedFrom: string | null;
}

export interface KeyList {
  readonly items: readonly Key[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface KeyRequest {
  /** For people: what the key is for. */
  readonly name: string;

  /** `publish`: publish events, and nothing else. `read`: read everything but keys and the audit log. `operate`: change things, redrive, replay. `admin`: everything. No scope includes another, except that `admin` includes all. */
  readonly scopes: readonly ('publish' | 'read' | 'operate' | 'admin')[];

  /** Binds the key to this tenant: it sees and changes nothing else. */
  readonly tenant?: string | undefined;

  /** Binds the key to these endpoints, by id or name. They must be of one tenant, which the key is bound to as well. Not with the scopes `publish` and `admin`. */
  readonly endpointIds?: readonly string[] | undefined;

  /** Default: `full` with the scope `admin`, else `masked`. */
  readonly payloads?: 'none' | 'masked' | 'full' | undefined;

  /** In the future; default: it does not expire. */
  readonly expiresAt?: string | Date | undefined;

  /** Requests a second on each node; null: no limit. One second's requests may come at once. */
  readonly rateLimitPerS?: number | null | undefined;
}

export interface KeyRotation {
  /** For so long the present key works too. */
  readonly graceS?: number | undefined;
}

export interface KeyWithSecret {
  readonly id: string;
  readonly name: string;
  readonly state: 'active' | 'expired' | 'revoked';

  /** `publish`: publish events, and nothing else. `read`: read everything but keys and the audit log. `operate`: change things, redrive, replay. `admin`: everything. No scope includes another, except that `admin` includes all. */
  readonly scopes: readonly ('publish' | 'read' | 'operate' | 'admin')[];

  /** The only tenant that it sees; null: all. */
  readonly tenant: string | null;

  /** The only endpoints that it sees; null: all of its tenant. */
  readonly endpointIds: readonly string[] | null;

  /** How much it sees of event data and of what receivers answered. `masked`: card numbers, bank accounts and email addresses are replaced. */
  readonly payloads: 'none' | 'masked' | 'full';

  /** Requests a second on each node; null: no limit. One second's requests may come at once. */
  readonly rateLimitPerS: number | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;

  /** Until then the key before the last rotation works too; null: there is none that does. */
  readonly formerUntil: string | null;

  /** Up to ten seconds behind. */
  readonly lastUsedAt: string | null;

  /** The address that the last request came from. */
  readonly lastUsedFrom: string | null;

  /** The key itself, `phk_…`. Shown this once. */
  readonly key: string;
}

export interface ListedAttempt {
  /** The number of its claim: counts from 1, over all schedules of the delivery. One that is missing is a claim that never reported. */
  readonly n: number;
  readonly startedAt: string;
  readonly durationMs: number;

  /** Until when its claim lasted: an outcome after that may be superseded. Null: it was not kept. */
  readonly leaseUntil: string | null;

  /** Of the response; null: there was none. */
  readonly statusCode: number | null;

  /** `superseded`: settled when the delivery was no longer its own, so it changed nothing. */
  readonly outcome: 'delivered' | 'retry' | 'dead' | 'superseded';

  /** Null: it delivered. */
  readonly errorClass:
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
    | 'secrets'
    | null;
  readonly message: string | null;

  /** The beginning of the response body; null also if the key sees no payloads. */
  readonly responseExcerpt: string | null;

  /** The first 20, at most 4 KiB; of failures and of a sample of successes. Null: not kept, or the key sees no payloads. */
  readonly responseHeaders: readonly Header[] | null;

  /** That was connected to, or tried last; null: none, or it was not kept. */
  readonly address: string | null;

  /** How long the phases took; a null phase did not happen. Null: not kept. */
  readonly phasesMs: AttemptPhases | null;

  /** The retry clock, an operator, or a redrive in bulk. */
  readonly trigger: 'schedule' | 'manual' | 'redrive';

  /** The process that made it; null: the portal does not show it. */
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

  /** Only `pending` moves by itself. */
  readonly state: 'pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed';

  /** Attempts that were made. */
  readonly attemptCount: number;

  /** When a pending delivery is attempted next, or claimed again if its attempt never ends. */
  readonly dueAt: string | null;
  readonly createdAt: string;

  /** When it left `pending`. */
  readonly settledAt: string | null;

  /** Why it is in its state: `delivered`, `schedule_exhausted`, `too_old`, `gone`, `corrupt`, `endpoint_paused`, `endpoint_deleted`, or `cancelled: …` with what the operator said. */
  readonly reason: string | null;

  /** Of the last attempt, if it failed. */
  readonly lastError: {
    readonly class:
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

    /** Of the response; null: there was none. */
    readonly statusCode: number | null;
    readonly message: string | null;
  } | null;

  /** The dead letter of its ordering key that holds it (`on_dead: block`); null: none does. */
  readonly blockedBy: string | null;

  /** By when it ought to be delivered, by what its endpoint promises now (`deliverWithinS`). */
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

  /** Of a notification channel only the host. */
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly template: string | null;
  readonly templateVersion: number | null;

  /** What it says itself, whatever its template says. */
  readonly overrides: readonly ('timeout_ms' | 'deliver_within_s' | 'retry')[];

  /** The names; values are write-only. */
  readonly headers: Readonly<Record<string, null>>;

  /** Secrets are null. */
  readonly auth: ShownEndpointAuth | null;
  readonly tls: ShownEndpointTls | null;

  /** Without its password. */
  readonly proxy: string | null;

  /** What the certificates of `tls`, and that of the receiver, say of themselves. */
  readonly certificates: readonly EndpointCertificate[];
  readonly timeoutMs: number;
  readonly maxInFlight: number;
  readonly rateLimitPerS: number | null;
  readonly ordering: 'none' | 'key';
  readonly onDead: 'skip' | 'block';

  /** Ordering keys that a dead letter blocks (`on_dead: block`); up to 1,000 are counted. */
  readonly blockedKeys: number;
  readonly filter: Filter | null;
  readonly transformation: Transformation | null;
  readonly retry: RetryPolicy;
  readonly deliverWithinS: number;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: the data of the event alone, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body: 'envelope' | 'data';

  /** `v1`: HMAC by the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. Both: two signatures in `webhook-signature`. */
  readonly signatures: readonly ('v1' | 'v1a')[];

  /** Where its public keys are published for everybody: `/.well-known/posthorn/public-keys/{set}`. Null: it never signed with `v1a`. */
  readonly keySet: string | null;

  /** Your own data, for your own use: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;

  /** Why its secrets cannot be opened: nothing is sent until the key is back, or until the secret and the headers are set again. */
  readonly secretsError: string | null;
  readonly disableAfterS: number | null;

  /** The first failure since the last success, if `disableAfterS` is set; null: none. */
  readonly failingSince: string | null;

  /** From then on the next failed attempt pauses the endpoint, unless one succeeds before; null: none does. */
  readonly disablesAt: string | null;
  readonly enabled: boolean;

  /** What an operator gave; `gone`: the receiver answered 410; `failing`: see `disableAfterS`. */
  readonly pausedReason: string | null;

  /** Open after 20 failed attempts in a row: until the next success a sixteenth of `maxInFlight` is tried at once. */
  readonly breaker: { readonly state: 'closed' | 'open'; readonly since: string | null };

  /** Of the attempts at its URL; written every 5 s at most. */
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The receiver asked for no requests until then (Retry-After). */
  readonly throttledUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;

  /** If asked for with `include=health`. */
  readonly health?: EndpointHealth;
}

export interface ListedEvent {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;
  readonly acceptedAt: string;
  readonly occurredAt: string | null;
  readonly orderingKey: string | null;
  readonly value: Value | null;

  /** Deliveries that were created when it was accepted. */
  readonly deliveries: number;

  /** How many of them were suppressed. */
  readonly suppressed: number;

  /** No endpoint took it. */
  readonly unmatched: boolean;
}

export type ListedSlo = DeclaredSlo | TemplateSlo;

export interface Marker {
  readonly id: string;
  readonly at: string;
  readonly kind: 'deploy' | 'incident' | 'change' | 'note';
  readonly label: string;
  readonly url: string | null;

  /** Who put it there: the name of the key. */
  readonly by: string;

  /** Whether Posthorn put it there by itself, because something was changed. */
  readonly automatic: boolean;

  /** The tenant that it is about; null: it is about none. */
  readonly tenant: string | null;

  /** What was changed, such as an endpoint; null if a person or a pipeline put it. */
  readonly subject: { readonly kind: string; readonly id: string } | null;
}

export interface MarkerList {
  readonly items: readonly Marker[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface Me {
  /** Of the key; for people. */
  readonly name: string;

  /** `key`: an API key; `session`: a browser that signed in with one; `portal`: the holder of a portal link. */
  readonly kind: 'key' | 'session' | 'portal' | 'library' | 'cli';
  readonly scopes: readonly ('publish' | 'read' | 'operate' | 'admin')[];

  /** The only tenant that it sees; null: all. */
  readonly tenant: string | null;

  /** The only endpoints that it sees; null: all of its tenant. */
  readonly endpointIds: readonly string[] | null;
  readonly payloads: 'none' | 'masked' | 'full';

  /** What a portal link lets its holder do besides reading; null: it is not one. */
  readonly can: readonly ('redrive' | 'replay' | 'test' | 'rotate')[] | null;

  /** The server's. */
  readonly version: string;

  /** Where this server is reached; null: it was not told. */
  readonly publicUrl: string | null;

  /** The server's clock. */
  readonly now: string;

  /** When this session or key ends; null: it does not. */
  readonly expiresAt: string | null;
}

export interface MissingDelivery {
  readonly eventId: string;
  readonly deliveryId: string;

  /** `delivered`: the endpoint answered 2xx, and the receiver does not have it. */
  readonly state: 'pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed';
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

  /** How many have it. */
  readonly events: number;
}

export interface NamedEndpointRequest {
  readonly tenant?: string | undefined;

  /** The caller's own, unique in its tenant. */
  readonly name?: string | null | undefined;

  /** An http or https URL without credentials and fragment. */
  readonly url: string;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes?: readonly string[] | undefined;
  readonly description?: string | null | undefined;

  /** The team that receives, and is notified of its dead letters. */
  readonly owner?: string | null | undefined;

  /** The delivery policy that it follows. */
  readonly template?: string | null | undefined;

  /** All of them; null keeps the stored value, which answers do not show. */
  readonly headers?: Readonly<Record<string, string | null>> | undefined;

  /** Of one attempt. Null: as the template says. */
  readonly timeoutMs?: number | null | undefined;

  /** Attempts at once. */
  readonly maxInFlight?: number | undefined;

  /** Attempts a second; null: no limit. One second's attempts may begin at once. Nodes that share a database share it. */
  readonly rateLimitPerS?: number | null | undefined;

  /** `key`: events of one ordering key one after the other. */
  readonly ordering?: 'none' | 'key' | undefined;

  /** What a dead letter means to later deliveries of its ordering key. `skip`: they go on without it. `block`, only with the ordering `key`: they are held until it is redriven and delivered, or cancelled. */
  readonly onDead?: 'skip' | 'block' | undefined;

  /** Which events it gets, by their data; null: all that it subscribes to. */
  readonly filter?: Filter | null | undefined;
  readonly transformation?: Transformation | null | undefined;

  /** Null: as the template says. */
  readonly retry?: RetryPolicyInput | null | undefined;

  /** The deadline. Null: as the template says. */
  readonly deliverWithinS?: number | null | undefined;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: the data of the event alone, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body?: 'envelope' | 'data' | undefined;

  /** `v1`: HMAC by the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. Both: two signatures in `webhook-signature`. */
  readonly signatures?: readonly ('v1' | 'v1a')[] | undefined;

  /** Your own data, for your own use: up to 50 texts of at most 512 characters. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;

  /** The endpoint is paused (`paused_reason: failing`) when every attempt has failed for so long, at least 5 of them; null: never. */
  readonly disableAfterS?: number | null | undefined;

  /** A disabled endpoint gets nothing; its deliveries are suppressed. */
  readonly enabled?: boolean | undefined;

  /** Credentials of every request. `basic`, `bearer`: sent as they are. `oauth2_client_credentials`: a bearer token, fetched from `tokenUrl`, kept until shortly before it expires, and renewed once after a 401. Not together with a header `authorization`. Secrets are write-only. Null keeps the stored one, if the type is the same. */
  readonly auth?: EndpointAuthChange | null | undefined;

  /** How the connection is secured; for `https` URLs only. Another setting ends the connections of the former. */
  readonly tls?: EndpointTls | null | undefined;
  readonly proxy?: string | null | undefined;

  /** `whsec_…`; kept if it is left out, or made. Write-only. */
  readonly secret?: string | undefined;
}

export interface NewEvent {
  /** Such as `payment.succeeded`. */
  readonly type: string;

  /** Any JSON, at most 256 KiB. Delivered byte for byte. */
  readonly data: unknown;

  /** If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;

  /** Unique in its tenant. The same id and body again answers the same receipt. Made if left out. */
  readonly id?: string | undefined;

  /** Endpoints with `ordering: key` get the events of one key one after the other. */
  readonly orderingKey?: string | undefined;

  /** When it happened, if that is not when it is accepted. */
  readonly occurredAt?: string | Date | undefined;

  /** What it is worth. If left out, taken from the data where the event type says. */
  readonly value?: NewValue | undefined;
}

export interface NewEventBatch {
  readonly events: readonly NewEvent[];
}

export interface NewMarker {
  /** When it happened. Default: now. */
  readonly at?: string | Date | undefined;
  readonly kind?: 'deploy' | 'incident' | 'change' | 'note' | undefined;

  /** In a few words: `payments 2.14`. */
  readonly label: string;

  /** Where more is said: a release, an incident. */
  readonly url?: string | undefined;
}

export interface NewValue {
  /** Minor units. */
  readonly amountMinor: number;
  readonly currency: string;
}

export interface Node {
  /** Its name; with its process id, unless it was given one. */
  readonly node: string;
  readonly startedAt: string;
  readonly lastHeartbeatAt: string;

  /** What it owns of the 64 shards. */
  readonly shards: readonly number[];
}

export interface NodeList {
  readonly items: readonly Node[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface NonConforming {
  readonly kind: 'endpoint' | 'event_type';

  /** The endpoint's id, or the type. */
  readonly id: string;

  /** Of an endpoint; a type has none. */
  readonly tenant: string | null;

  /** Not null, but missing: no team of this name is declared. */
  readonly owner: string | null;
  readonly missing: readonly ('declaration' | 'template' | 'slo' | 'owner')[];
}

export interface Now {
  /** When this was made. */
  readonly at: string;

  /** `act`: someone has to act. `watch`: something waits, or spends an error budget. `well`: neither. */
  readonly level: 'act' | 'watch' | 'well';

  /** What is true now, to be read out. */
  readonly sentence: string;
  readonly window: {
    readonly since: string;
    readonly until: string;

    /** To which bounds were rounded outward. */
    readonly resolution: 'hour' | 'day';
  };

  /** Accepted in the window; each delivery is in exactly one of the others. */
  readonly ledger: {
    readonly accepted: number;
    readonly delivered: number;
    readonly pending: number;
    readonly dead: number;
    readonly cancelled: number;
    readonly suppressed: number;
    readonly unaccounted: number;
  };

  /** Pending deliveries that were read one by one. If there are more, `pending` is what the counters leave, and what is late is at least what was found. */
  readonly pendingRead: { readonly rows: number; readonly complete: boolean };

  /** The last check of the ledger against the rows; null: it was not checked yet. */
  readonly reconciled: {
    readonly at: string;
    readonly balanced: boolean;

    /** Deliveries unaccounted for. */
    readonly unaccounted: number;

    /** Null: the key is bound, and it counted everything. */
    readonly rowsRead: number | null;

    /** Of deliveries, events or endpoints that it found; at most 20. */
    readonly ids: readonly string[];
  } | null;

  /** Accepted before the window, and still dead or suppressed. */
  readonly earlier: { readonly dead: number; readonly suppressed: number };

  /** Delivered before the deadline. */
  readonly inTime: {
    readonly good: number;

    /** All but the cancelled ones and those whose deadline is ahead. */
    readonly due: number;
    readonly share: number | null;
    readonly interval: Interval;

    /** The highest target of any objective; null: there is none. */
    readonly target: number | null;
  };
  readonly latencyMs: {
    /** Upper bound of the quantile; null: nothing was delivered. */
    readonly p50: number | null;

    /** Upper bound of the quantile; null: nothing was delivered. */
    readonly p99: number | null;
  };

  /** What the deliveries of the window are worth: an event counts for each delivery of it. */
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

  /** The most severe first, then by worth and age. */
  readonly needs: readonly NowNeed[];

  /** Those that are not in `needs`. */
  readonly moreNeeds: number;

  /** That exist; 0: nothing was set up yet. */
  readonly endpoints: number;
}

export interface NowMessage {
  readonly event: 'now';

  /** Of the message: the header `Last-Event-ID` of a new connection that is to go on from here. */
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

  /** What it is about: a host, an objective, an event type. Null: everything. */
  readonly subject: string | null;
  readonly endpointId: string | null;

  /** The alert that says so, for acknowledging it. */
  readonly alertId: string | null;
  readonly acknowledgedAt: string | null;
  readonly since: string | null;
  readonly count: number | null;

  /** By currency; never added across currencies. */
  readonly value: readonly Money[];

  /** The team; null: none is known. */
  readonly owner: string | null;

  /** A sentence. */
  readonly summary: string;

  /** A second one; may be empty. */
  readonly detail: string;
  readonly action: {
    readonly label: string;

    /** In the dashboard. */
    readonly path: string;
  } | null;
}

export interface NowTeam {
  /** Null: endpoints without an owner. */
  readonly team: string | null;

  /** `act`: someone has to act. `watch`: something waits, or spends an error budget. `well`: neither. */
  readonly level: 'act' | 'watch' | 'well';

  /** In words, such as `38 dead letters`. */
  readonly state: string;
  readonly dead: number;
  readonly suppressed: number;
  readonly latePending: number;

  /** By currency; never added across currencies. */
  readonly atRisk: readonly Money[];

  /** What is left of the error budget that is left least of those that the team answers for; 1 is all of it. Null: it answers for none. */
  readonly budgetLeft: number | null;

  /** Of that budget. */
  readonly objective: string | null;
}

export interface OneSeries {
  /** What `by` asks for: an endpoint’s id, a team, a type, a class. Null: no owner, or everything. */
  readonly key: string | null;

  /** This series is so many smaller keys together; 0: it is the one of `key`. */
  readonly others: number;

  /** One for each step of the window, also if nothing was counted. */
  readonly points: readonly SeriesPoint[];
}

export interface OpenApiDocument {
  readonly openapi: string;
}

export interface PastNow {
  readonly at: string;
  readonly level: 'act' | 'watch' | 'well';

  /** What was true then, to be read out. */
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

  /** How many of those in a state then are in another one now. */
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

  /** What did not arrive then, by endpoint; at most 7. */
  readonly needs: readonly {
    readonly kind: 'dead_letters' | 'suppressed' | 'late';
    readonly endpointId: string;

    /** The host; null: the endpoint was deleted. */
    readonly subject: string | null;

    /** Of today. */
    readonly owner: string | null;

    /** When the first of them was accepted. */
    readonly since: string | null;
    readonly count: number;

    /** By currency; never added across currencies. */
    readonly value: readonly Money[];
  }[];
  readonly moreNeeds: number;

  /** Those that fired then and are still kept; at most 20. */
  readonly alerts: readonly {
    readonly id: string;
    readonly rule: string;
    readonly severity: 'page' | 'ticket';
    readonly owner: string | null;
    readonly endpointId: string | null;

    /** As it last was. */
    readonly summary: string;
    readonly since: string;
    readonly resolvedAt: string | null;
    readonly acknowledged: boolean;
  }[];
  readonly moreAlerts: number;
}

export interface PortalLink {
  /** To be given to the receiver. The token is in the fragment, which no log of a server has. Only a path if the server was not told where it is reached. */
  readonly url: string;

  /** `phl_…`: opens sessions until it expires, and is taken as `Authorization: Bearer` where cookies do not reach, as in a frame of another site. Shown this once. */
  readonly token: string;
  readonly expiresAt: string;
}

export interface PortalLinkRequest {
  /** Whose endpoints, deliveries and events it shows. */
  readonly tenant: string;

  /** Shows only these endpoints of the tenant, by id or name. Default: all of them. */
  readonly endpointIds?: readonly string[] | undefined;

  /** What it lets its holder do besides reading. */
  readonly can?: readonly ('redrive' | 'replay' | 'test' | 'rotate')[] | undefined;

  /** The link, and every session that it opens, ends after so long. */
  readonly expiresInS?: number | undefined;
}

export interface PublicKeyList {
  /** The current one first; a former one until shortly after it ended. */
  readonly items: readonly {
    readonly id: string;

    /** `whpk_…` */
    readonly publicKey: string;

    /** Until when it signs beside its successor; null: the current one. */
    readonly expiresAt: string | null;
  }[];
  readonly nextCursor: null;
}

export interface Readiness {
  readonly status: 'ready' | 'not ready';

  /** Attempts under way. */
  readonly inFlight: number;

  /** Deliveries claimed and waiting for their turn. */
  readonly buffered: number;

  /** What is wrong with the store's files: an operator has to act. */
  readonly storeFault?: 'missing' | 'replaced' | 'damaged';

  /** Endpoints whose secrets this node cannot open, because it lacks the key: their attempts fail until it is back. */
  readonly lockedEndpoints?: number;
  readonly clock: Clock;
}

export interface Receipt {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;

  /** When it was committed to disk. */
  readonly acceptedAt: string;

  /** Deliveries that were created. */
  readonly deliveries: number;

  /** How many of them are suppressed, because their endpoint is disabled. */
  readonly suppressed: number;

  /** No endpoint takes it: none subscribes to its type, or their filters exclude it. */
  readonly unmatched: boolean;

  /** Accepted before: this is the receipt of then, and nothing was created. */
  readonly duplicate: boolean;
}

export interface ReconcileRequest {
  /** Whose deliveries: an endpoint, by id or name. */
  readonly endpointId: string;

  /** Of an endpoint that is given by its name; default: `default`. */
  readonly tenant?: string | undefined;

  /** Deliveries that were created at this time or later. */
  readonly since: string | Date;

  /** Deliveries that were created before this time. */
  readonly until: string | Date;

  /** `nextCursor` of the answer before, with the same ids. */
  readonly cursor?: string | undefined;

  /** Items of `missing`, and of `unexpected`, in an answer at most. */
  readonly limit?: number | undefined;

  /** What the receiver has: each is a `webhook-id`, which is the id of an event. */
  readonly receivedIds: readonly string[];
}

export interface ReconciledMessage {
  readonly event: 'reconciled';

  /** Of the message: the header `Last-Event-ID` of a new connection that is to go on from here. */
  readonly id: string | null;
  readonly data: {
    readonly at: string;
    readonly balanced: boolean;

    /** Deliveries unaccounted for. */
    readonly unaccounted: number;

    /** Null: the key is bound, and it counted everything. */
    readonly rowsRead: number | null;

    /** Of deliveries, events or endpoints that it found; at most 20. */
    readonly ids: readonly string[];
  };
}

export interface Reconciliation {
  /** Deliveries of the window, in any state. */
  readonly sent: number;

  /** Those among them that the endpoint answered with 2xx. */
  readonly delivered: number;

  /** Ids that the receiver has, each counted once. */
  readonly received: number;

  /** Deliveries of the window that the receiver has. */
  readonly matched: number;

  /** Ids that the receiver has of deliveries to this endpoint outside the window. */
  readonly outside: number;

  /** Deliveries of the window that the receiver does not have. */
  readonly missingCount: number;

  /** Of `missingCount`. */
  readonly missingByState: {
    readonly pending: number;
    readonly delivered: number;
    readonly dead: number;
    readonly cancelled: number;
    readonly suppressed: number;
  };

  /** Of what is missing, by currency. */
  readonly missingValue: readonly Money[];

  /** Ids that the receiver has and that were never sent to this endpoint, or that retention has deleted. */
  readonly unexpectedCount: number;

  /** The oldest first. */
  readonly missing: readonly MissingDelivery[];

  /** In the order in which they were given. */
  readonly unexpected: readonly string[];

  /** More is missing or unexpected: send the same ids with this cursor. Null: this was all. */
  readonly nextCursor: string | null;
}

export type ReconciliationLine =
  | { readonly missing: MissingDelivery }
  | { readonly unexpected: string }
  | { readonly summary: ReconciliationSummary };

export interface ReconciliationSummary {
  /** Deliveries of the window, in any state. */
  readonly sent: number;

  /** Those among them that the endpoint answered with 2xx. */
  readonly delivered: number;

  /** Ids that the receiver has, each counted once. */
  readonly received: number;

  /** Deliveries of the window that the receiver has. */
  readonly matched: number;

  /** Ids that the receiver has of deliveries to this endpoint outside the window. */
  readonly outside: number;

  /** Deliveries of the window that the receiver does not have. */
  readonly missingCount: number;

  /** Of `missingCount`. */
  readonly missingByState: {
    readonly pending: number;
    readonly delivered: number;
    readonly dead: number;
    readonly cancelled: number;
    readonly suppressed: number;
  };

  /** Of what is missing, by currency. */
  readonly missingValue: readonly Money[];

  /** Ids that the receiver has and that were never sent to this endpoint, or that retention has deleted. */
  readonly unexpectedCount: number;

  /** More is unexpected than an answer lists: send the same ids with this cursor. */
  readonly nextCursor: string | null;
}

/** Whether the endpoint works again; null: nothing says so, or it is failing now. */
export type Recovery = {
  /** When the newest of them ended. */
  readonly since: string;

  /** Deliveries that the endpoint has accepted since. */
  readonly successes: number;
} | null;

export interface Redrive {
  readonly id: string;
  readonly name: string | null;
  readonly by: JobActor;
  readonly state: 'running' | 'done' | 'stopped';

  /** Why it is `stopped`. `asked`: an operator stopped it. `failing`: it stopped itself, because the first 20 deliveries all failed again. */
  readonly stopReason: 'asked' | 'failing' | null;

  /** How many the filter matched when it was created. */
  readonly matched: number;

  /** Not taken: changed or deleted since, or without an endpoint. */
  readonly skipped: number;
  readonly outcome: JobOutcome;

  /** Of what matched, by currency. */
  readonly value: readonly Money[];

  /** When the oldest of what matched was created. */
  readonly oldestAt: string | null;
  readonly newestAt: string | null;

  /** Ordering keys whose later deliveries wait until these are delivered; counted up to 100,000. */
  readonly keysHeld: number;

  /** How many endpoints have any of what matched. */
  readonly endpoints: number;

  /** The 100 endpoints with the most. */
  readonly byEndpoint: readonly JobEndpoint[];
  readonly filter: {
    readonly tenant?: readonly string[];
    readonly endpointId?: readonly string[];
    readonly eventId?: readonly string[];
    readonly eventType?: readonly string[];
    readonly state?: readonly ('pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed')[];
    readonly errorClass?: readonly (
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
      | 'secrets'
    )[];
    readonly statusCode?: readonly number[];

    /** Created at this time or later. */
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
  /** Deliveries a second, over all of it; null: as fast as the store allows. */
  readonly ratePerS?: number | null | undefined;
  readonly name?: string | null | undefined;
}

export interface RedriveList {
  readonly items: readonly Redrive[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface RedriveMessage {
  readonly event: 'redrive';

  /** Of the message: the header `Last-Event-ID` of a new connection that is to go on from here. */
  readonly id: string | null;
  readonly data: Redrive;
}

export interface RedriveRequest {
  /** Which deliveries, by any of the values of each field; those in state `dead` if it names no state. */
  readonly filter: {
    readonly tenant?: string | readonly string[] | undefined;
    readonly endpointId?: string | readonly string[] | undefined;
    readonly eventType?: string | readonly string[] | undefined;
    readonly errorClass?:
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
      | 'secrets'
      | readonly (
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
          | 'secrets'
        )[]
      | undefined;

    /** Of the last attempt's answer. */
    readonly statusCode?: number | readonly number[] | undefined;

    /** Created at this time or later. */
    readonly since?: string | Date | undefined;

    /** Created before this time. */
    readonly until?: string | Date | undefined;
    readonly eventId?: string | readonly string[] | undefined;
    readonly state?: 'dead' | 'suppressed' | readonly ('dead' | 'suppressed')[] | undefined;
  };

  /** Deliveries a second, over all of it; null: as fast as the store allows. */
  readonly ratePerS?: number | null | undefined;
  readonly name?: string | undefined;

  /** Count what would be done, and do nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface Replay {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;

  /** When it was committed to disk. */
  readonly acceptedAt: string;

  /** Deliveries that were created. */
  readonly deliveries: number;

  /** How many of them are suppressed, because their endpoint is disabled. */
  readonly suppressed: number;

  /** No endpoint takes it: none subscribes to its type, or their filters exclude it. */
  readonly unmatched: boolean;

  /** Accepted before: this is the receipt of then, and nothing was created. */
  readonly duplicate: boolean;

  /** The new deliveries. */
  readonly deliveryIds: readonly string[];

  /** Subscribed endpoints whose filter excludes the event. */
  readonly filtered: number;

  /** What would have excluded the event from the endpoint that was named. */
  readonly overridden: readonly ('subscription' | 'filter')[];
}

export interface ReplayRequest {
  /** Deliver to this endpoint (its id or name), whatever it subscribes to and filters. */
  readonly endpointId?: string | undefined;
}

export interface RetryPolicy {
  /** Delays in seconds, one after each failed attempt; the delivery is dead after the last. */
  readonly scheduleS?: readonly number[];

  /** Instead of `scheduleS`. */
  readonly exponential?: {
    /** Delay after the first failed attempt. */
    readonly baseS: number;

    /** Each delay is this much longer than the one before. */
    readonly factor: number;
    readonly maxS: number;

    /** Attempts in all. */
    readonly attempts: number;
  };

  /** Part of each delay that is random. */
  readonly jitter: number;

  /** No attempt begins later than this after the event was accepted. */
  readonly giveUpAfterS: number;
}

export interface RetryPolicyInput {
  /** Delays in seconds, one after each failed attempt; the delivery is dead after the last. */
  readonly scheduleS?: readonly number[] | undefined;

  /** Instead of `scheduleS`. */
  readonly exponential?:
    | {
        /** Delay after the first failed attempt. */
        readonly baseS: number;

        /** Each delay is this much longer than the one before. */
        readonly factor: number;
        readonly maxS: number;

        /** Attempts in all. */
        readonly attempts: number;
      }
    | undefined;

  /** Part of each delay that is random. */
  readonly jitter?: number | undefined;

  /** No attempt begins later than this after the event was accepted. */
  readonly giveUpAfterS?: number | undefined;
}

export interface RotatedEndpoint {
  readonly id: string;
  readonly name: string | null;
  readonly tenant: string;

  /** Of a notification channel only the host. */
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly template: string | null;
  readonly templateVersion: number | null;

  /** What it says itself, whatever its template says. */
  readonly overrides: readonly ('timeout_ms' | 'deliver_within_s' | 'retry')[];

  /** The names; values are write-only. */
  readonly headers: Readonly<Record<string, null>>;

  /** Secrets are null. */
  readonly auth: ShownEndpointAuth | null;
  readonly tls: ShownEndpointTls | null;

  /** Without its password. */
  readonly proxy: string | null;

  /** What the certificates of `tls`, and that of the receiver, say of themselves. */
  readonly certificates: readonly EndpointCertificate[];
  readonly timeoutMs: number;
  readonly maxInFlight: number;
  readonly rateLimitPerS: number | null;
  readonly ordering: 'none' | 'key';
  readonly onDead: 'skip' | 'block';

  /** Ordering keys that a dead letter blocks (`on_dead: block`); up to 1,000 are counted. */
  readonly blockedKeys: number;
  readonly filter: Filter | null;
  readonly transformation: Transformation | null;
  readonly retry: RetryPolicy;
  readonly deliverWithinS: number;

  /** `envelope`: `{"id", "type", "timestamp", "data"}`. `data`: the data of the event alone, byte for byte as it was published; its id is in `webhook-id`. */
  readonly body: 'envelope' | 'data';

  /** `v1`: HMAC by the secret, which the receiver has too. `v1a`: Ed25519, which a receiver verifies with a public key. Both: two signatures in `webhook-signature`. */
  readonly signatures: readonly ('v1' | 'v1a')[];

  /** Where its public keys are published for everybody: `/.well-known/posthorn/public-keys/{set}`. Null: it never signed with `v1a`. */
  readonly keySet: string | null;

  /** Your own data, for your own use: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;

  /** Why its secrets cannot be opened: nothing is sent until the key is back, or until the secret and the headers are set again. */
  readonly secretsError: string | null;
  readonly disableAfterS: number | null;

  /** The first failure since the last success, if `disableAfterS` is set; null: none. */
  readonly failingSince: string | null;

  /** From then on the next failed attempt pauses the endpoint, unless one succeeds before; null: none does. */
  readonly disablesAt: string | null;
  readonly enabled: boolean;

  /** What an operator gave; `gone`: the receiver answered 410; `failing`: see `disableAfterS`. */
  readonly pausedReason: string | null;

  /** Open after 20 failed attempts in a row: until the next success a sixteenth of `maxInFlight` is tried at once. */
  readonly breaker: { readonly state: 'closed' | 'open'; readonly since: string | null };

  /** Of the attempts at its URL; written every 5 s at most. */
  readonly lastSuccessAt: string | null;
  readonly lastFailureAt: string | null;

  /** The receiver asked for no requests until then (Retry-After). */
  readonly throttledUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;

  /** The new one, shown this once. Not there if the endpoint signs with `v1a` alone. */
  readonly secret?: string;
}

/** A count, and in how many steps in a row. */
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

  /** Of a declared thing its name. */
  readonly id: string;

  /** Null: it belongs to none. */
  readonly tenant: string | null;

  /** An endpoint is called by the host and path of its URL. */
  readonly title: string;

  /** What tells it from others of the same title. */
  readonly detail: string | null;
}

export interface SearchResults {
  /** Ids first. */
  readonly items: readonly SearchResult[];
}

export interface SecretRotation {
  /** For so long the former secret signs too. */
  readonly graceS?: number | undefined;
}

export interface SecretsRotation {
  /** Endpoints and settings whose secrets were encrypted anew. */
  readonly changed: number;

  /** Secrets that could not be opened and stay as they are. */
  readonly unreadable: number;

  /** Whether the database was rewritten, so that its files hold nothing under a former key. Not done while it runs if it has more than 1 GiB: stop Posthorn and run `posthorn secrets rotate --data-dir`. */
  readonly purged: boolean;
  readonly status: SecretsStatus;
}

export interface SecretsStatus {
  /** False with `--plaintext-secrets`. */
  readonly encrypted: boolean;

  /** The key that encrypts now: the first one that this node was given. */
  readonly keyId: string | null;

  /** Those that this node has, and those that something is encrypted with. */
  readonly keys: readonly {
    /** A short hash of the key, as sealed texts name it. */
    readonly id: string;

    /** Whether this node has it. */
    readonly available: boolean;

    /** Stored secrets that it encrypts. */
    readonly secrets: number;
  }[];

  /** Stored secrets that are not encrypted. */
  readonly plaintext: number;

  /** Endpoints with a secret that this node cannot open. */
  readonly lockedEndpoints: number;

  /** Former keys that encrypt nothing any more. The audit log before the rotation is verified with them: keep a copy apart. */
  readonly removableKeys: readonly string[];
}

export interface Series {
  readonly measure: 'counts' | 'in_time' | 'failures' | 'latency';
  readonly by: 'none' | 'endpoint' | 'owner' | 'event_type' | 'error_class' | 'fault_domain';
  readonly window: {
    readonly since: string;
    readonly until: string;

    /** How long a point is. Coarser than asked for if the counters of that time are. */
    readonly step: 'minute' | 'hour' | 'day';
  };

  /** The largest first; if they are too many, the smaller ones as one. */
  readonly series: readonly OneSeries[];
}

export interface SeriesPoint {
  /** When the point begins. */
  readonly at: string;

  /** Some deadline of what was accepted here has not passed: the numbers are not final. */
  readonly open: boolean;

  /** With `counts`: deliveries that were accepted here. */
  readonly accepted?: number;

  /** With `counts` and `latency`. */
  readonly delivered?: number;

  /** With `counts` and `inTime`: neither delivered nor ended otherwise until now. */
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

  /** With `counts`: attempts whose outcome came after another one had settled the delivery. */
  readonly superseded?: number;

  /** With `inTime`: all but the cancelled ones; while the deadline has not passed, only those that have an outcome. */
  readonly due?: number;

  /** With `inTime`: delivered before the deadline. */
  readonly inTime?: number;

  /** With `inTime`: dead or suppressed. */
  readonly dropped?: number;

  /** With `inTime`: of `inTime` among `due`. */
  readonly inTimeInterval?: Interval;

  /** With `failures`: failed attempts. */
  readonly failures?: number;

  /** Upper bound of the quantile; null: nothing was delivered. */
  readonly p50?: number | null;

  /** Upper bound of the quantile; null: nothing was delivered. */
  readonly p95?: number | null;

  /** Upper bound of the quantile; null: nothing was delivered. */
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

  /** The same for the same document: tells whether it changed without showing what is write-only. */
  readonly fingerprint: string;
  readonly description: string;

  /** What has to hold: delivered within the deadline, or accounted for at all. */
  readonly objective: 'delivered_within' | 'accounted';

  /** 0.999: one in a thousand may miss its deadline. */
  readonly target: number;
  readonly windowDays: number;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes: readonly string[];

  /** Only deliveries of this tenant. */
  readonly tenant?: string;

  /** Only these endpoints; empty: all. */
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

  /** 0.999: one in a thousand may miss its deadline. */
  readonly target: number;
  readonly windowDays?: number | undefined;

  /** Types, trailing wildcards such as `payment.*`, or `*` for all. */
  readonly eventTypes?: readonly string[] | undefined;

  /** Only deliveries of this tenant. */
  readonly tenant?: string | undefined;

  /** Only these endpoints; empty: all. */
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

  /** From `knownSince` on, without gaps. The last has what is left now. */
  readonly points: readonly {
    /** The beginning of the stretch, by the time of acceptance. */
    readonly at: string;

    /** A minute, an hour or a day: as fine as asked for, where counters are. */
    readonly lengthS: number;
    readonly due: number;
    readonly sender: {
      readonly bad: number;

      /** What was left then of the error budget of the whole window: 1 is all of it, below 0 it was overspent; null: nothing was due in the window. */
      readonly budgetRemaining: number | null;
    };
    readonly receiver: {
      readonly bad: number;

      /** What was left then of the error budget of the whole window: 1 is all of it, below 0 it was overspent; null: nothing was due in the window. */
      readonly budgetRemaining: number | null;
    };
  }[];
}

export interface SloList {
  readonly items: readonly ListedSlo[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface SloMinutes {
  readonly name: string;
  readonly target: number;

  /** The window of the objective. */
  readonly windowS: number;

  /** A count is known so long after the time that it stands at: the longest deadline of the endpoints. */
  readonly withinS: number;
  readonly since: string;
  readonly until: string;

  /** From when there is anything to count; later than `since` while the endpoints are younger than the window. */
  readonly knownSince: string;

  /** One after the other, the oldest and coarsest first. */
  readonly segments: readonly {
    /** Of its first step. */
    readonly at: string;

    /** 60; where minutes are not kept any more 3600, and where hours are not, 86400. */
    readonly stepS: number;

    /** Run-length coded. */
    readonly due: readonly Run[];

    /** Bad ones by the fault of the sender. */
    readonly sender: readonly Run[];

    /** Bad ones by the fault of the receiver. */
    readonly receiver: readonly Run[];
  }[];
}

export interface SloSide {
  /** Null: no team is named. */
  readonly team: string | null;

  /** Deliveries that missed the objective through the fault of this side. */
  readonly bad: number;

  /** The share that this side did not spoil; null: nothing was due. */
  readonly sli: number | null;

  /** What is left of this side's error budget: 1 is all of it, below 0 it is overspent; null: nothing was due. */
  readonly budgetRemaining: number | null;

  /** How many may be bad before the budget is used up: `total` × (1 − `target`). */
  readonly budget: number;
  readonly burn: readonly BurnRate[];

  /** How long what is left of the budget lasts at the pace of the last hour; 0: it is used up; null: nothing was spent in the last hour. */
  readonly lastsS: number | null;

  /** The same for people. */
  readonly sentence: string;

  /** A steady excess that no burn rate sees. */
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

  /** What most of them missed it for. A failure class: of failed attempts. `delayed`: none failed, they were late or still wait; `paused`: accepted while the endpoint was paused; `held`: behind a dead letter of their ordering key; `unknown`: no failed attempt was counted. */
  readonly cause:
    | 'delayed'
    | 'paused'
    | 'held'
    | 'unknown'
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

  /** Failed attempts on these days by class; the most first. */
  readonly failures: readonly {
    readonly class:
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
    readonly count: number;
  }[];
  readonly since: string;

  /** The end of the last day. */
  readonly until: string;

  /** Deliveries accepted on these days that are late or will not arrive. */
  readonly bad: number;

  /** Of the budget of this side; null: there is none. */
  readonly ofBudget: number | null;

  /** What they are worth, as far as it is known. */
  readonly worth: readonly Money[];

  /** How many of them have no value, or none that is known any more. */
  readonly unknownWorth: number;
}

export interface SloSpends {
  readonly name: string;
  readonly target: number;
  readonly window: SloWindow;
  readonly due: number;

  /** How many may be bad, for each side. */
  readonly budget: number;

  /** The most first, at most 100. */
  readonly items: readonly SloSpend[];

  /** What did not fit in. */
  readonly beyond: { readonly items: number; readonly bad: number };

  /** Deliveries that were read for their worth. */
  readonly rowsRead: number;

  /** False: there are more rows than are read, and what was not read counts as of unknown worth. */
  readonly complete: boolean;
}

export interface SloStatus {
  readonly name: string;
  readonly objective: 'delivered_within' | 'accounted';
  readonly target: number;
  readonly windowDays: number;

  /** The template that states the objective; null: declared by name. */
  readonly template: string | null;

  /** Endpoints that the objective covers. */
  readonly endpoints: number;

  /** Whether `sli` is at least `target`; true if nothing was due. */
  readonly kept: boolean;

  /** `good` / `total`, whoever is at fault; null: nothing was due. */
  readonly sli: number | null;
  readonly sliInterval: Interval;

  /** Whether it is kept, for people; names the side that has overspent its budget. */
  readonly sentence: string;
  readonly window: SloWindow;
  readonly good: number;

  /** Deliveries whose deadline has passed. */
  readonly total: number;
  readonly sides: { readonly sender: SloSide; readonly receiver: SloSide };
}

/** By the time of acceptance. */
export interface SloWindow {
  readonly since: string;

  /** What was accepted later is not past its deadline yet. */
  readonly until: string;

  /** How fine counters are at `since`; an hour or a day (UTC) that the window cuts is left out. */
  readonly resolution: 'minute' | 'hour' | 'day';

  /** From when there is anything to count; later than `since` while the endpoints are younger than the window. */
  readonly knownSince: string;
}

export interface SnoozeRequest {
  /** At most 30 days from now. */
  readonly until: string | Date;

  /** Ends sooner if the group has twice as many as now. */
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

  /** The same for the same document: tells whether it changed without showing what is write-only. */
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

  /** What these are worth, by currency. */
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

  /** `failing`: every attempt since the last success failed. `slowed`: the receiver asked for time, or the breaker is open. `idle`: nothing was sent yet. */
  readonly state: 'failing' | 'slowed' | 'paused' | 'healthy' | 'idle';
  readonly inTime: InTime;
  readonly pending: number;
  readonly dead: number;
}

export interface TeamList {
  readonly items: readonly Team[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

export interface TeamOverview {
  readonly name: string;
  readonly description: string;
  readonly channels: readonly string[];

  /** How the team stands, for people. */
  readonly sentence: string;
  readonly level: 'ok' | 'watch' | 'act';

  /** By the time of acceptance. */
  readonly window: { readonly since: string; readonly until: string };

  /** Event types that the team owns. */
  readonly sends: readonly {
    readonly eventType: string;

    /** Null: the type is declared without one. */
    readonly description: string | null;

    /** Deliveries of it, in the window. */
    readonly accepted: number;

    /** That subscribe to it. */
    readonly endpoints: number;
  }[];

  /** Endpoints that the team owns. */
  readonly receives: readonly TeamEndpoint[];

  /** Other teams' endpoints that get the team's types. */
  readonly others: readonly TeamEndpoint[];

  /** The team's types at every endpoint, and every type at the team's endpoints; pairs without deliveries are left out. */
  readonly matrix: readonly TeamCell[];
  readonly objectives: readonly {
    readonly name: string;

    /** The team's own. */
    readonly side: 'sender' | 'receiver';

    /** The team of the other side. */
    readonly other: string | null;
    readonly target: number;
    readonly kept: boolean;
    readonly sli: number | null;

    /** Of the team's own side. */
    readonly budgetRemaining: number | null;
  }[];

  /** Those that fire. */
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

  /** False: more is at risk, or more endpoints are concerned, than was read. */
  readonly complete: boolean;
}

export interface Template {
  readonly name: string;

  /** Goes up with every change; one version has one content for good. */
  readonly version: number;

  /** Comes with Posthorn; a declared template of the same name replaces it. */
  readonly builtIn: boolean;

  /** The same for the same document: tells whether it changed without showing what is write-only. */
  readonly fingerprint: string;
  readonly description: string;

  /** Timeout of one attempt. */
  readonly timeoutMs: number;

  /** The deadline: by when a delivery ought to be delivered. */
  readonly deliverWithinS: number;

  /** Without it: ten attempts over 28 hours. */
  readonly retry?: RetryPolicy;

  /** How loud a dead letter is. */
  readonly deadLetterAlert: {
    /** `auto`: by the value, number and age of the dead letters. */
    readonly severity: 'auto' | 'ticket' | 'page';
  };

  /** The objective of each endpoint that follows the template; null: none. */
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

  /** The deadline: by when a delivery ought to be delivered. */
  readonly deliverWithinS?: number | undefined;

  /** Without it: ten attempts over 28 hours. */
  readonly retry?: RetryPolicyInput | undefined;

  /** How loud a dead letter is. */
  readonly deadLetterAlert?:
    | {
        /** `auto`: by the value, number and age of the dead letters. */
        readonly severity?: 'auto' | 'ticket' | 'page' | undefined;
      }
    | undefined;

  /** The objective of each endpoint that follows the template; null: none. */
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

  /** Of the next page; null: this is the last. */
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

  /** 0.999: one in a thousand may miss its deadline. */
  readonly target: number;
  readonly windowDays: number;
  readonly eventTypes: readonly string[];
  readonly endpointIds: readonly string[];
  readonly producer: null;

  /** The owner of the endpoint. */
  readonly consumer: string | null;

  /** With `include=status`. Whether everything is accounted for is as the last reconciliation found it. */
  readonly status?: SloStatus;
}

export interface Tenant {
  readonly name: string;

  /** The same for the same document: tells whether it changed without showing what is write-only. */
  readonly fingerprint: string;

  /** For people. */
  readonly displayName: string;

  /** Your own data, for your own use: up to 50 texts of at most 512 characters. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly limits: TenantLimits;
}

export interface TenantDocument {
  /** For people. */
  readonly displayName?: string | undefined;

  /** Your own data, for your own use: up to 50 texts of at most 512 characters. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly limits?:
    | {
        /** Endpoints that it may have. One more is refused with `tenant_limit`. */
        readonly endpoints?: number | null | undefined;

        /** Events that it may publish per second at each node, in bursts of up to one second. Beyond, publishing is refused with `too_many_events`. A batch is accepted whole as long as anything is left, and what it took too much is saved before the next one. */
        readonly eventsPerS?: number | null | undefined;

        /** Pending deliveries at which publishing is refused with `too_many_pending`. Counted at most once a second: it can be exceeded by what one request adds, and by what other nodes accept within a second. */
        readonly pendingDeliveries?: number | null | undefined;
      }
    | undefined;
}

/** Null: no limit. */
export interface TenantLimits {
  /** Endpoints that it may have. One more is refused with `tenant_limit`. */
  readonly endpoints: number | null;

  /** Events that it may publish per second at each node, in bursts of up to one second. Beyond, publishing is refused with `too_many_events`. A batch is accepted whole as long as anything is left, and what it took too much is saved before the next one. */
  readonly eventsPerS: number | null;

  /** Pending deliveries at which publishing is refused with `too_many_pending`. Counted at most once a second: it can be exceeded by what one request adds, and by what other nodes accept within a second. */
  readonly pendingDeliveries: number | null;
}

export interface TenantList {
  readonly items: readonly Tenant[];

  /** Of the next page; null: this is the last. */
  readonly nextCursor: string | null;
}

/** Reshapes the data when an attempt is made. What was published stays as it is. Bounded in time, memory and result; a failure is retried like any other, and never sends the data as it was. */
export interface Transformation {
  readonly language: 'jsonata';

  /** JSONata over the data; `$event` has `id`, `type` and `timestamp`. */
  readonly expression: string;
}

export interface TransformationDryRun {
  readonly transformation: Transformation;

  /** Any JSON. Either this or `eventId`. */
  readonly data?: unknown;

  /** What `$event.type` is with `data`. */
  readonly eventType?: string | undefined;

  /** Of a stored event; for keys that see payloads in full. */
  readonly eventId?: string | undefined;

  /** Of the event; `default` if left out. */
  readonly tenant?: string | undefined;
}

export interface TransformationOutcome {
  /** What would be sent as data; null if it fails. */
  readonly result: unknown;

  /** Why an attempt would fail; null if it would not. */
  readonly error: string | null;
}

export interface Value {
  /** Minor units; a string above 2^53. */
  readonly amountMinor: number | string;

  /** ISO 4217, upper case. */
  readonly currency: string;
}

export interface WaitingFor {
  /** `attempt`: one is under way. `due`: its first attempt; `retry`: the next one. `throttle`: its receiver asked for no requests (`Retry-After`). `circuit_breaker`: its receiver fails, and is tried a little at a time. `orderingKey`: an earlier delivery of its key goes first. `dead_letter`: one of its key holds it. `paused_endpoint`: its endpoint is paused. */
  readonly kind:
    | 'attempt'
    | 'due'
    | 'retry'
    | 'throttle'
    | 'circuit_breaker'
    | 'ordering_key'
    | 'dead_letter'
    | 'paused_endpoint';

  /** Null: that depends on something else than time. */
  readonly until: string | null;

  /** The delivery that goes first, or that holds it. */
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
  /** Whose event it is. If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;

  /** Only its deliveries to these endpoints; not found if it has none. */
  readonly endpointId?: string | readonly string[] | undefined;
}

/** What `events.replay` takes. */
export type EventsReplayInput = ReplayRequest & {
  /** Whose event it is. If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
};

/** What `events.list` takes. */
export interface EventsListInput {
  readonly tenant?: string | readonly string[] | undefined;
  readonly type?: string | readonly string[] | undefined;

  /** Events with a delivery to any of these. */
  readonly endpointId?: string | readonly string[] | undefined;
  readonly orderingKey?: string | readonly string[] | undefined;

  /** `true`: only those that no endpoint took. `false`: only others. */
  readonly unmatched?: 'true' | 'false' | undefined;

  /** Accepted at this time or later. */
  readonly since?: string | Date | undefined;

  /** Accepted before this time. */
  readonly until?: string | Date | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `attempts.list` takes. */
export interface AttemptsListInput {
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;
  readonly eventId?: string | readonly string[] | undefined;
  readonly outcome?:
    | 'delivered'
    | 'retry'
    | 'dead'
    | 'superseded'
    | readonly ('delivered' | 'retry' | 'dead' | 'superseded')[]
    | undefined;

  /** `none`: there was no response. */
  readonly statusClass?:
    | '1xx'
    | '2xx'
    | '3xx'
    | '4xx'
    | '5xx'
    | 'none'
    | readonly ('1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'none')[]
    | undefined;

  /** Started at this time or later. */
  readonly since?: string | Date | undefined;

  /** Started before this time. */
  readonly until?: string | Date | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
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
  readonly state?:
    | 'pending'
    | 'delivered'
    | 'dead'
    | 'cancelled'
    | 'suppressed'
    | readonly ('pending' | 'delivered' | 'dead' | 'cancelled' | 'suppressed')[]
    | undefined;
  readonly errorClass?:
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
    | 'secrets'
    | readonly (
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
        | 'secrets'
      )[]
    | undefined;

  /** Created at this time or later. */
  readonly since?: string | Date | undefined;

  /** Created before this time. */
  readonly until?: string | Date | undefined;

  /** Of the last response. */
  readonly statusCode?: number | readonly number[] | undefined;

  /** Teams that own the endpoint. */
  readonly owner?: string | readonly string[] | undefined;

  /** What a redrive or a replay in bulk has taken, unless a later one took it over. */
  readonly redriveId?: string | readonly string[] | undefined;

  /** Of the event; faster with its `tenant`. */
  readonly orderingKey?: string | readonly string[] | undefined;

  /** `true`: delivered after its deadline, or past it and still pending. `false`: all others. */
  readonly late?: 'true' | 'false' | undefined;

  /** Events worth at least so many minor units, whatever the currency is: give `currency` too. */
  readonly minValue?: string | undefined;

  /** Of the value of the event, ISO 4217. */
  readonly currency?: string | readonly string[] | undefined;

  /** Only those that a dead letter of their ordering key holds. */
  readonly blocked?: 'true' | undefined;

  /** Adds to each delivery what a table of deliveries shows of its event and its endpoint. */
  readonly include?: 'event' | 'endpoint' | readonly ('event' | 'endpoint')[] | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `deliveries.request` takes. */
export interface DeliveriesRequestInput {
  /** The number of an attempt. If left out: the last one. */
  readonly attempt?: number | undefined;
}

/** What `blockedKeys.list` takes. */
export interface BlockedKeysListInput {
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** What `deadLetters.list` takes. */
export interface DeadLettersListInput {
  readonly tenant?: string | readonly string[] | undefined;
  readonly endpointId?: string | readonly string[] | undefined;

  /** Teams that own the endpoint. */
  readonly owner?: string | readonly string[] | undefined;

  /** `dead`, `suppressed` or both; dead letters if left out. */
  readonly state?: 'dead' | 'suppressed' | readonly ('dead' | 'suppressed')[] | undefined;

  /** Created at this time or later. */
  readonly since?: string | Date | undefined;

  /** Created before this time. */
  readonly until?: string | Date | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `endpoints.list` takes. */
export interface EndpointsListInput {
  readonly tenant?: string | readonly string[] | undefined;

  /** Only these, by id or name. */
  readonly endpointId?: string | readonly string[] | undefined;

  /** Only those with this text in id, name, URL, description or owner. */
  readonly q?: string | undefined;

  /** Only those of these teams. */
  readonly owner?: string | readonly string[] | undefined;

  /** Only those without an owner, or whose owner is not a declared team. */
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

  /** `need`: those that need somebody first, by state, dead letters and what waits. */
  readonly sort?: 'created' | 'name' | 'need' | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `endpoints.get` takes. */
export interface EndpointsGetInput {
  /** Of the endpoint, if it is given by its name. If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
}

/** What `endpoints.ensure` takes. */
export type EndpointsEnsureInput = NamedEndpointRequest & { readonly tenant?: string | undefined };

/** What `endpoints.update` takes. */
export type EndpointsUpdateInput = EndpointChange & {
  /** Of the endpoint, if it is given by its name. If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
};

/** What `endpoints.delete` takes. */
export interface EndpointsDeleteInput {
  /** Of the endpoint, if it is given by its name. If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
}

/** What `endpoints.pause` takes. */
export type EndpointsPauseInput = EndpointPause & {
  /** Of the endpoint, if it is given by its name. If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
};

/** What `endpoints.resume` takes. */
export interface EndpointsResumeInput {
  /** Of the endpoint, if it is given by its name. If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
}

/** What `endpoints.rotateSecret` takes. */
export type EndpointsRotateSecretInput = SecretRotation & {
  /** Of the endpoint, if it is given by its name. If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
};

/** What `endpoints.publicKeys` takes. */
export interface EndpointsPublicKeysInput {
  /** Of the endpoint, if it is given by its name. If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
}

/** What `endpoints.test` takes. */
export interface EndpointsTestInput {
  /** Of the endpoint, if it is given by its name. If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;

  /** For the attempt, at most. If left out: the endpoint's timeout and 2 s, at most 30 s. */
  readonly waitS?: number | undefined;
}

/** What `endpoints.health` takes. */
export interface EndpointsHealthInput {
  /** Of the endpoint, if it is given by its name. If left out: the tenant that the key is bound to, else `default`. */
  readonly tenant?: string | undefined;
}

/** What `redrives.list` takes. */
export interface RedrivesListInput {
  /** Only redrives whose filter names tenants, and none but these. */
  readonly tenant?: string | readonly string[] | undefined;

  /** Only redrives whose filter names endpoints, and none but these. */
  readonly endpointId?: string | readonly string[] | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `replays.list` takes. */
export interface ReplaysListInput {
  /** Only replays whose filter names tenants, and none but these. */
  readonly tenant?: string | readonly string[] | undefined;

  /** Only replays whose filter names endpoints, and none but these. */
  readonly endpointId?: string | readonly string[] | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
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

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** What `series.get` takes. */
export interface SeriesGetInput {
  readonly measure?: 'counts' | 'in_time' | 'failures' | 'latency' | undefined;

  /** `errorClass` and `fault_domain` (one of 18 classes, or whose fault) go with `failures` alone. */
  readonly by?: 'none' | 'endpoint' | 'owner' | 'event_type' | 'error_class' | 'fault_domain' | undefined;
  readonly step?: 'auto' | 'minute' | 'hour' | 'day' | undefined;

  /** By default 24 hours before `until`. */
  readonly since?: string | Date | undefined;

  /** By default now. */
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

  /** The window: what was accepted in this time before it. */
  readonly last?: '1h' | '24h' | '7d' | undefined;
}

/** What `slos.history` takes. */
export interface SlosHistoryInput {
  /** How fine the stretches are at most. */
  readonly step?: 'minute' | 'hour' | 'day' | undefined;
}

/** What `slos.minutes` takes. */
export interface SlosMinutesInput {
  /** By default the beginning of the window. */
  readonly since?: string | Date | undefined;

  /** By default now. */
  readonly until?: string | Date | undefined;
}

/** What `conformance.get` takes. */
export interface ConformanceGetInput {
  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `nodes.list` takes. */
export interface NodesListInput {
  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `markers.list` takes. */
export interface MarkersListInput {
  /** Inclusive. */
  readonly since?: string | Date | undefined;

  /** Exclusive. */
  readonly until?: string | Date | undefined;

  /** `true`: only those that Posthorn put by itself. `false`: only the others. */
  readonly automatic?: 'true' | 'false' | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** What `impact.get` takes. */
export interface ImpactGetInput {
  /** When the change was made; instead of both windows. */
  readonly at?: string | Date | undefined;
  readonly beforeSince?: string | Date | undefined;
  readonly beforeUntil?: string | Date | undefined;
  readonly afterSince?: string | Date | undefined;
  readonly afterUntil?: string | Date | undefined;

  /** Only deliveries of this tenant. Default: all but those of Posthorn itself. */
  readonly tenant?: string | undefined;

  /** Of the objective that `budgetBurned` is about. */
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

  /** Alerts about endpoints of these tenants; those about everything are in none. */
  readonly tenant?: string | readonly string[] | undefined;

  /** Alerts about these endpoints. */
  readonly endpointId?: string | readonly string[] | undefined;

  /** Alerts about these objectives. */
  readonly slo?: string | readonly string[] | undefined;

  /** Alerts about what these teams own. */
  readonly owner?: string | readonly string[] | undefined;

  /** Alerts that were open at this time or later. */
  readonly since?: string | Date | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `alerts.acknowledge` takes. */
export type AlertsAcknowledgeInput = {
  /** For whoever looks at it next. */
  readonly note?: string | undefined;

  /** In the future, at most 30 days from now. Left out: until it is over. */
  readonly until?: string | Date | undefined;
};

/** What `channels.list` takes. */
export interface ChannelsListInput {
  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `teams.list` takes. */
export interface TeamsListInput {
  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `tenants.list` takes. */
export interface TenantsListInput {
  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `templates.list` takes. */
export interface TemplatesListInput {
  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `eventTypes.list` takes. */
export interface EventTypesListInput {
  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `slos.list` takes. */
export interface SlosListInput {
  /** `status`: how each objective of the page stands. */
  readonly include?: 'status' | readonly 'status'[] | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `keys.list` takes. */
export interface KeysListInput {
  readonly tenant?: string | readonly string[] | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `auditLog.list` takes. */
export interface AuditLogListInput {
  readonly tenant?: string | undefined;

  /** The actor's id. */
  readonly actor?: string | undefined;
  readonly action?: string | undefined;

  /** Such as `endpoint` or `key`. */
  readonly targetKind?: string | undefined;

  /** The target's id or name. */
  readonly target?: string | undefined;

  /** At this time or later. */
  readonly since?: string | Date | undefined;

  /** Before this time. */
  readonly until?: string | Date | undefined;

  /** Items of a page at most. */
  readonly limit?: number | undefined;

  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

/** What `reconcile.runLines` takes beside the lines. */
export interface ReconcileRunLinesInput {
  /** Whose deliveries: an endpoint, by id or name. */
  readonly endpointId: string;

  /** Of an endpoint that is given by its name; default: `default`. */
  readonly tenant?: string | undefined;

  /** Deliveries that were created at this time or later. */
  readonly since: string | Date;

  /** Deliveries that were created before this time. */
  readonly until: string | Date;

  /** `nextCursor` of the answer before, with the same ids. */
  readonly cursor?: string | undefined;

  /** Items of `missing`, and of `unexpected`, in an answer at most. */
  readonly limit?: number | undefined;
}
