import { importedName } from '../../domain/imported.ts';
import { demandPackages } from '../optional-package.ts';
import { CommandError } from '../output.ts';
import type { OtherDelivery, OtherEndpoint, OtherSender, TimeRange } from './other-sender.ts';

/** What `@posthorn/audit` reads of a log. */
interface SentEvent {
  readonly eventId: string;
  readonly endpoint: string | null;
  readonly tenant: string | null;
  readonly type: string | null;
  readonly firstAt: number;
  readonly isSent: boolean;
}

const packageName = '@posthorn/audit';

const isUrl = (text: string): boolean => /^https?:\/\//.test(text);

const keyOf = ({ endpoint, tenant }: SentEvent): string => `${tenant ?? ''}\n${endpoint ?? ''}`;

class DeliveryLog implements OtherSender {
  readonly #events: ReadonlyMap<string, readonly SentEvent[]>;

  constructor(events: readonly SentEvent[]) {
    this.#events = Map.groupBy(events, keyOf);
  }

  async endpoints(): Promise<readonly OtherEndpoint[]> {
    return [...this.#events].flatMap(([id, [first]]): OtherEndpoint[] => {
      const { endpoint, tenant } = first!;
      if (endpoint === null) return [];
      // As `posthorn import` names what it takes over.
      const imported = importedName(endpoint.replace(/^ep_/, ''));
      const url = isUrl(endpoint) ? endpoint : null;
      return [{ id, tenant, names: [endpoint, imported], url, isEnabled: null, headers: [] }];
    });
  }

  async *deliveries(endpoint: string, { since, until }: TimeRange): AsyncGenerator<OtherDelivery> {
    for (const { eventId, type, firstAt, isSent } of this.#events.get(endpoint) ?? [])
      if (firstAt >= since && firstAt < until)
        yield { eventId, type, url: null, acceptedAt: firstAt, isSent, body: null };
  }

  async bodies(): Promise<ReadonlyMap<string, Buffer>> {
    return new Map();
  }

  async close(): Promise<void> {}
}

/** Opens the other sender's log, in any format that `posthorn audit` reads. */
export async function openDeliveryLog(
  files: readonly string[],
  mapping: Readonly<Record<string, string>> | undefined,
): Promise<OtherSender> {
  demandPackages([packageName], 'a delivery log', import.meta.url);
  const { readSent } = (await import(packageName)) as {
    readonly readSent: (options: object) => Promise<readonly SentEvent[]>;
  };
  const events = await readSent({ files, mapping }).catch((error: Error) => {
    throw new CommandError(error.message, 2);
  });
  return new DeliveryLog(events);
}
