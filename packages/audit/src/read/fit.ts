import { bestReader } from './detect.ts';
import { guessFields } from './fields.ts';
import type { SampleRecord } from './spec.ts';

/**
 * How well records fit as lines about deliveries: 0 without an event id; 1 with one and an outcome that may mean something else;
 * 2 with both; 3 if it is a known format.
 */
export function fitOfRecords(records: readonly SampleRecord[]): number {
  if (records.length === 0) return 0;
  if (bestReader(records) !== null) return 3;
  const found = guessFields(records);
  const hasId = found.event_id !== undefined || found.delivery_id !== undefined;
  const hasOutcome =
    found.status_code !== undefined ||
    found.outcome !== undefined ||
    found.state !== undefined ||
    found.phase !== undefined;
  if (!hasId) return 0;
  return hasOutcome ? 2 : found.error === undefined ? 0 : 1;
}
