import { shardOfNumber } from 'posthorn/domain';
import type { SettleAnswer } from 'posthorn/store';
import type { Step } from './shared-store.ts';

/** Looking and finding nothing is most of what a quiet system does; it is left out of the account. */
export function changedNothing({ name, answer }: Step): boolean {
  if (name === 'claim') return (answer as { deliveries: readonly unknown[] }).deliveries.length === 0;
  if (name === 'stepFanOut') return (answer as { made: number }).made === 0;
  if (name === 'prune') return (answer as { deleted: number }).deleted === 0;
  return (name === 'cancelOrphans' || name === 'takeOver') && answer === 0;
}

/** Describes a step of the store, for the trace of a run. */
export function describe({ node, name, args, answer }: Step): string {
  const numbers = (list: readonly { number: number; claim: number }[]): string =>
    list.map(({ number, claim }) => `${Math.floor(number / 64)}.${shardOfNumber(number)}#${claim}`).join(' ');
  if (name === 'claim')
    return `${node.name} claims ${numbers((answer as { deliveries: [] }).deliveries) || 'nothing'}`;
  if (name === 'settle') {
    const answers = answer as readonly SettleAnswer[];
    return `${node.name} settles ${(args[0] as { number: number; claim: number; state: string }[])
      .map((s, index) => `${numbers([s])} ${answers[index] === 'applied' ? s.state : answers[index]}`)
      .join(', ')}`;
  }
  if (name === 'accept') {
    const { claimed, waiting } = answer as { claimed: readonly unknown[]; waiting: readonly string[] };
    return `${node.name} stores ${(args[0] as readonly (readonly unknown[])[]).flat().length} events (${claimed.length} claimed at once, ${waiting.length} endpoints wait)`;
  }
  if (name === 'updateEndpoint') {
    const { enabled, maxInFlight } = args[1] as { enabled?: boolean; maxInFlight?: number };
    return `${node.name} ${enabled === undefined ? `changes (max_in_flight ${maxInFlight})` : enabled ? 'resumes' : 'pauses'} ${String(args[0])}`;
  }
  return `${node.name}: ${name} → ${JSON.stringify(answer, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))?.slice(0, 160)}`;
}
