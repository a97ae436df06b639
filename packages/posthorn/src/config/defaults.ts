/** Defaults: for `posthorn serve` and its documentation, and for an application that embeds a node. */
export const defaults = {
  host: '127.0.0.1',
  port: 8400,
  dataDir: './posthorn-data',
  logLevel: 'info',
  /** How long finished deliveries are kept. */
  retentionDays: 30,
  deadRetentionDays: 90,
  auditRetentionDays: 400,
  stopGraceS: 20,
  reconcileEveryS: 60,
  evaluateEveryS: 15,
} as const;
