import type { Command } from 'commander';
import { commandFrom } from './optional-package.ts';

/** A command, and how to load it. */
export interface CommandEntry {
  readonly name: string;
  readonly description: string;
  readonly load: () => Promise<Command>;
}

/**
 * The commands of Posthorn, in the order in which people need them. A command's code is loaded only when it is used:
 * all of it takes a second of processor time, and most commands need a tenth of that.
 */
export const commands: readonly CommandEntry[] = [
  {
    name: 'serve',
    description: 'Run Posthorn: accept events over HTTP and deliver them',
    load: async () => (await import('./commands/serve.ts')).serveCommand(),
  },
  {
    name: 'demo',
    description:
      'Deliver 10,000 payment events to four receivers, with a SIGKILL in the middle, and account for all of them',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
  {
    name: 'publish',
    description: 'Publish events from a file or from standard input',
    load: async () => (await import('./commands/publish.ts')).publishCommand(),
  },
  {
    name: 'ingest',
    description:
      'Publish the messages of Kafka, NATS JetStream, Amazon SQS or a PostgreSQL outbox, each exactly once by its id',
    load: async () => (await import('./commands/ingest.ts')).ingestCommand(),
  },
  {
    name: 'endpoints',
    description: 'List endpoints with their health; create, test, pause, resume, rotate and delete them',
    load: async () => (await import('./commands/endpoints.ts')).endpointsCommand(),
  },
  {
    name: 'events',
    description: 'List events, and show one with its data and its deliveries',
    load: async () => (await import('./commands/events.ts')).eventsCommand(),
  },
  {
    name: 'deliveries',
    description: 'List deliveries, newest first, or show one with its attempts',
    load: async () => (await import('./commands/deliveries.ts')).deliveriesCommand(),
  },
  {
    name: 'attempts',
    description: 'List attempts across deliveries',
    load: async () => (await import('./commands/attempts.ts')).attemptsCommand(),
  },
  {
    name: 'dead-letters',
    description: 'List dead letters, grouped by endpoint and error',
    load: async () => (await import('./commands/dead-letters.ts')).deadLettersCommand(),
  },
  {
    name: 'redrive',
    description: 'Make dead or suppressed deliveries pending again: one, or all that match',
    load: async () => (await import('./commands/redrive.ts')).redriveCommand(),
  },
  {
    name: 'redrives',
    description: 'List bulk redrives, and show, change or stop one',
    load: async () => (await import('./commands/redrives.ts')).redrivesCommand(),
  },
  {
    name: 'replay',
    description: 'Deliver past events again: one, or all whose deliveries match',
    load: async () => (await import('./commands/replay.ts')).replayCommand(),
  },
  {
    name: 'replays',
    description: 'List bulk replays, and show, change or stop one',
    load: async () => (await import('./commands/redrives.ts')).replaysCommand(),
  },
  {
    name: 'cancel',
    description:
      'Cancel pending deliveries, by id or by filter, or give up dead letters that block their ordering key',
    load: async () => (await import('./commands/cancel.ts')).cancelCommand(),
  },
  {
    name: 'filters',
    description: 'Try a filter on recent events',
    load: async () => (await import('./commands/filters.ts')).filtersCommand(),
  },
  {
    name: 'transformations',
    description: 'Try a transformation on data or on a stored event',
    load: async () => (await import('./commands/transformations.ts')).transformationsCommand(),
  },
  {
    name: 'listen',
    description: "Send copies of an endpoint's deliveries to a receiver on this machine",
    load: async () => (await import('./commands/listen.ts')).listenCommand(),
  },
  {
    name: 'reconcile',
    description: 'Compare what was delivered to an endpoint with the ids that its receiver has',
    load: async () => (await import('./commands/reconcile.ts')).reconcileCommand(),
  },
  {
    name: 'accounting',
    description:
      'Show what became of everything accepted: accepted = delivered + pending + dead + cancelled + suppressed',
    load: async () => (await import('./commands/accounting.ts')).accountingCommand(),
  },
  {
    name: 'expect',
    description: 'Compare the events that should have been published with those that were accepted',
    load: async () => (await import('./commands/expect.ts')).expectCommand(),
  },
  {
    name: 'verify',
    description:
      'Check the ledger and the audit log of a data directory, running or stopped: accepted = delivered + pending + dead + cancelled + suppressed',
    load: async () => (await import('./commands/verify.ts')).verifyCommand(),
  },
  {
    name: 'backup',
    description: 'Copy a data directory, even while Posthorn runs, and verify the copy',
    load: async () => (await import('./commands/backup.ts')).backupCommand(),
  },
  {
    name: 'audit',
    description: "Find silent drops in any webhook sender's logs, name the cause, and put a price on it",
    load: () => commandFrom('@posthorn/audit', 'audit'),
  },
  {
    name: 'impact',
    description:
      'Compare the drop rate before and after a change, with intervals, from logs or from a Posthorn',
    load: () => commandFrom('@posthorn/audit', 'impact'),
  },
  {
    name: 'lab',
    description:
      "Simulate payments, networks and crashes from a seed: Posthorn's own engine beside the sender of the incident",
    load: () => commandFrom('@posthorn/lab', 'lab'),
  },
  {
    name: 'apply',
    description:
      'Declare tenants, channels, teams, templates, event types and objectives as code: make the server match a file (safe to repeat)',
    load: async () => (await import('./commands/apply.ts')).applyCommand(),
  },
  {
    name: 'slo',
    description: 'List objectives, show their status, and convert from and to OpenSLO documents',
    load: async () => (await import('./commands/slo.ts')).sloCommand(),
  },
  {
    name: 'conformance',
    description:
      'List endpoints and event types without a template, an objective or an owner (exit code 1 if there are any)',
    load: async () => (await import('./commands/slo-status.ts')).conformanceCommand(),
  },
  {
    name: 'alerts',
    description: 'List and acknowledge alerts, and backtest alert rules',
    load: async () => (await import('./commands/alerts.ts')).alertsCommand(),
  },
  {
    name: 'channels',
    description: 'List, show, declare, test and delete notification channels',
    load: async () => (await import('./commands/channels.ts')).channelsCommand(),
  },
  {
    name: 'rules',
    description: 'Export rules and a dashboard for Prometheus and Grafana',
    load: async () => (await import('./commands/rules.ts')).rulesCommand(),
  },
  {
    name: 'secrets',
    description: 'Generate, show and rotate the keys that encrypt stored secrets',
    load: async () => (await import('./commands/secrets.ts')).secretsCommand(),
  },
  {
    name: 'nodes',
    description: 'List the live nodes of a shared database, and the shards that each owns',
    load: async () => (await import('./commands/nodes.ts')).nodesCommand(),
  },
  {
    name: 'keys',
    description: 'List, create, show, revoke and rotate API keys',
    load: async () => (await import('./commands/keys.ts')).keysCommand(),
  },
  {
    name: 'markers',
    description: 'List, create and delete markers: deploys and other moments that charts show',
    load: async () => (await import('./commands/markers.ts')).markersCommand(),
  },
  {
    name: 'teams',
    description: 'List, show, declare and delete teams',
    load: async () => (await import('./commands/documents.ts')).teamsCommand(),
  },
  {
    name: 'templates',
    description: 'List, show, declare and delete templates (delivery policies)',
    load: async () => (await import('./commands/documents.ts')).templatesCommand(),
  },
  {
    name: 'event-types',
    description: 'List, show, declare and delete event types',
    load: async () => (await import('./commands/documents.ts')).eventTypesCommand(),
  },
  {
    name: 'tenants',
    description: 'List, declare, show and delete tenants: display name, metadata, limits',
    load: async () => (await import('./commands/tenants.ts')).tenantsCommand(),
  },
  {
    name: 'audit-log',
    description: 'List who changed what, or export all entries with their hashes',
    load: async () => (await import('./commands/audit-log.ts')).auditLogCommand(),
  },
  {
    name: 'migrate',
    description: 'Update the schema of a PostgreSQL database; serve does it too when it starts',
    load: async () => (await import('./commands/migrate.ts')).migrateCommand(),
  },
  {
    name: 'import',
    description:
      'Write what another sender has as a posthorn.yaml, with its secrets, and import its past messages',
    load: async () => (await import('../importers/command.ts')).importCommand(process.env),
  },
  {
    name: 'shadow',
    description: 'Beside another sender: compare both while only it delivers, and go live',
    load: async () => (await import('./commands/shadow.ts')).shadowCommand(),
  },
  {
    name: 'completion',
    description: 'Print the script that completes these commands in bash, zsh or fish',
    load: async () => (await import('./commands/completion.ts')).completionCommand(commands),
  },
];
