import type {
  ChannelDocument,
  EndpointRequest,
  SloDocument,
  TeamDocument,
  TemplateDocument,
} from '@posthorn/client';

// Who takes part in the history of Kestrel Pay: teams, what they send and receive, and what they promise each other.

/** Deleted at the end, like a renamed team: the endpoint that it owned then lacks an owner. */
export const formerTeam = 'finanse';

export const teams: Readonly<Record<string, TeamDocument>> = {
  payments: { description: 'Payment intents, refunds and disputes', channels: ['payments-slack', 'pager'] },
  checkout: { description: 'Checkout sessions and subscriptions', channels: ['payments-slack'] },
  shop: { description: 'Orders, stock and search', channels: ['shop-slack'] },
  finance: { description: 'The ledger and payouts', channels: ['finance-slack', 'pager'] },
  fraud: { description: 'Scores payments while they are made', channels: ['pager'] },
  growth: { description: 'Customer relations, mail and analytics', channels: ['growth-slack'] },
  partners: { description: 'Receivers outside Kestrel', channels: ['partners-hook'] },
  platform: { description: 'Owns the templates', channels: ['payments-slack'] },
};

export const channels: Readonly<Record<string, ChannelDocument>> = {
  'payments-slack': { kind: 'slack', url: 'https://hooks.slack.example/services/T0KESTREL/B0PAY/4qXv' },
  'shop-slack': { kind: 'slack', url: 'https://hooks.slack.example/services/T0KESTREL/B0SHOP/9mLw' },
  'finance-slack': { kind: 'slack', url: 'https://hooks.slack.example/services/T0KESTREL/B0FIN/2kRz' },
  'growth-slack': { kind: 'slack', url: 'https://hooks.slack.example/services/T0KESTREL/B0GRO/7tNc' },
  'partners-hook': { kind: 'webhook', url: 'https://alerts.kestrel.example/partners' },
  pager: {
    kind: 'pagerduty',
    routingKey: 'R02KESTREL7PAGER1234567890ABCDEF',
    url: 'https://events.pagerduty.example/v2/enqueue',
  },
};

const shortSchedule = { scheduleS: [5, 30, 120, 600, 1800, 3600], jitter: 0.1, giveUpAfterS: 10_800 };

export const templates: Readonly<Record<string, TemplateDocument>> = {
  orders: {
    description: 'A customer waits: within a minute, retried for two hours',
    timeoutMs: 10_000,
    deliverWithinS: 60,
    retry: shortSchedule,
    deadLetterAlert: { severity: 'page' },
    slo: { target: 0.995, windowDays: 30 },
  },
  partner: {
    description: 'Receivers outside Kestrel: within five minutes, retried for two hours',
    timeoutMs: 15_000,
    deliverWithinS: 300,
    retry: shortSchedule,
    deadLetterAlert: { severity: 'ticket' },
    slo: { target: 0.99, windowDays: 30 },
  },
};

export interface EventTypeOfKestrel {
  readonly description: string;
  readonly owner: string;
  /** Its share of all events. */
  readonly share: number;
  /** JSON Pointer to the amount in the sample's object; null: events without a value. */
  readonly amount: string | null;
  /** The sample type that provides its data. */
  readonly sample?: string;
}

export const eventTypes: Readonly<Record<string, EventTypeOfKestrel>> = {
  'payment_intent.created': {
    description: 'A customer begins to pay',
    owner: 'payments',
    share: 0.25,
    amount: 'amount',
  },
  'payment_intent.succeeded': {
    description: 'A payment was made',
    owner: 'payments',
    share: 0.34,
    amount: 'amount',
  },
  'charge.refunded': {
    description: 'A charge was refunded, in whole or in part',
    owner: 'payments',
    share: 0.04,
    amount: 'amount_refunded',
  },
  'charge.dispute.created': {
    description: 'A customer disputes a charge',
    owner: 'payments',
    share: 0.006,
    amount: 'amount',
  },
  'payout.paid': { description: 'Money is at the bank', owner: 'payments', share: 0.014, amount: 'amount' },
  'refund.updated': {
    description: 'A refund has its reference number',
    owner: 'payments',
    share: 0,
    amount: 'amount',
    sample: 'refund.created',
  },
  'checkout.session.completed': {
    description: 'A checkout is complete',
    owner: 'checkout',
    share: 0.2,
    amount: 'amount_total',
  },
  'invoice.paid': {
    description: 'An invoice was paid',
    owner: 'checkout',
    share: 0.09,
    amount: 'amount_paid',
  },
  'customer.subscription.updated': {
    description: 'A subscription has changed',
    owner: 'checkout',
    share: 0.06,
    amount: null,
  },
};

/** How a receiver answers when it is healthy. */
export interface Manner {
  /** Median and 99th percentile, ms. */
  readonly medianMs: number;
  readonly p99Ms: number;
}

export interface ReceiverOfKestrel extends Manner {
  readonly host: string;
  readonly endpoint: Omit<EndpointRequest, 'url'>;
}

export const receivers: Readonly<Record<string, ReceiverOfKestrel>> = {
  orders: {
    host: 'orders.kestrel.example',
    medianMs: 90,
    p99Ms: 900,
    endpoint: {
      description: 'Confirms orders once they are paid',
      owner: 'shop',
      template: 'orders',
      eventTypes: ['payment_intent.succeeded', 'checkout.session.completed'],
    },
  },
  ledger: {
    host: 'ledger.kestrel.example',
    medianMs: 140,
    p99Ms: 1500,
    endpoint: {
      description: 'Enters payments, refunds and payouts',
      owner: 'finance',
      template: 'payments-critical',
      eventTypes: ['payment_intent.succeeded', 'charge.refunded', 'charge.dispute.created', 'payout.paid'],
    },
  },
  fraud: {
    host: 'fraud.kestrel.example',
    medianMs: 12,
    p99Ms: 40,
    endpoint: {
      description: 'Scores every payment',
      owner: 'fraud',
      template: 'payments-critical',
      eventTypes: ['payment_intent.*'],
      maxInFlight: 128,
    },
  },
  crm: {
    host: 'crm.kestrel.example',
    medianMs: 210,
    p99Ms: 2400,
    endpoint: {
      description: 'Customer relations',
      owner: 'growth',
      template: 'best-effort',
      eventTypes: ['customer.subscription.updated', 'invoice.paid'],
    },
  },
  mail: {
    host: 'mail.kestrel.example',
    medianMs: 160,
    p99Ms: 1200,
    endpoint: {
      description: 'Receipts and reminders',
      owner: 'growth',
      template: 'standard',
      eventTypes: ['invoice.paid', 'checkout.session.completed', 'charge.refunded'],
      rateLimitPerS: 20,
    },
  },
  search: {
    host: 'search.kestrel.example',
    medianMs: 1900,
    p99Ms: 4200,
    endpoint: {
      description: 'Sold-out items leave the search',
      owner: 'shop',
      template: 'best-effort',
      eventTypes: ['checkout.session.completed'],
      maxInFlight: 8,
    },
  },
  warehouse: {
    host: 'warehouse.kestrel.example',
    medianMs: 120,
    p99Ms: 800,
    endpoint: {
      description: 'Reserves stock, in the order of each customer',
      owner: 'shop',
      template: 'orders',
      eventTypes: ['payment_intent.succeeded'],
      ordering: 'key',
      onDead: 'block',
    },
  },
  partner: {
    host: 'hooks.partner.example',
    medianMs: 320,
    p99Ms: 3000,
    endpoint: {
      description: 'Brightside, a marketplace',
      owner: 'partners',
      template: 'partner',
      eventTypes: ['payout.paid', 'charge.refunded', 'invoice.paid'],
    },
  },
  legacy: {
    host: 'legacy.kestrel.example',
    medianMs: 700,
    p99Ms: 5000,
    endpoint: { description: 'The old back office', eventTypes: ['charge.refunded'] },
  },
  sandbox: {
    host: 'sandbox.kestrel.example',
    medianMs: 60,
    p99Ms: 300,
    endpoint: {
      description: 'Trial runs of the payout report',
      owner: formerTeam,
      template: 'partner',
      eventTypes: ['payout.paid'],
    },
  },
  receipts: {
    host: 'receipts.kestrel.example',
    medianMs: 45,
    p99Ms: 260,
    endpoint: {
      description: 'Prints receipts',
      owner: 'checkout',
      template: 'standard',
      eventTypes: ['checkout.*'],
    },
  },
  analytics: {
    host: 'analytics.kestrel.example',
    medianMs: 30,
    p99Ms: 180,
    endpoint: {
      description: 'The data warehouse',
      owner: 'growth',
      template: 'partner',
      eventTypes: ['payment_intent.*', 'checkout.session.completed'],
    },
  },
  disputes: {
    host: 'disputes.kestrel.example',
    medianMs: 80,
    p99Ms: 600,
    endpoint: {
      description: 'Collects evidence for disputes',
      owner: 'fraud',
      template: 'standard',
      eventTypes: ['charge.dispute.*', 'charge.refunded'],
    },
  },
  northwind: {
    host: 'hooks.northwind.example',
    medianMs: 260,
    p99Ms: 2200,
    endpoint: {
      description: 'Northwind, a marketplace',
      owner: 'partners',
      template: 'partner',
      eventTypes: ['payment_intent.succeeded'],
    },
  },
};

/** What the teams promise each other; `endpoints` by name. */
export const objectives: Readonly<
  Record<string, Omit<SloDocument, 'endpointIds'> & { readonly endpoints: readonly string[] }>
> = {
  'payments-to-fraud': {
    description: 'Every payment is scored while the customer waits',
    target: 0.999,
    windowDays: 30,
    eventTypes: ['payment_intent.*'],
    endpoints: ['fraud'],
    producer: 'payments',
    consumer: 'fraud',
  },
  'payments-to-ledger': {
    description: 'Payments are in the ledger within a minute',
    target: 0.995,
    windowDays: 30,
    eventTypes: ['payment_intent.succeeded', 'charge.refunded', 'payout.paid'],
    endpoints: ['ledger'],
    producer: 'payments',
    consumer: 'finance',
  },
  'checkout-to-shop': {
    description: 'Orders are confirmed within a minute',
    target: 0.995,
    windowDays: 30,
    eventTypes: ['payment_intent.succeeded', 'checkout.session.completed'],
    endpoints: ['orders'],
    producer: 'checkout',
    consumer: 'shop',
  },
  accounted: {
    description: 'Nothing is silently lost',
    objective: 'accounted',
    target: 1,
    windowDays: 30,
    endpoints: [],
    producer: 'payments',
    consumer: 'finance',
  },
};
