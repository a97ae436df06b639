/** By what counters can be grouped. */
export const accountingKeys = ['endpoint', 'event_type', 'owner', 'tenant', 'hour', 'day'] as const;
export type AccountingKey = (typeof accountingKeys)[number];
