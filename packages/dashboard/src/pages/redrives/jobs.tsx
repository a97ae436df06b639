import './redrives.css';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { filterWords, type Job, kindOf } from '../../parts/bulk-action.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { Amounts } from '../../parts/amounts.tsx';
import { countText, plural } from '../../parts/number.ts';
import { Empty, Loading, Refusal } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { Table } from '../../parts/table.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import type { useReadPages } from '../../query.ts';
import { JobState, Progress } from './progress.tsx';

/** Tabs beside the dead letters: what was done about them. */
export function JobTabs({ here }: { here: 'redrive' | 'replay' }): ReactNode {
  return (
    <Tabs
      label="What did not arrive"
      tabs={[
        { to: '/dead-letters', name: 'Dead letters', isHere: false },
        { to: '/dead-letters', search: { state: 'suppressed' }, name: 'Suppressed', isHere: false },
        { to: '/redrives', name: 'Redrives', isHere: here === 'redrive' },
        { to: '/replays', name: 'Replays', isHere: here === 'replay' },
      ]}
    />
  );
}

type Pages =
  | ReturnType<typeof useReadPages<'redrives.list'>>
  | ReturnType<typeof useReadPages<'replays.list'>>;

/** A list of redrives or of replays. */
export function Jobs({ kind, pages }: { kind: 'redrive' | 'replay'; pages: Pages }): ReactNode {
  const all: readonly Job[] = pages.data?.pages.flatMap(({ items }): readonly Job[] => items) ?? [];
  const jobs = all.filter(({ dry_run: isDry }) => !isDry);
  const running = jobs.filter(({ state }) => state === 'running').length;
  const failing = jobs.filter(({ stop_reason: reason }) => reason === 'failing').length;
  return (
    <div className="stack">
      <Sentence
        level={running > 0 ? 'watch' : 'well'}
        lead={
          kind === 'redrive'
            ? 'Each makes dead or suppressed deliveries pending again, with a fresh schedule.'
            : 'Each makes new deliveries of past events, under the same webhook-id.'
        }
      >
        {running > 0 ? `${plural(running, kind)} running.` : `No ${kind} is running.`}
        {failing > 0 ? ` ${countText(failing)} stopped ${failing === 1 ? 'itself' : 'themselves'}.` : null}
      </Sentence>
      <JobTabs here={kind} />
      <Card title={kind === 'redrive' ? 'Redrives, newest first' : 'Replays, newest first'}>
        {pages.error !== null && pages.data === undefined ? (
          <Refusal problem={pages.error} onRetry={() => void pages.refetch()} />
        ) : pages.data === undefined ? (
          <Loading height={240} what={`Reading the ${kind}s…`} />
        ) : jobs.length === 0 ? (
          <None kind={kind} />
        ) : (
          <JobTable jobs={jobs} kind={kind} />
        )}
        {pages.hasNextPage ? (
          <p>
            <Button onClick={() => void pages.fetchNextPage()}>Show older ones</Button>
          </p>
        ) : null}
      </Card>
    </div>
  );
}

function None({ kind }: { kind: 'redrive' | 'replay' }): ReactNode {
  return (
    <Empty>
      {kind === 'redrive' ? (
        <>
          Nothing was redriven in bulk yet. Groups of <Link to="/dead-letters">dead letters</Link> are
          redriven from their own page.
        </>
      ) : (
        <>
          Nothing was replayed in bulk yet. <Link to="/deliveries">Deliveries</Link> that a receiver lost are
          replayed from their list.
        </>
      )}
    </Empty>
  );
}

function JobTable({ jobs, kind }: { jobs: readonly Job[]; kind: 'redrive' | 'replay' }): ReactNode {
  return (
    <Table
      caption={kind === 'redrive' ? 'Redrives' : 'Replays'}
      rows={jobs}
      keyOf={({ id }) => id}
      columns={[
        { key: 'what', head: 'What', phone: 'first', cell: (job) => <What job={job} /> },
        { key: 'state', head: 'State', phone: 'end', cell: (job) => <JobState job={job} /> },
        { key: 'progress', head: 'Progress', width: '34%', cell: (job) => <Progress job={job} isShort /> },
        {
          key: 'worth',
          head: 'Worth',
          isNumber: true,
          phone: 'hidden',
          cell: ({ value }) => <Amounts money={value} isShort none="–" />,
        },
        {
          key: 'rate',
          head: 'A second',
          isNumber: true,
          phone: 'hidden',
          cell: ({ rate_per_s: rate }) => (rate === null ? 'no limit' : rate.toLocaleString('en')),
        },
      ]}
    />
  );
}

function What({ job }: { job: Job }): ReactNode {
  return (
    <>
      <Link to={`/${kindOf(job)}s/${job.id}`} className="job-name">
        {job.name === null ? <code>{job.id}</code> : <Untrusted text={job.name} max={60} />}
      </Link>
      <p className="soft">
        {filterWords(job.filter)} ·{' '}
        {job.by === null ? null : <Untrusted text={`${job.by.name}, `} max={40} />}
        <When at={job.created_at} precision="minute" />
      </p>
    </>
  );
}
