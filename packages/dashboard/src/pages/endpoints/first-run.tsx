import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Copy } from '../../parts/copy.tsx';
import { Card } from '../../parts/card.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { useRead } from '../../query.ts';
import { useMe } from '../../session.tsx';

/** Nothing is there yet: three commands, which are ticked off as they happen. */
export function FirstRun(): ReactNode {
  const me = useMe();
  const events = useRead('accounting.get', {}, { everyMs: 3000 });
  if (me.kind === 'portal')
    return <Sentence level="well">You have no endpoint yet: ask who gave you this link.</Sentence>;
  const url = me.public_url ?? location.origin;
  const steps: readonly (readonly [text: string, command: string | null, isDone: boolean])[] = [
    ['Posthorn runs at this address', null, true],
    [
      'Say where webhooks go',
      `curl ${url}/v1/endpoints -H "Authorization: Bearer $POSTHORN_API_KEY" -H 'content-type: application/json' \\\n  -d '{"url": "https://example.com/webhooks", "event_types": ["payment.*"]}'`,
      false,
    ],
    [
      'Publish an event',
      `curl ${url}/v1/events -H "Authorization: Bearer $POSTHORN_API_KEY" -H 'content-type: application/json' \\\n  -d '{"type": "payment.succeeded", "data": {"order": 42}, "value": {"amount_minor": 12900, "currency": "EUR"}}'`,
      (events.data?.events ?? 0) > 0,
    ],
  ];
  return (
    <div className="stack">
      <Sentence
        level="well"
        lead="This page fills as soon as there is one."
        actions={
          <Link to="/endpoints/new" className="button button-go">
            New endpoint
          </Link>
        }
      >
        No endpoints yet: nothing is sent.
      </Sentence>
      <Card title="Three steps to the first webhook">
        <ol className="endpoint-steps">
          {steps.map(([text, command, isDone]) => (
            <li key={text}>
              <p>
                <span className={isDone ? 'good' : 'soft'} aria-hidden="true">
                  {isDone ? '●' : '○'}
                </span>{' '}
                {text}
                <span className="sr">{isDone ? ': done' : ': to do'}</span>
              </p>
              {command === null ? null : (
                <div className="stack">
                  <pre className="endpoint-code mono" tabIndex={0} aria-label={text}>
                    {command}
                  </pre>
                  <div>
                    <Copy text={command} label="Copy the command" />
                  </div>
                </div>
              )}
            </li>
          ))}
        </ol>
      </Card>
    </div>
  );
}
