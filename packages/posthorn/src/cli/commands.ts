import type { Command } from 'commander';
import { commandFrom } from './optional-package.ts';

/** A command, and how to get hold of it. */
export interface CommandEntry {
  readonly name: string;
  readonly description: string;
  readonly load: () => Promise<Command>;
}

/**
 * What Posthorn can be told to do, in the order in which people need it. A command's own code is loaded only when it is
 * asked for: all of it together takes a second of processor time, most commands need a tenth of that.
 */
export const commands: readonly CommandEntry[] = [
  {
    name: 'serve',
    description: 'run Posthorn: accept events over HTTP and deliver them',
    load: async () => (await import('./commands/serve.ts')).serveCommand(),
  },
  {
    name: 'demo',
    description:
      'deliver 10,000 payment events to four receivers, with a SIGKILL in the middle, and account for all of them',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
  {
    name: 'publish',
    description: 'publish events from a file, or from standard input',
    load: async () => (await import('./commands/publish.ts')).publishCommand(),
  },
  {
    name: 'deliveries',
    description: 'list deliveries, newest first, or show one with its attempts',
    load: async () => (await import('./commands/deliveries.ts')).deliveriesCommand(),
  },
  {
    name: 'dead-letters',
    description: 'dead letters, grouped by endpoint and failure',
    load: async () => (await import('./commands/dead-letters.ts')).deadLettersCommand(),
  },
  {
    name: 'redrive',
    description: 'make dead or suppressed deliveries pending again: one, or all that match',
    load: async () => (await import('./commands/redrive.ts')).redriveCommand(),
  },
  {
    name: 'redrives',
    description: 'list redrives in bulk, and show, change or stop one',
    load: async () => (await import('./commands/redrives.ts')).redrivesCommand(),
  },
  {
    name: 'replay',
    description: 'deliver past events again: one, or all whose deliveries match',
    load: async () => (await import('./commands/replay.ts')).replayCommand(),
  },
  {
    name: 'replays',
    description: 'list replays in bulk, and show, change or stop one',
    load: async () => (await import('./commands/redrives.ts')).replaysCommand(),
  },
  {
    name: 'cancel',
    description: 'cancel pending deliveries, or give up dead letters that block their ordering key',
    load: async () => (await import('./commands/cancel.ts')).cancelCommand(),
  },
  {
    name: 'filters',
    description: 'try a filter on recent events',
    load: async () => (await import('./commands/filters.ts')).filtersCommand(),
  },
  {
    name: 'transformations',
    description: 'try a transformation on data or on a stored event',
    load: async () => (await import('./commands/transformations.ts')).transformationsCommand(),
  },
  {
    name: 'reconcile',
    description: 'compare what was delivered to an endpoint with the ids that its receiver has',
    load: async () => (await import('./commands/reconcile.ts')).reconcileCommand(),
  },
  {
    name: 'verify',
    description:
      'check the books and the audit log of a data directory, running or stopped: accepted = delivered + pending + dead + cancelled + suppressed',
    load: async () => (await import('./commands/verify.ts')).verifyCommand(),
  },
  {
    name: 'audit',
    description: "find silent drops in any webhook sender's logs, name the cause, and put a price on it",
    load: () => commandFrom('@posthorn/audit', 'audit'),
  },
  {
    name: 'impact',
    description:
      'what a change did to the drop rate, with intervals: before and after, from logs or from a Posthorn',
    load: () => commandFrom('@posthorn/audit', 'impact'),
  },
  {
    name: 'lab',
    description:
      "simulate payments, networks and crashes from a seed: Posthorn's own engine beside the sender of the incident",
    load: () => commandFrom('@posthorn/lab', 'lab'),
  },
  {
    name: 'apply',
    description:
      'declare tenants, channels, teams, templates, event types and objectives as code: makes the server have what a file says; again changes nothing',
    load: async () => (await import('./commands/apply.ts')).applyCommand(),
  },
  {
    name: 'slo',
    description: 'objectives: how they stand, and to and from OpenSLO documents',
    load: async () => (await import('./commands/slo.ts')).sloCommand(),
  },
  {
    name: 'conformance',
    description:
      'endpoints and event types that follow no template, have no objective or no owner; exit code 1 where there are any',
    load: async () => (await import('./commands/slo-status.ts')).conformanceCommand(),
  },
  {
    name: 'alerts',
    description: 'what is wrong now, and what alert rules would have said',
    load: async () => (await import('./commands/alerts.ts')).alertsCommand(),
  },
  {
    name: 'channels',
    description: 'where notifications go: list channels, and test one',
    load: async () => (await import('./commands/channels.ts')).channelsCommand(),
  },
  {
    name: 'rules',
    description: 'rules and a dashboard for Prometheus and Grafana',
    load: async () => (await import('./commands/rules.ts')).rulesCommand(),
  },
  {
    name: 'secrets',
    description: 'the keys that signing secrets, header values and what else is secret are encrypted with',
    load: async () => (await import('./commands/secrets.ts')).secretsCommand(),
  },
  {
    name: 'nodes',
    description: 'the living nodes of a shared database, and which shards each owns',
    load: async () => (await import('./commands/nodes.ts')).nodesCommand(),
  },
  {
    name: 'keys',
    description: 'API keys: list, create, show, revoke and rotate them',
    load: async () => (await import('./commands/keys.ts')).keysCommand(),
  },
  {
    name: 'markers',
    description: 'list markers, and create or delete one: deploys and other moments that charts show',
    load: async () => (await import('./commands/markers.ts')).markersCommand(),
  },
  {
    name: 'tenants',
    description: 'list tenants, and declare, show or delete one: display name, metadata, limits',
    load: async () => (await import('./commands/tenants.ts')).tenantsCommand(),
  },
  {
    name: 'audit-log',
    description: 'who has changed what: list the entries, or export all of them with their hashes',
    load: async () => (await import('./commands/audit-log.ts')).auditLogCommand(),
  },
  {
    name: 'migrate',
    description: 'bring the schema of a PostgreSQL up to date; serve does it too, at its start',
    load: async () => (await import('./commands/migrate.ts')).migrateCommand(),
  },
];
