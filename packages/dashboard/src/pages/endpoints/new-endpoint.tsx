import { Link } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useEffect, useState } from 'react';
import { type Answer, call, type Input, newIdempotencyKey, Problem } from '../../api.ts';
import { now } from '../../clock.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { countText, percent } from '../../parts/number.ts';
import { Refusal, Refused } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { durationText } from '../../parts/time.ts';
import { hostOf, Untrusted } from '../../parts/untrusted.tsx';
import { refresh, useRead } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { TestAnswer } from './dialogs.tsx';
import { type KnownType, patternHint } from './patterns.ts';
import { Secret } from './secret.tsx';
import './endpoints.css';

const typingMs = 300;
const seenMs = 30 * 86_400_000;
const maxTypes = 100;

/** Makes an endpoint; then its secret, once, and a test. */
export default function NewEndpoint(): ReactNode {
  const [created, setCreated] = useState<Answer<'endpoints.create'> | null>(null);
  return created === null ? <EndpointForm onCreated={setCreated} /> : <Created endpoint={created} />;
}

/** What the server thinks of a URL, a moment after the last letter. */
function useUrlFault(url: string): { readonly fault: string | null; readonly isChecked: boolean } {
  const [checked, setChecked] = useState<{ url: string; fault: string | null } | null>(null);
  useEffect(() => {
    if (url.trim() === '') return undefined;
    const timer = setTimeout(() => {
      call('endpoints.check', { body: { url: url.trim() } }).then(
        ({ fault }) => setChecked({ url, fault }),
        () => setChecked(null),
      );
    }, typingMs);
    return () => clearTimeout(timer);
  }, [url]);
  const isChecked = checked !== null && checked.url === url;
  return { isChecked, fault: isChecked ? checked.fault : null };
}

/** Types that were declared, or seen in 30 days, the most frequent first. */
function useKnownTypes() {
  const [since] = useState(() => new Date(now() - seenMs).toISOString());
  const declared = useRead('eventTypes.list', { query: { limit: 200 } });
  const seen = useRead('accounting.get', { query: { by: 'event_type', since, limit: 200 } });
  const counts = new Map<string, number>();
  for (const group of seen.data?.groups ?? []) {
    const type = group.event_type;
    if (typeof type === 'string' && type !== '' && !type.startsWith('posthorn.'))
      counts.set(type, group.accepted);
  }
  const names = new Set((declared.data?.items ?? []).map(({ name }) => name));
  const known: readonly KnownType[] = [...new Set([...counts.keys(), ...names])]
    .map((type) => ({ type, count: counts.get(type) ?? 0, isDeclared: names.has(type) }))
    .toSorted((a, b) => b.count - a.count || (a.type < b.type ? -1 : 1))
    .slice(0, maxTypes);
  return { known, reads: [declared, seen], isRead: declared.data !== undefined && seen.data !== undefined };
}

function TypeField({
  known,
  isRead,
  chosen,
  onChange,
}: {
  known: readonly KnownType[];
  isRead: boolean;
  chosen: ReadonlySet<string>;
  onChange: (chosen: ReadonlySet<string>) => void;
}): ReactNode {
  return (
    <fieldset className="field">
      <legend className="label">Event types (none chosen: all)</legend>
      {known.length === 0 ? (
        <span className="soft">{isRead ? 'None was declared or seen in 30 days.' : ''}</span>
      ) : (
        <div className="endpoint-types">
          {known.map(({ type, count, isDeclared }) => (
            <label key={type}>
              <input
                type="checkbox"
                checked={chosen.has(type)}
                onChange={({ target: { checked } }) => {
                  const next = new Set(chosen);
                  if (checked) next.add(type);
                  else next.delete(type);
                  onChange(next);
                }}
              />
              <span className="mono">
                <Untrusted text={type} />
              </span>
              <span className="label">
                {count === 0 ? 'not seen in 30 days' : `${countText(count)} in 30 days`}
                {isDeclared ? '' : ', not declared'}
              </span>
            </label>
          ))}
        </div>
      )}
    </fieldset>
  );
}

function PatternField({
  pattern,
  patterns,
  known,
  onChange,
}: {
  pattern: string;
  patterns: readonly string[];
  known: readonly KnownType[];
  onChange: (pattern: string) => void;
}): ReactNode {
  return (
    <div className="field">
      <label htmlFor="new-pattern">Or patterns, with commas between them</label>
      <input
        id="new-pattern"
        className="input mono"
        placeholder="payment.*"
        value={pattern}
        onChange={(event) => onChange(event.target.value)}
      />
      {patterns.map((one) => {
        const { text, instead } = patternHint(one, known);
        return (
          <span key={one} className="label">
            {text}
            {instead === null ? null : (
              <>
                {' '}
                Did you mean{' '}
                <Button
                  kind="plain"
                  onClick={() =>
                    onChange(patterns.map((other) => (other === one ? instead : other)).join(', '))
                  }
                >
                  {instead}
                </Button>
                ?
              </>
            )}
          </span>
        );
      })}
    </div>
  );
}

function TemplateField({
  template,
  onChange,
}: {
  template: string;
  onChange: (template: string) => void;
}): ReactNode {
  const templates = useRead('templates.list', { query: { limit: 200 } });
  const promise = templates.data?.items.find(({ name }) => name === template);
  return (
    <div className="field">
      <label htmlFor="new-template">Template: the delivery policy</label>
      <select
        id="new-template"
        className="select"
        value={template}
        onChange={(event) => onChange(event.target.value)}
      >
        <option value="">None</option>
        {templates.data?.items.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <Refused of={[templates]} />
      {promise === undefined ? null : (
        <span className="label">
          {promise.slo === null ? 'It' : `It promises ${percent(promise.slo.target)} delivered`} within{' '}
          {durationText(promise.deliver_within_s * 1000)} of acceptance; each attempt may take{' '}
          {durationText(promise.timeout_ms)}.
        </span>
      )}
    </div>
  );
}

function UrlField({
  url,
  fault,
  isChecked,
  onChange,
}: {
  url: string;
  fault: string | null;
  isChecked: boolean;
  onChange: (url: string) => void;
}): ReactNode {
  return (
    <div className="field">
      <label htmlFor="new-url">URL of the receiver</label>
      <input
        id="new-url"
        className="input mono"
        type="url"
        required
        placeholder="https://example.com/webhooks"
        value={url}
        aria-describedby="new-url-says"
        aria-invalid={fault !== null}
        onChange={(event) => onChange(event.target.value)}
      />
      <span id="new-url-says" aria-live="polite" className={fault === null ? 'label' : 'field-error'}>
        {fault !== null
          ? `This URL ${fault}.`
          : isChecked
            ? '● Posthorn may call it.'
            : 'http or https, without credentials.'}
      </span>
    </div>
  );
}

function OwnerField({
  teams,
  owner,
  onChange,
}: {
  teams: readonly { readonly name: string }[] | undefined;
  owner: string;
  onChange: (owner: string) => void;
}): ReactNode {
  return (
    <div className="field">
      <label htmlFor="new-owner">Owner: the team that receives, and that is notified</label>
      <select
        id="new-owner"
        className="select"
        value={owner}
        onChange={(event) => onChange(event.target.value)}
      >
        <option value="">No owner yet</option>
        {teams?.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </div>
  );
}

/** Creates the endpoint, once. */
function useCreate(onCreated: (made: Answer<'endpoints.create'>) => void) {
  const [key] = useState(newIdempotencyKey);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isAsked, setAsked] = useState(false);
  const create = async (body: Input<'endpoints.create'>['body']): Promise<void> => {
    setAsked(true);
    setProblem(null);
    try {
      const made = await call('endpoints.create', { idempotencyKey: key, body });
      await refresh('endpoints.list', 'teams.list');
      onCreated(made);
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, 'internal', String(error)));
    } finally {
      setAsked(false);
    }
  };
  return { create, isAsked, problem };
}

function EndpointForm({ onCreated }: { onCreated: (made: Answer<'endpoints.create'>) => void }): ReactNode {
  const forbidden = useForbidden('operate');
  const { known, reads, isRead } = useKnownTypes();
  const teams = useRead('teams.list', { query: { limit: 200 } });
  const [url, setUrl] = useState('');
  const [description, setDescription] = useState('');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [pattern, setPattern] = useState('');
  const [owner, setOwner] = useState('');
  const [template, setTemplate] = useState('');
  const { create, isAsked, problem } = useCreate(onCreated);
  const { fault, isChecked } = useUrlFault(url);
  const patterns = pattern
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  const types = [...chosen, ...patterns];

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isAsked || forbidden !== null) return;
    void create({
      url: url.trim(),
      event_types: types.length === 0 ? ['*'] : types,
      ...(description === '' ? {} : { description }),
      ...(owner === '' ? {} : { owner }),
      ...(template === '' ? {} : { template }),
    });
  };

  return (
    <div className="stack">
      <Sentence lead="From then on it gets every event that it subscribes to.">
        Where should webhooks go, and which?
      </Sentence>
      <Card>
        <form className="endpoint-form" onSubmit={submit}>
          <UrlField url={url} fault={fault} isChecked={isChecked} onChange={setUrl} />
          <Refused of={[...reads, teams]} />
          <TypeField known={known} isRead={isRead} chosen={chosen} onChange={setChosen} />
          <PatternField pattern={pattern} patterns={patterns} known={known} onChange={setPattern} />
          <OwnerField teams={teams.data?.items} owner={owner} onChange={setOwner} />
          <TemplateField template={template} onChange={setTemplate} />
          <div className="field">
            <label htmlFor="new-description">Description</label>
            <input
              id="new-description"
              className="input"
              maxLength={1024}
              value={description}
              onChange={(event) => setDescription(event.target.value)}
            />
          </div>
          {problem === null ? null : <Refusal problem={problem} />}
          <div>
            <Button kind="go" isSubmit forbidden={forbidden ?? (fault === null ? null : `The URL ${fault}.`)}>
              {isAsked ? 'Asked…' : 'Create the endpoint'}
            </Button>
          </div>
        </form>
      </Card>
    </div>
  );
}

function Created({ endpoint }: { endpoint: Answer<'endpoints.create'> }): ReactNode {
  const [test, setTest] = useState<Answer<'endpoints.test'> | 'asked' | Problem | null>(null);
  const send = async (): Promise<void> => {
    setTest('asked');
    try {
      setTest(await call('endpoints.test', { params: { id: endpoint.id }, body: {} }));
    } catch (error) {
      setTest(error instanceof Problem ? error : new Problem(0, 'internal', String(error)));
    }
  };
  return (
    <div className="stack">
      <Sentence
        level="well"
        lead="It gets what is accepted from now on."
        actions={
          <Link to="/endpoints/$endpoint" params={{ endpoint: endpoint.id } as never} className="button">
            Open the endpoint
          </Link>
        }
      >
        {hostOf(endpoint.url)} is an endpoint now.
      </Sentence>
      <Card title="Its signing secret">
        <Secret secret={endpoint.secret} />
      </Card>
      <Card title="Does it answer?">
        <div className="stack" aria-live="polite">
          {test === null ? (
            <p>Send it a test event: the answer appears here.</p>
          ) : test === 'asked' ? (
            <p>Waiting for its answer, {durationText(endpoint.timeout_ms)} at most…</p>
          ) : test instanceof Problem ? (
            <Refusal problem={test} />
          ) : (
            <TestAnswer test={test} />
          )}
          <div>
            <Button kind="go" onClick={() => void send()}>
              Send a test
            </Button>
          </div>
        </div>
      </Card>
    </div>
  );
}
