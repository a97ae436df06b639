import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState } from 'react';
import { type Answer, call, newIdempotencyKey, type OperationId, Problem } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { countText, plural } from '../../parts/number.ts';
import { Refusal } from '../../parts/panel.tsx';
import { durationText } from '../../parts/time.ts';
import { toast } from '../../parts/toast.tsx';
import { hostOf, Untrusted } from '../../parts/untrusted.tsx';
import { refresh, useRead } from '../../query.ts';
import { Secret } from './secret.tsx';

type Endpoint = Answer<'endpoints.get'>;
interface Properties {
  readonly endpoint: Endpoint;
  readonly onClose: () => void;
}

const changed: readonly OperationId[] = [
  'endpoints.get',
  'endpoints.health',
  'endpoints.list',
  'auditLog.list',
];

const toProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem(0, 'internal', String(error));

/** What an action is doing: the same key however often it is pressed, so a double click is one change. */
function useAction<T>(run: (idempotencyKey: string) => Promise<T>): {
  readonly isRunning: boolean;
  readonly problem: Problem | null;
  readonly start: () => Promise<T | null>;
} {
  const [key] = useState(newIdempotencyKey);
  const [isRunning, setRunning] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  return {
    isRunning,
    problem,
    start: async () => {
      if (isRunning) return null;
      setRunning(true);
      setProblem(null);
      try {
        return await run(key);
      } catch (error) {
        setProblem(toProblem(error));
        return null;
      } finally {
        setRunning(false);
      }
    },
  };
}

/** What a test answered. */
export function TestAnswer({ test }: { test: Answer<'endpoints.test'> }): ReactNode {
  const { attempt } = test;
  if (attempt === null)
    return (
      <p className="wait">
        {test.suppressed > 0
          ? 'The endpoint is paused, so the test was not sent.'
          : 'No attempt has ended yet: the delivery continues by itself.'}
      </p>
    );
  const isGood = attempt.outcome === 'delivered';
  return (
    <div className="stack">
      <p className={isGood ? 'good' : 'bad'}>
        <span aria-hidden="true">{isGood ? '●' : '✕'}</span>{' '}
        {isGood
          ? `It answered ${attempt.status_code} in ${durationText(attempt.duration_ms)}: it takes webhooks.`
          : `It did not take the test: ${attempt.status_code ?? attempt.error_class} after ${durationText(attempt.duration_ms)}.`}
      </p>
      {attempt.message === null ? null : (
        <p>
          <Untrusted text={attempt.message} max={300} />
        </p>
      )}
      {attempt.response_excerpt === null || attempt.response_excerpt === '' ? null : (
        <code className="endpoint-excerpt mono" tabIndex={0} role="group" aria-label="What came back">
          <Untrusted text={attempt.response_excerpt} max={2000} />
        </code>
      )}
    </div>
  );
}

/** Sends a test, and shows the answer where it was asked for. */
export function TestDialog({ endpoint, onClose }: Properties): ReactNode {
  const [test, setTest] = useState<Answer<'endpoints.test'> | null>(null);
  const { isRunning, problem, start } = useAction(
    async (idempotencyKey) =>
      await call('endpoints.test', { params: { id: endpoint.id }, body: {}, idempotencyKey }),
  );
  useEffect(() => {
    void start().then(async (answer) => {
      setTest(answer);
      await refresh('endpoints.health', 'deliveries.list');
    });
    // Once, when the dialog opens: that is the test.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  return (
    <Dialog title={`A test to ${hostOf(endpoint.url)}`} onClose={onClose}>
      <div aria-live="polite">
        {isRunning || (test === null && problem === null) ? (
          <p>Waiting for its answer, {durationText(endpoint.timeout_ms)} at most…</p>
        ) : problem !== null ? (
          <Refusal problem={problem} />
        ) : test !== null ? (
          <TestAnswer test={test} />
        ) : null}
      </div>
    </Dialog>
  );
}

export function PauseDialog({ endpoint, onClose }: Properties): ReactNode {
  const [reason, setReason] = useState('');
  const health = useRead('endpoints.health', { params: { id: endpoint.id } });
  const { isRunning, problem, start } = useAction(
    async (idempotencyKey) =>
      await call('endpoints.pause', {
        params: { id: endpoint.id },
        body: reason.trim() === '' ? {} : { reason: reason.trim() },
        idempotencyKey,
      }),
  );
  const pause = async (): Promise<void> => {
    if ((await start()) === null) return;
    toast('Paused: nothing is sent until it is resumed.', 'held');
    await refresh(...changed);
    onClose();
  };
  return (
    <Dialog
      title={`Pause ${hostOf(endpoint.url)}?`}
      onClose={onClose}
      actions={
        <Button kind="go" onClick={() => void pause()}>
          {isRunning ? 'Asked…' : 'Pause'}
        </Button>
      }
    >
      <p>
        Nothing is sent until it is resumed.{' '}
        {health.data === undefined
          ? null
          : `${plural(health.data.waiting.count, 'pending delivery', 'pending deliveries')} wait; about ${countText(
              Math.round(health.data.health.rate_per_s * 3600),
            )} an hour of new events are suppressed: kept, and to be redriven.`}
      </p>
      <label className="field">
        <span className="label">Reason (others see it)</span>
        <input
          className="input"
          value={reason}
          maxLength={256}
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
      {problem === null ? null : <Refusal problem={problem} />}
    </Dialog>
  );
}

const graces = [
  [86_400, '24 hours'],
  [3600, '1 hour'],
  [604_800, '7 days'],
  [0, 'at once'],
] as const;

export function RotateDialog({ endpoint, onClose }: Properties): ReactNode {
  const [graceS, setGraceS] = useState<number>(graces[0][0]);
  const [secret, setSecret] = useState<string | null>(null);
  const { isRunning, problem, start } = useAction(
    async (idempotencyKey) =>
      await call('endpoints.rotateSecret', {
        params: { id: endpoint.id },
        body: { grace_s: graceS },
        idempotencyKey,
      }),
  );
  const rotate = async (): Promise<void> => {
    const answer = await start();
    if (answer === null) return;
    setSecret(answer.secret ?? '');
    await refresh(...changed);
  };
  return (
    <Dialog
      title={`Rotate the signing secret of ${hostOf(endpoint.url)}`}
      onClose={onClose}
      isWide={secret !== null}
      actions={
        secret !== null ? undefined : (
          <Button kind="go" onClick={() => void rotate()}>
            {isRunning ? 'Asked…' : 'Rotate'}
          </Button>
        )
      }
    >
      {secret === null ? (
        <>
          <p>
            A new secret is made and shown once. Until the former one ends, every request is signed with both,
            so the receiver can change over without losing any.
          </p>
          <label className="field">
            <span className="label">The former secret ends</span>
            <select
              className="select"
              value={graceS}
              onChange={(event) => setGraceS(Number(event.target.value))}
            >
              {graces.map(([seconds, text]) => (
                <option key={seconds} value={seconds}>
                  {seconds === 0 ? text : `after ${text}`}
                </option>
              ))}
            </select>
          </label>
          {problem === null ? null : <Refusal problem={problem} />}
        </>
      ) : secret === '' ? (
        <p>The endpoint signs with a key pair alone: its new public key is published.</p>
      ) : (
        <Secret secret={secret} />
      )}
    </Dialog>
  );
}

export function DeleteDialog({ endpoint, onClose }: Properties): ReactNode {
  const host = hostOf(endpoint.url);
  const [typed, setTyped] = useState('');
  const navigate = useNavigate();
  const health = useRead('endpoints.health', { params: { id: endpoint.id } });
  const { isRunning, problem, start } = useAction(async (idempotencyKey) => {
    await call('endpoints.delete', { params: { id: endpoint.id }, idempotencyKey });
    return true;
  });
  const remove = async (): Promise<void> => {
    if ((await start()) === null) return;
    toast(`${host} is deleted.`, 'off');
    await refresh('endpoints.list');
    void navigate({ to: '/endpoints' });
  };
  return (
    <Dialog
      title={`Delete ${host}?`}
      onClose={onClose}
      actions={
        <Button
          kind="danger"
          forbidden={typed === host ? null : `Type ${host} to delete it.`}
          onClick={() => void remove()}
        >
          {isRunning ? 'Asked…' : 'Delete'}
        </Button>
      }
    >
      <p>
        {health.data === undefined
          ? 'Its pending deliveries are cancelled.'
          : `${plural(health.data.waiting.count, 'pending delivery is', 'pending deliveries are')} cancelled, and no new event is sent to it.`}{' '}
        What was delivered stays in the lists.
      </p>
      <label className="field">
        <span className="label">Type {host} to confirm</span>
        <input
          className="input"
          value={typed}
          autoComplete="off"
          onChange={(event) => setTyped(event.target.value)}
        />
      </label>
      {problem === null ? null : <Refusal problem={problem} />}
    </Dialog>
  );
}
