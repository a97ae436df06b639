/** The pages of which there are pictures. */

export const settingsPages = ['keys', 'channels', 'templates', 'event-types', 'nodes', 'log'] as const;
export const screenNames = [
  'now',
  'wall',
  'deliveries',
  'delivery',
  'event',
  'dead-letters',
  'redrives',
  'redrive',
  'endpoints',
  'endpoint',
  'new-endpoint',
  'objectives',
  'objective',
  'teams',
  'team',
  'impact',
  'missed',
  ...settingsPages.map((name) => `settings-${name}` as const),
  'sign-in',
  'portal',
] as const;
