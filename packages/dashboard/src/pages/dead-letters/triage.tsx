import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../../api.ts';
import { useNow } from '../../clock.ts';
import { commandFor } from '../../parts/bulk-action.ts';
import { CommandLine } from '../../parts/bulk-dialog.tsx';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { moneyLine } from '../../parts/money.ts';
import { countText } from '../../parts/number.ts';
import { Refusal } from '../../parts/panel.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { refresh } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { stringifySearch } from '../../url.ts';
import { OneFirst } from './one-first.tsx';
import { SnoozeDialog } from './snooze-dialog.tsx';
import { daysText, failureText, groupFilter, type Group, verdictOn } from './words.ts';

/** Can this group be sent now? What it is, whether the receiver works again, and what to do. */
export function Triage({
  group,
  range,
  onRedrive,
}: {
  group: Group;
  range: { readonly since?: string; readonly until?: string };
  onRedrive: () => void;
}): ReactNode {
  const nowMs = useNow();
  const [isSnoozing, setSnoozing] = useState(false);
  const forbidden = useForbidden('redrive');
  const forbidSnooze = useForbidden('operate');
  const verdict = verdictOn(group, nowMs);
  const filter = groupFilter(group, range);
  const why =
    forbidden ?? (group.deleted ? 'The endpoint is deleted, so these deliveries cannot be delivered.' : null);
  return (
    <Card
      title={
        <>
          Redrive {countText(group.count)} at <Untrusted text={group.host || group.endpoint_id} max={48} />
        </>
      }
    >
      <div className="dead-panel">
        <p className="phone-only">
          <Link
            to="/dead-letters"
            search={((before: Record<string, string>) => ({ ...before, group: undefined })) as never}
          >
            ← All groups
          </Link>
        </p>
        <p className={`dead-verdict ${verdict.tone}`}>{verdict.text}</p>
        <Facts group={group} nowMs={nowMs} />
        <div className="row no-print">
          <Button kind="go" forbidden={why} onClick={onRedrive}>
            Redrive {countText(group.count)}…
          </Button>
          <OneFirst group={group} filter={filter} forbidden={why} onRest={onRedrive} />
        </div>
        <p className="soft">What dies meanwhile is not included. A redrive begins with a dry run.</p>
        <CommandLine command={commandFor({ kind: 'redrive', filter }, { ratePerS: 20, name: '' })} />
        <div className="row no-print">
          <Link
            to={`/deliveries${stringifySearch(listed({ since: longBefore(group.oldest_at), ...filter }))}`}
          >
            See these deliveries
          </Link>
          <Link to={`/deliveries/${group.sample_id}`}>The newest one</Link>
          {group.deleted ? null : <Link to={`/endpoints/${group.endpoint_id}`}>The endpoint</Link>}
          {group.snoozed_until === null ? (
            <Button forbidden={forbidSnooze} onClick={() => setSnoozing(true)}>
              Snooze…
            </Button>
          ) : (
            <Wake group={group} forbidden={forbidSnooze} />
          )}
        </div>
      </div>
      {isSnoozing ? <SnoozeDialog group={group} onClose={() => setSnoozing(false)} /> : null}
    </Card>
  );
}

/** They were created before they ended, by the length of their schedule. */
const longBefore = (at: string): string => new Date(Date.parse(at) - 30 * 86_400_000).toISOString();

/** As the query of the list has it. */
const listed = (filter: object): Record<string, string> =>
  Object.fromEntries(Object.entries(filter).map(([name, value]) => [name, String(value)]));

function Facts({ group, nowMs }: { group: Group; nowMs: number }): ReactNode {
  return (
    <dl className="bulk-facts">
      <div>
        <dt>{group.state === 'dead' ? 'Dead letters' : 'Suppressed'}</dt>
        <dd className="bulk-main">
          {group.partial ? '≥ ' : ''}
          {countText(group.count)}
        </dd>
      </div>
      <div>
        <dt>Worth</dt>
        <dd>{moneyLine(group.value_at_risk) || 'not known'}</dd>
      </div>
      <div>
        <dt>Why</dt>
        <dd>
          <code>{failureText(group)}</code>
        </dd>
      </div>
      {group.message === null ? null : (
        <div>
          <dt>Most frequent message</dt>
          <dd className="dead-message">
            “<Untrusted text={group.message} max={160} />”
          </dd>
        </div>
      )}
      <div>
        <dt>Oldest</dt>
        <dd>
          <When at={group.oldest_at} />
        </dd>
      </div>
      <div>
        <dt>Newest</dt>
        <dd>
          <When at={group.newest_at} />
        </dd>
      </div>
      <div>
        <dt>Ordering keys held back</dt>
        <dd>{countText(group.blocked_keys)}</dd>
      </div>
      <div>
        <dt>The first is deleted</dt>
        <dd>
          {group.deleted_from === null
            ? 'never, while they block keys'
            : `in ${daysText(Math.max(0, Date.parse(group.deleted_from) - nowMs))}`}
        </dd>
      </div>
      {group.snooze === null || group.snoozed_until === null ? null : (
        <div>
          <dt>Snoozed by {group.snooze.by}</dt>
          <dd>
            until <When at={group.snoozed_until} precision="minute" />
            {group.snooze.until_count === null ? '' : `, or ${countText(group.snooze.until_count)} of them`}:
            “
            <Untrusted text={group.snooze.reason} max={120} />”
          </dd>
        </div>
      )}
    </dl>
  );
}

function Wake({ group, forbidden }: { group: Group; forbidden: string | null }): ReactNode {
  const [refused, setRefused] = useState<Problem | null>(null);
  const wake = (): void => {
    call('deadLetters.wake', { params: { id: group.group_id }, idempotencyKey: newIdempotencyKey() }).then(
      () => void refresh('deadLetters.list'),
      (error: unknown) => setRefused(error instanceof Problem ? error : null),
    );
  };
  return (
    <>
      <Button forbidden={forbidden} onClick={wake}>
        End the snooze
      </Button>
      {refused === null ? null : <Refusal problem={refused} />}
    </>
  );
}
