import '../../styles/parts-bulk.css';
import './redrives.css';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useRef } from 'react';
import type { Problem } from '../../api.ts';
import { doneOf, filterWords, type Job, jobSentence } from '../../parts/bulk-action.ts';
import { Card } from '../../parts/card.tsx';
import { useEndpointHosts } from '../../endpoint-hosts.ts';
import { Amounts } from '../../parts/amounts.tsx';
import { moneyLine } from '../../parts/money.ts';
import { countText } from '../../parts/number.ts';
import { Reading } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { Table } from '../../parts/table.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { stringifySearch } from '../../url.ts';
import { ChangeRate, type Kind, StopJob } from './job-actions.tsx';
import { JobTabs } from './jobs.tsx';
import { Progress } from './progress.tsx';

/** How often to ask: while it runs each second, while its deliveries are on their way less often, then no more. */
export function pollMs(job: Job | undefined): number | false {
  if (job === undefined || job.state === 'running') return 1000;
  return job.outcome.pending > 0 ? 3000 : false;
}

export function JobPage({ of, kind }: { of: UseQueryResult<Job, Problem>; kind: Kind }): ReactNode {
  return (
    <div className="stack">
      <Reading of={of} what={`Reading the ${kind}…`} height={420}>
        {(job) => <One job={job} kind={kind} />}
      </Reading>
    </div>
  );
}

function One({ job, kind }: { job: Job; kind: Kind }): ReactNode {
  const { level, text } = jobSentence(job);
  const left = Math.max(0, job.matched - doneOf(job) - job.skipped);
  const isRunning = job.state === 'running';
  return (
    <div className="stack">
      <Sentence
        level={level}
        lead={<Lead job={job} />}
        actions={isRunning ? <StopJob job={job} kind={kind} /> : undefined}
      >
        {text}
      </Sentence>
      <JobTabs here={kind} />
      <Announced job={job} />
      <div className="two">
        <Card title="What became of them">
          <div className="job-panel">
            <Progress job={job} />
            <Sum job={job} kind={kind} left={left} />
          </div>
        </Card>
        <Card title="What was asked for">
          <div className="job-panel">
            <Asked job={job} kind={kind} />
            {isRunning ? <ChangeRate job={job} kind={kind} left={left} /> : null}
          </div>
        </Card>
      </div>
      <Endpoints job={job} />
    </div>
  );
}

function Lead({ job }: { job: Job }): ReactNode {
  return (
    <>
      {job.name === null ? <code>{job.id}</code> : <Untrusted text={job.name} max={128} />}
      {job.by === null ? null : (
        <>
          , begun by <Untrusted text={job.by.name} max={60} />
        </>
      )}{' '}
      at <When at={job.created_at} />
      {job.finished_at === null ? null : (
        <>
          , ended at <When at={job.finished_at} />
        </>
      )}
      .
    </>
  );
}

/** The end of what runs is said; its progress is not. */
function Announced({ job }: { job: Job }): ReactNode {
  const began = useRef(job.state);
  const hasEnded = began.current === 'running' && job.state !== 'running';
  return (
    <p className="sr" role="status">
      {hasEnded ? jobSentence(job).text : ''}
    </p>
  );
}

function Sum({ job, kind, left }: { job: Job; kind: Kind; left: number }): ReactNode {
  const { outcome, matched, skipped } = job;
  const rows = [
    ['Delivered', outcome.delivered, 'good'],
    ['Pending', outcome.pending, 'wait'],
    [kind === 'redrive' ? 'Dead again' : 'Dead', outcome.dead, 'bad'],
    ['Cancelled, suppressed, taken over or deleted since', outcome.other, 'soft'],
    ['Skipped: changed since, or their endpoint or data are deleted', skipped, 'soft'],
    [job.state === 'running' ? 'Not yet' : 'Left as they are', left, 'soft'],
  ] as const;
  return (
    <table className="table job-sum">
      <caption className="sr">What became of each that matched; they add up</caption>
      <tbody>
        {rows
          .filter(([name, count]) => count > 0 || name === 'Delivered')
          .map(([name, count, tone]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td className={`num ${tone}`}>{countText(count)}</td>
            </tr>
          ))}
        <tr className="job-total">
          <th scope="row">Matched when it began</th>
          <td className="num">{countText(matched)}</td>
        </tr>
      </tbody>
    </table>
  );
}

function Asked({ job, kind }: { job: Job; kind: Kind }): ReactNode {
  const { filter } = job;
  const [endpoint, ...others] = filter.endpoint_id ?? [];
  const hosts = useEndpointHosts();
  return (
    <dl className="bulk-facts">
      <div>
        <dt>Which</dt>
        <dd>{filterWords(filter)}</dd>
      </div>
      {filter.since === undefined && filter.until === undefined ? null : (
        <div>
          <dt>Accepted</dt>
          <dd>
            {filter.since === undefined ? 'until then' : <When at={filter.since} />} to{' '}
            {filter.until === undefined ? 'when it began' : <When at={filter.until} />}
          </dd>
        </div>
      )}
      {endpoint === undefined || others.length > 0 ? null : (
        <div>
          <dt>Endpoint</dt>
          <dd>
            <Link to={`/endpoints/${endpoint}`}>{hosts(endpoint)}</Link>
          </dd>
        </div>
      )}
      {'endpoint_id' in job && job.endpoint_id !== null ? (
        <div>
          <dt>Each event once to</dt>
          <dd>
            <Link to={`/endpoints/${job.endpoint_id}`}>{hosts(job.endpoint_id)}</Link>
          </dd>
        </div>
      ) : null}
      <div>
        <dt>Worth</dt>
        <dd>{moneyLine(job.value) || 'nothing known'}</dd>
      </div>
      <div>
        <dt>Ordering keys held back</dt>
        <dd>{countText(job.keys_held)}</dd>
      </div>
      <div>
        <dt>Rate</dt>
        <dd>{job.rate_per_s === null ? 'no limit' : `${job.rate_per_s.toLocaleString('en')} a second`}</dd>
      </div>
      {doneOf(job) === 0 ? null : (
        <div>
          <dt>Its deliveries</dt>
          <dd>
            <Link
              to={`/deliveries${stringifySearch({
                redrive_id: job.id,
                since: kind === 'redrive' ? job.oldest_at : job.created_at,
              })}`}
            >
              {kind === 'redrive' ? 'those it redrove' : 'those it made'}
            </Link>
          </dd>
        </div>
      )}
    </dl>
  );
}

function Endpoints({ job }: { job: Job }): ReactNode {
  const hosts = useEndpointHosts();
  if (job.endpoints < 2) return null;
  const most =
    job.endpoints > job.by_endpoint.length
      ? `: the ${countText(job.by_endpoint.length)} of ${countText(job.endpoints)} with the most`
      : '';
  return (
    <Card title={`By endpoint, when it began${most}`}>
      <Table
        caption="What matched, by endpoint"
        rows={job.by_endpoint}
        keyOf={({ endpoint_id: id }) => id}
        columns={[
          {
            key: 'endpoint',
            head: 'Endpoint',
            phone: 'first',
            cell: ({ endpoint_id: id }) => <Link to={`/endpoints/${id}`}>{hosts(id)}</Link>,
          },
          {
            key: 'matched',
            head: 'Matched',
            isNumber: true,
            phone: 'end',
            cell: ({ matched }) => countText(matched),
          },
          {
            key: 'worth',
            head: 'Worth',
            isNumber: true,
            cell: ({ value }) => <Amounts money={value} none="–" />,
          },
        ]}
      />
    </Card>
  );
}
