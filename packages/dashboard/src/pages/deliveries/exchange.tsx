import type { ReactNode } from 'react';
import { Card } from '../../parts/card.tsx';
import { Reading } from '../../parts/panel.tsx';
import { Payload } from '../../parts/payload.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { useRead } from '../../query.ts';
import { DataDeleted } from './data-deleted.tsx';
import type { Details } from './timeline.ts';

// What was sent, and what came back.

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

/** The request, made again from what is stored. */
export function Sent({ id, attempt }: { id: string; attempt: number | null }): ReactNode {
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
                {request.data_deleted_at !== null ? (
                  <DataDeleted at={request.data_deleted_at} />
                ) : request.payloads === 'none' ? (
                  'Your key does not show payloads. Ask for one with payloads: masked or full.'
                ) : (
                  'The expression of the endpoint gives no body.'
                )}
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

/** The answer to an attempt, as far as it is kept. */
export function CameBack({ attempt }: { attempt: Details['attempts'][number] | undefined }): ReactNode {
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
