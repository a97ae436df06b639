import type { Answer } from '../../api.ts';
import { countText, percent, plural } from '../../parts/number.ts';

// Is it only this delivery that fails, or its endpoint? What was counted of the others says so.

type Point = Answer<'series.get'>['series'][number]['points'][number];

export interface Company {
  readonly accepted: number;
  readonly delivered: number;
  readonly pending: number;
  readonly dead: number;
  readonly firstAttempts: number;
  readonly firstDelivered: number;
}

/** What was accepted in a window, over its points. */
export function companyOf(points: readonly Point[]): Company {
  const sum = (read: (point: Point) => number | undefined): number =>
    points.reduce((total, point) => total + (read(point) ?? 0), 0);
  return {
    accepted: sum((point) => point.accepted),
    delivered: sum((point) => point.delivered),
    pending: sum((point) => point.pending),
    dead: sum((point) => point.dead),
    firstAttempts: sum((point) => point.first_attempts),
    firstDelivered: sum((point) => point.first_delivered),
  };
}

/** Shares of first attempts that arrive: above, an endpoint works; below, it does not. */
const works = 0.95;
const fails = 0.05;
/** Fewer than these say nothing about an endpoint. */
const fewest = 3;

/** The answer in one sentence. `isFailing`: whether the delivery itself has a failed attempt and is not delivered. */
export function companyText(
  { accepted, firstAttempts, firstDelivered }: Company,
  isFailing: boolean,
): string {
  if (accepted <= 1)
    return 'Nothing else was accepted for this endpoint in that time: the others do not tell.';
  const first = `${countText(firstDelivered)} of ${plural(firstAttempts, 'first attempt', 'first attempts')} succeeded`;
  if (firstAttempts < fewest) return `Too few to tell: ${first}.`;
  const share = firstDelivered / firstAttempts;
  if (!isFailing) return `${first} (${percent(share)}).`;
  if (share >= works) return `Only this one, or few: ${first}. Look at what is special about it.`;
  if (share <= fails) return `Not only this one: ${first}. The endpoint fails.`;
  return `Others fail too: ${first} (${percent(share)}).`;
}
