import type { Answer } from '../../api.ts';
import { durationText } from '../../parts/time.ts';

type Retry = Answer<'endpoints.get'>['retry'];

const secondMs = 1000;

/** `11 attempts over 28 h`. */
export function scheduleText({ schedule_s: schedule, exponential }: Retry): string {
  return schedule === undefined
    ? `exponential backoff, ${exponential?.attempts ?? 0} attempts`
    : `${schedule.length + 1} attempts over ${durationText(schedule.reduce((a, b) => a + b, 0) * secondMs)}`;
}
