import './deliveries.css';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useMemo, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../../api.ts';
import { now, useNow } from '../../clock.ts';
import { useKeys } from '../../keys.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { Copy } from '../../parts/copy.tsx';
import { moneyText } from '../../parts/money.ts';
import { plural } from '../../parts/number.ts';
import { Reading } from '../../parts/panel.tsx';
import { Payload } from '../../parts/payload.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { Chip, State, states } from '../../parts/state.tsx';
import { Table } from '../../parts/table.tsx';
import { toast } from '../../parts/toast.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { Ago, When, ZoneName } from '../../parts/when.tsx';
import { refresh, useRead } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { useTopics } from '../../stream.ts';
import { usePathParam } from '../../url.ts';
import { CancelDialog, ReplayDialog } from './dialogs.tsx';
import { Neighbors } from './neighbors.tsx';
import { type Details, timelineOf, tookText } from './timeline.ts';
import { TimelineChart } from './timeline-chart.tsx';
import { classText, headingOf, sentText, stateName } from './words.ts';

/** The stream says what changes; what a claim or a time brings about alone is asked for. */
const liveMs = 5000;

/** What happened to one delivery: its claims to scale, what was sent, what came back, and what can be done. */
export default function DeliveryPage(): ReactNode {
  const id = usePathParam('delivery');
  const [isPending, setPending] = useState(true);
  const read = useRead('deliveries.get', { params: { id } }, { everyMs: isPending ? liveMs : false });
  useTopics(...(isPending ? [`delivery:${id}`] : []));
  const { data } = read;
  if (data !== undefined && isPending !== (data.state === 'pending')) setPending(data.state === 'pending');
  return (
    <div className="stack">
      <p className="crumbs">
        <Link to="/deliveries">Deliveries</Link> / <code>{id}</code>
      </p>
      <Reading of={read} what="Reading the delivery…" height={640}>
        {(details) => <Delivery details={details} />}
      </Reading>
    </div>
  );
}

function Delivery({ details }: { details: Details }): ReactNode {
  const { attempts } = details;
  const [chosen, setChosen] = useState<number | null>(null);
  const selected = chosen ?? attempts.at(-1)?.n ?? null;
  const attempt = attempts.find(({ n }) => n === selected);
  const nowMs = useNow();
  const timeline = useMemo(
    () => timelineOf(details, details.state === 'pending' ? Math.max(nowMs, now() - 1000) : 0),
    [details, details.state === 'pending' ? nowMs : 0],
  );
  return (
    <div className="stack">
      <Head details={details} />
      <Card title="Claims, drawn to scale">
        <TimelineChart timeline={timeline} selected={selected} onSelect={setChosen} />
        {timeline.moreExpected === 0 ? null : (
          <p className="label">
            {plural(timeline.moreExpected, 'more attempt is', 'more attempts are')} expected, the last one{' '}
            <Ago at={details.next_attempts.at(-1)!.at} />; then it is a dead letter.
          </p>
        )}
      </Card>
      {attempts.length === 0 ? null : (
        <Card title="Attempts">
          <Attempts details={details} selected={selected} onSelect={setChosen} />
        </Card>
      )}
      <div className="two">
        <Sent id={details.id} attempt={attempt?.n ?? null} />
        <CameBack attempt={attempt} />
      </div>
      <Neighbors details={details} />
    </div>
  );
}

function Head({ details }: { details: Details }): ReactNode {
  const { level, text } = headingOf(details, useNow());
  const { endpoint, value, event_type: type, endpoint_id: endpointId } = details;
  const waitsFor = details.waiting_for?.delivery_id ?? null;
  const { blocked_by: blockedBy, redrives, last_error: last } = details;
  const isStopped = details.state === 'dead' || details.state === 'cancelled';
  return (
    <Sentence
      level={level}
      actions={<Actions details={details} />}
      lead={
        <>
          <Link to="/events/$tenant/$id" params={{ tenant: details.tenant, id: details.event_id }}>
            <Untrusted text={type} />
          </Link>
          {value === null ? ', of unknown worth' : `, worth ${moneyText(value)}`}, to{' '}
          <Link to={`/endpoints/${endpointId}`}>
            <Untrusted text={endpoint.host} />
          </Link>
          {endpoint.owner === null ? '' : `, owned by ${endpoint.owner}`}
          {endpoint.deleted ? ', which was deleted' : ''}. {sentText(details)}
          {waitsFor === null ? null : (
            <>
              {' '}
              It waits for <Link to={`/deliveries/${waitsFor}`}>{waitsFor}</Link>.
            </>
          )}
          {blockedBy === null || waitsFor === blockedBy ? null : (
            <>
              {' '}
              Held by <Link to={`/deliveries/${blockedBy}`}>{blockedBy}</Link>.
            </>
          )}
          {isStopped && last !== null ? (
            <>
              {' '}
              Last: <code>{last.class}</code>, {classText(last.class)}.
            </>
          ) : null}
          {redrives.map(({ at, by }) => (
            <span key={at}>
              {' '}
              Redriven {by === null ? '' : `by ${by} `}
              <Ago at={at} />.
            </span>
          ))}
        </>
      }
    >
      {text}
    </Sentence>
  );
}

function Actions({ details }: { details: Details }): ReactNode {
  const { id, state, endpoint } = details;
  const forbidRedrive = useForbidden('redrive');
  const forbidReplay = useForbidden('replay');
  const forbidCancel = useForbidden('operate');
  const [open, setOpen] = useState<'cancel' | 'replay' | null>(null);
  const [isAsked, setAsked] = useState(false);
  const redrive = async (): Promise<void> => {
    setAsked(true);
    try {
      await call('deliveries.redrive', { params: { id }, idempotencyKey: newIdempotencyKey() });
      toast('Redriven: due now');
    } catch (error) {
      toast(error instanceof Problem ? error.message : String(error), 'bad');
    }
    setAsked(false);
    await refresh('deliveries.get', 'deliveries.list');
  };
  const deleted = endpoint.deleted ? 'Its endpoint was deleted: replay the event to another one.' : null;
  const word = state === 'pending' ? 'Try now' : 'Redrive';
  useKeys(
    state === 'delivered' || forbidRedrive !== null || deleted !== null
      ? []
      : [{ keys: 'r', text: `${word} this delivery`, run: () => void redrive() }],
  );
  return (
    <>
      {state === 'delivered' ? null : (
        <Button kind="go" forbidden={deleted ?? forbidRedrive} onClick={() => void redrive()}>
          {isAsked ? 'Asked…' : word}
        </Button>
      )}
      {state === 'pending' ? (
        <Button forbidden={forbidCancel} onClick={() => setOpen('cancel')}>
          Cancel…
        </Button>
      ) : null}
      {state === 'delivered' ? (
        <Button forbidden={deleted ?? forbidReplay} onClick={() => setOpen('replay')}>
          Replay…
        </Button>
      ) : null}
      <Copy text={`${location.origin}/deliveries/${id}`} label="Copy link" />
      {open === 'cancel' ? <CancelDialog details={details} onClose={() => setOpen(null)} /> : null}
      {open === 'replay' ? <ReplayDialog details={details} onClose={() => setOpen(null)} /> : null}
    </>
  );
}

function Attempts({
  details: { attempts },
  selected,
  onSelect,
}: {
  details: Details;
  selected: number | null;
  onSelect: (n: number) => void;
}): ReactNode {
  return (
    <div className="claims">
      <Table
        caption="Attempts of this delivery, oldest first"
        rows={attempts}
        keyOf={({ n }) => String(n)}
        rowProps={({ n }) => ({
          ...(n === selected ? { className: 'is-selected' } : {}),
          onClick: () => onSelect(n),
        })}
        columns={[
          {
            key: 'n',
            head: 'claim',
            phone: 'first',
            width: '64px',
            cell: ({ n }) => (
              <button
                type="button"
                className="button button-plain"
                aria-pressed={n === selected}
                onClick={() => onSelect(n)}
              >
                <span className="phone-only">claim </span>
                {n}
              </button>
            ),
          },
          {
            key: 'started',
            head: (
              <>
                started (<ZoneName />)
              </>
            ),
            cell: ({ started_at: at, duration_ms: ms, status_code: status }) => (
              <>
                <When at={at} precision="millisecond" />
                <span className="phone-only soft">
                  {' '}
                  took {tookText(ms)}
                  {status === null ? '' : `, answered ${status}`}
                </span>
              </>
            ),
          },
          {
            key: 'took',
            head: 'took',
            isNumber: true,
            phone: 'hidden',
            cell: ({ duration_ms: ms }) => tookText(ms),
          },
          {
            key: 'answer',
            head: 'answer',
            isNumber: true,
            phone: 'hidden',
            cell: ({ status_code: status }) => status ?? '–',
          },
          {
            key: 'outcome',
            head: 'outcome',
            phone: 'end',
            cell: ({ outcome }) => (
              <Chip tone={states[outcome].tone} glyph={states[outcome].glyph}>
                {states[outcome].word}
              </Chip>
            ),
          },
          {
            key: 'why',
            head: 'why',
            cell: ({ error_class: error, message, outcome }) =>
              outcome === 'superseded' ? (
                'settled when the delivery was no longer its own: it changed nothing'
              ) : error === null ? (
                (message ?? '')
              ) : (
                <>
                  <code>{error}</code>{' '}
                  {message === null ? classText(error) : <Untrusted text={message} max={160} />}
                </>
              ),
          },
          { key: 'trigger', head: 'trigger', phone: 'hidden', cell: ({ trigger }) => trigger },
          {
            key: 'node',
            head: 'node',
            phone: 'hidden',
            cell: ({ node }) => (node === null ? '' : <Untrusted text={node} max={20} />),
          },
        ]}
      />
    </div>
  );
}

function Headers({
  of,
  label,
}: {
  of: readonly { readonly name: string; readonly value: string }[];
  label: string;
}): ReactNode {
  return (
    <table className="headers">
      <caption className="sr">{label}</caption>
      <tbody>
        {of.map(({ name, value }, index) => (
          <tr key={`${name}${index}`}>
            <th scope="row">
              <Untrusted text={name} max={60} />
            </th>
            <td>
              <Untrusted text={value} max={2000} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Sent({ id, attempt }: { id: string; attempt: number | null }): ReactNode {
  const read = useRead('deliveries.request', {
    params: { id },
    query: attempt === null ? {} : { attempt },
  });
  return (
    <Card title={attempt === null ? 'What is sent' : `What was sent (claim ${attempt})`}>
      <Reading of={read} what="Reading the request…" height={240}>
        {(request) => (
          <div className="stack">
            <p className="mono">
              {request.method} <Untrusted text={request.url} />
            </p>
            {request.changed_since ? (
              <p className="label wait">
                <span aria-hidden="true">▲</span> The endpoint was changed since: URL, headers and the form of
                the body are as they are now.
              </p>
            ) : null}
            <Headers of={request.headers} label="Headers of the request" />
            {request.body === null ? (
              <p className="soft">
                {request.payloads === 'none'
                  ? 'Your key does not show payloads. Ask for one with payloads: masked or full.'
                  : 'The expression of the endpoint gives no body.'}
              </p>
            ) : (
              <Payload text={request.body} name="Body of the request" />
            )}
            {request.payloads === 'masked' ? (
              <p className="label">Card numbers, bank accounts and email addresses are masked.</p>
            ) : null}
          </div>
        )}
      </Reading>
    </Card>
  );
}

function CameBack({ attempt }: { attempt: Details['attempts'][number] | undefined }): ReactNode {
  if (attempt === undefined)
    return (
      <Card title="What came back">
        <p className="soft">Nothing yet: it was not attempted, or the attempt is under way.</p>
      </Card>
    );
  const { n, status_code: status, response_headers: headers, response_excerpt: excerpt, address } = attempt;
  const { phases_ms: phases, error_class: error } = attempt;
  return (
    <Card title={`What came back (claim ${n}, first 4 KiB)`}>
      <div className="stack">
        <p className="mono">
          {status === null ? `no answer: ${error ?? 'unknown'}` : `HTTP ${status}`}
          {address === null ? null : (
            <span className="soft">
              {' '}
              from <Untrusted text={address} />
            </span>
          )}
        </p>
        {phases === null ? null : <Phases phases={phases} />}
        {headers === null ? (
          <p className="label">
            Headers are kept of failures, of what was tried before, and of one delivery in 64.
          </p>
        ) : headers.length === 0 ? null : (
          <Headers of={headers} label="Headers of the answer" />
        )}
        {excerpt === null || excerpt === '' ? (
          <p className="soft">No body.</p>
        ) : (
          <Payload key={n} text={excerpt} name={`Body of the answer to claim ${n}`} />
        )}
      </div>
    </Card>
  );
}

const phaseNames = [
  ['lookup', 'name lookup'],
  ['connect', 'connect'],
  ['proxy', 'proxy'],
  ['tls', 'TLS'],
  ['first_byte', 'first byte'],
] as const;

function Phases({ phases }: { phases: NonNullable<Details['attempts'][number]['phases_ms']> }): ReactNode {
  const shown = phaseNames.filter(([name]) => phases[name] !== null);
  if (shown.length === 0) return null;
  const isKept = phases.connect === null;
  return (
    <p className="label">
      {isKept ? 'On a connection that was kept. ' : ''}
      {shown.map(([name, words]) => `${words} ${phases[name]} ms`).join(' · ')}
    </p>
  );
}

/** The state of a delivery as rows and lists show it. */
export function DeliveryState({
  of,
}: {
  of: { readonly state: Details['state']; readonly late: boolean };
}): ReactNode {
  return <State name={stateName(of)} />;
}
