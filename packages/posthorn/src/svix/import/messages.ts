import type { Client } from '@posthorn/client';
import { eventId, eventType, maxRoutingKeys, routingKey } from '../../contract/fields.ts';
import { maxBatchBytes, maxDataBytes } from '../../contract/limits.ts';
import type { FormerState } from '../../domain/imported.ts';
import { dayMs } from '../../domain/time.ts';
import type { Remark } from '../../importers/declarations.ts';
import type { SvixDeclarations } from './declarations.ts';
import { storedMessages, type StoredMessage } from './messages-source.ts';

/** What became of the messages. */
export interface MessagesReport {
  readonly read: number;
  /** Events that were not in Posthorn before; in a dry run, that would be. */
  readonly imported: number;
  readonly existing: number;
  /** Deliveries by the state that they have at Svix, of all messages that were read. */
  readonly deliveries: Readonly<Record<FormerState, number>>;
  /** Deliveries left out: their endpoint is deleted at Svix, was left out, or is not in Posthorn yet. */
  readonly without_endpoint: number;
  /** How many messages were left out for each reason. */
  readonly left_out: Readonly<Record<string, number>>;
  /** The first of them. */
  readonly examples: readonly Remark[];
}

interface Options {
  readonly databaseUrl: string;
  readonly days: number;
  readonly isDryRun: boolean;
  readonly now: number;
}

const maxExamples = 20;
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The data of a message as text, or why it cannot be taken. */
function dataFrom({ payload }: StoredMessage): { readonly text: string } | { readonly fault: string } {
  if (payload === null) return { fault: 'its payload has expired at Svix' };
  if (payload.length > maxDataBytes) return { fault: `its payload is larger than ${maxDataBytes} bytes` };
  try {
    const text = decoder.decode(payload);
    JSON.parse(text);
    return { text };
  } catch {
    return { fault: 'its payload is not JSON' };
  }
}

function faultOf({ event_type: type, channels }: StoredMessage, id: string): string | null {
  if (!eventType.safeParse(type).success) return 'its event type is not a name that Posthorn takes';
  if (!eventId.safeParse(id).success) return 'its id is not one that Posthorn takes';
  const keys = channels ?? [];
  if (keys.length > maxRoutingKeys || keys.some((key) => !routingKey.safeParse(key).success))
    return 'its channels are not routing keys that Posthorn takes';
  return null;
}

/** Collects what is reported, and sends events in batches of one tenant. */
class MessageImport {
  readonly deliveries = { delivered: 0, failed: 0, pending: 0 };
  readonly leftOut: Record<string, number> = {};
  readonly examples: Remark[] = [];
  read = 0;
  imported = 0;
  existing = 0;
  withoutEndpoint = 0;
  readonly #client: Client;
  readonly #declared: SvixDeclarations;
  readonly #isDryRun: boolean;
  /** Names of the endpoints that are in Posthorn, by tenant. */
  readonly #names = new Map<string, ReadonlySet<string>>();

  constructor(client: Client, declared: SvixDeclarations, isDryRun: boolean) {
    this.#client = client;
    this.#declared = declared;
    this.#isDryRun = isDryRun;
  }

  async add(messages: readonly StoredMessage[]): Promise<void> {
    for (const [application, of] of Map.groupBy(messages, ({ app_id: id }) => id)) {
      const tenant = this.#declared.tenants.get(application);
      // Its application is deleted, left out, or another organization's.
      if (tenant === undefined) continue;
      const names = await this.#namesIn(tenant);
      this.read += of.length;
      const texts = of.flatMap((message) => this.#textOf(message, names) ?? []);
      await this.#send(tenant, texts);
    }
  }

  async #namesIn(tenant: string): Promise<ReadonlySet<string>> {
    const known = this.#names.get(tenant);
    if (known !== undefined) return known;
    const names = new Set<string>();
    for await (const { items } of this.#client.endpoints.list({ tenant: [tenant], limit: 1000 }).pages())
      for (const { name } of items) if (name !== null) names.add(name);
    this.#names.set(tenant, names);
    return names;
  }

  /** The event as the API takes it: its data is passed on byte for byte. Null: it is left out. */
  #textOf(message: StoredMessage, names: ReadonlySet<string>): string | null {
    const id = message.uid ?? message.id;
    const data = dataFrom(message);
    const fault = faultOf(message, id) ?? ('fault' in data ? data.fault : null);
    if (fault !== null || 'fault' in data) {
      this.#leaveOut(message.id, fault ?? '');
      return null;
    }
    const deliveries = [...message.states].flatMap(([endpoint, state]) => {
      this.deliveries[state]++;
      const name = this.#declared.places.get(endpoint)?.name;
      if (name !== undefined && names.has(name)) return [{ endpoint_id: name, state }];
      this.withoutEndpoint++;
      return [];
    });
    const head = JSON.stringify({
      id,
      type: message.event_type,
      occurred_at: message.created_at.toISOString(),
      routing_keys: message.channels ?? [],
      deliveries,
    });
    return `${head.slice(0, -1)},"data":${data.text}}`;
  }

  #leaveOut(id: string, reason: string): void {
    this.leftOut[reason] = (this.leftOut[reason] ?? 0) + 1;
    if (this.examples.length < maxExamples) this.examples.push({ kind: 'message', id, reason });
  }

  async #send(tenant: string, texts: readonly string[]): Promise<void> {
    let batch: string[] = [];
    let bytes = 0;
    for (const text of texts) {
      const size = Buffer.byteLength(text);
      if (bytes + size > maxBatchBytes / 2) {
        await this.#post(tenant, batch);
        [batch, bytes] = [[], 0];
      }
      batch.push(text);
      bytes += size;
    }
    await this.#post(tenant, batch);
  }

  async #post(tenant: string, batch: readonly string[]): Promise<void> {
    if (batch.length === 0) return;
    const head = JSON.stringify({ tenant, dry_run: this.#isDryRun });
    const body = `${head.slice(0, -1)},"events":[${batch.join(',')}]}`;
    const answer = (await this.#client.request('POST', '/v1/events/import', body)) as {
      readonly events: number;
      readonly existing: number;
    };
    this.imported += answer.events;
    this.existing += answer.existing;
  }
}

/** Imports the messages of the last days as history: nothing of them is sent. A repeated import finds them there. */
export async function importMessages(
  client: Client,
  declared: SvixDeclarations,
  { databaseUrl, days, isDryRun, now }: Options,
): Promise<MessagesReport> {
  const run = new MessageImport(client, declared, isDryRun);
  for await (const page of storedMessages(databaseUrl, new Date(now - days * dayMs))) await run.add(page);
  return {
    read: run.read,
    imported: run.imported,
    existing: run.existing,
    deliveries: run.deliveries,
    without_endpoint: run.withoutEndpoint,
    left_out: run.leftOut,
    examples: run.examples,
  };
}
