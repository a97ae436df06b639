import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { ApiError, type Client } from '../../client/client.ts';
import { atPointer } from '../../domain/endpoint.ts';
import { newEventId } from '../../domain/ids.ts';
import { rawData } from '../../api/raw-json.ts';
import { systemRandom } from '../../runtime/random.ts';
import { CommandError, note, print, progress } from '../output.ts';
import { clientOf, remoteOptions } from '../remote.ts';

const batchSize = 200;
const concurrent = 4;
const patienceMs = 60_000;

interface Line {
  readonly text: string;
  readonly number: number;
}

/**
 * One line as the body of an event. A line without an id gets one here, so that sending it again after
 * a lost answer cannot publish it twice. The data stays as it stands in the line.
 */
function eventText(
  line: Line,
  pointers: { amount: string | undefined; currency: string | undefined },
): string {
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(line.text) as Record<string, unknown>;
  } catch {
    throw new CommandError(`line ${line.number} is not JSON`);
  }
  if (event === null || typeof event !== 'object' || Array.isArray(event))
    throw new CommandError(`line ${line.number} is not an object`);
  const { data: _, ...rest } = event;
  const raw = rawData(line.text);
  if (raw === null) throw new CommandError(`line ${line.number} has no "data"`);
  rest['id'] ??= newEventId(Date.now(), systemRandom.bytes(14), systemRandom.bytes(1)[0]! % 64);
  if (pointers.amount !== undefined && rest['value'] === undefined) {
    const amount = atPointer(event['data'], pointers.amount);
    const currency = atPointer(event['data'], pointers.currency ?? '/currency');
    if (typeof amount === 'number' && typeof currency === 'string')
      rest['value'] = { amount_minor: amount, currency };
  }
  return `${JSON.stringify(rest).slice(0, -1)},"data":${raw}}`;
}

/** Sends one batch until it is accepted: a server that is away or full is asked again, with the same ids. */
export async function sendBatch(
  client: Client,
  texts: readonly string[],
): Promise<{ duplicate: boolean; deliveries: number }[]> {
  const until = Date.now() + patienceMs;
  for (let wait = 100; ; wait = Math.min(wait * 2, 2000)) {
    try {
      const answer = await client.request<{ accepted: { duplicate: boolean; deliveries: number }[] }>(
        'POST',
        '/v1/events/batch',
        `{"events":[${texts.join(',')}]}`,
      );
      return answer.accepted;
    } catch (error) {
      const passing = error instanceof ApiError && (error.status === 0 || error.status === 503);
      if (!passing || Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

async function* linesOf(file: string): AsyncGenerator<Line> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  let number = 0;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (text.trim() !== '') yield { text, number };
  }
}

export function publishCommand(): Command {
  return remoteOptions(new Command('publish'))
    .argument('[file]', 'JSON lines {"type", "data", "id"?, …}; - is standard input', '-')
    .option('--skip-invalid', 'report bad lines and go on')
    .option(
      '--value-pointer <pointer>',
      'where in the data the amount stands, in minor units: /object/amount',
    )
    .option('--currency-pointer <pointer>', 'where in the data the currency stands: /object/currency')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn publish data/payment-events.jsonl --value-pointer /object/amount --currency-pointer /object/currency',
    )
    .action(async (file: string, options: Record<string, string | boolean | undefined>) => {
      const client = clientOf(options as { url?: string; apiKey?: string });
      const pointers = {
        amount: options['valuePointer'] as string | undefined,
        currency: options['currencyPointer'] as string | undefined,
      };
      const totals = { published: 0, duplicates: 0, deliveries: 0, invalid: 0 };
      const bar = progress(0);
      const running = new Set<Promise<void>>();
      const send = async (texts: readonly string[]): Promise<void> => {
        for (const { duplicate, deliveries } of await sendBatch(client, texts)) {
          totals.published++;
          totals.duplicates += Number(duplicate);
          totals.deliveries += deliveries;
        }
        bar.at(totals.published, 'events accepted');
      };
      let batch: string[] = [];
      try {
        for await (const line of linesOf(file)) {
          try {
            batch.push(eventText(line, pointers));
          } catch (error) {
            if (options['skipInvalid'] !== true) throw error;
            totals.invalid++;
            note((error as Error).message);
          }
          if (batch.length < batchSize) continue;
          const sending = send(batch).finally(() => running.delete(sending));
          running.add(sending);
          batch = [];
          if (running.size >= concurrent) await Promise.race(running);
        }
        if (batch.length > 0) running.add(send(batch));
        await Promise.all(running);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT')
          throw new CommandError(`there is no file ${file}`, 2);
        await Promise.allSettled(running);
        throw new CommandError(
          `${(error as Error).message}; ${totals.published} events were accepted before`,
        );
      } finally {
        bar.end();
      }
      if (options['json'] === true) print(JSON.stringify(totals));
      else
        print(
          `${totals.published} events accepted (${totals.duplicates} of them before), ${totals.deliveries} deliveries, ${totals.invalid} bad lines`,
        );
      if (totals.invalid > 0) process.exitCode = 1;
    });
}
