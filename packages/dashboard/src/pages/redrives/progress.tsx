import type { ReactNode } from 'react';
import { doneOf, type Job } from '../../parts/bulk-action.ts';
import { countText } from '../../parts/number.ts';
import { Chip } from '../../parts/state.tsx';

/** How it stands, as a chip: a glyph and a word, never a color alone. */
export function JobState({ job }: { job: Job }): ReactNode {
  const { state, stop_reason: reason, outcome } = job;
  if (state === 'running')
    return (
      <Chip tone="wait" glyph="◐">
        running
      </Chip>
    );
  if (state === 'stopped')
    return reason === 'failing' ? (
      <Chip tone="bad" glyph="✕">
        stopped itself
      </Chip>
    ) : (
      <Chip tone="off" glyph="⊘">
        stopped
      </Chip>
    );
  if (outcome.dead > 0)
    return (
      <Chip tone="bad" glyph="✕">
        done, {countText(outcome.dead)} dead
      </Chip>
    );
  return outcome.pending > 0 ? (
    <Chip tone="wait" glyph="◐">
      on their way
    </Chip>
  ) : (
    <Chip tone="good" glyph="●">
      done
    </Chip>
  );
}

/** What became of it, as parts of what matched: they add up. */
export function Progress({ job, isShort = false }: { job: Job; isShort?: boolean }): ReactNode {
  const { matched, skipped, outcome } = job;
  const done = doneOf(job);
  const parts = [
    { key: 'delivered', count: outcome.delivered, className: 'job-delivered' },
    { key: 'pending', count: outcome.pending, className: 'job-pending' },
    { key: 'dead', count: outcome.dead, className: 'job-dead' },
    { key: 'other', count: outcome.other, className: 'job-other' },
    { key: 'skipped', count: skipped, className: 'job-other' },
    { key: 'left', count: Math.max(0, matched - done - skipped), className: 'job-left' },
  ].filter(({ count }) => count > 0);
  const words = parts.map(({ key, count }) => `${key} ${countText(count)}`).join(' · ');
  return (
    <div className="job-progress">
      <div className="rail" role="img" aria-label={`Of ${countText(matched)}: ${words || 'nothing'}`}>
        {parts.map(({ key, count, className }) => (
          <span
            key={key}
            className={className}
            style={{ width: `${(count / Math.max(1, matched)) * 100}%` }}
          />
        ))}
      </div>
      <p className={isShort ? 'label' : 'soft'}>
        {countText(done)} of {countText(matched)}
        {words === '' ? '' : `: ${words}`}
      </p>
    </div>
  );
}
