import type { ReactNode } from 'react';
import { Copy } from '../../parts/copy.tsx';

/** How a receiver makes its list. */
function queries(since: string, until: string): readonly { readonly of: string; readonly text: string }[] {
  return [
    {
      of: 'PostgreSQL',
      text: `psql -Atc "SELECT webhook_id FROM inbox WHERE received_at >= '${since}' AND received_at < '${until}'" > ids.txt`,
    },
    {
      of: 'MySQL',
      text: `mysql -N -B -e "SELECT webhook_id FROM inbox WHERE received_at >= '${since.replace('T', ' ').replace('Z', '')}' AND received_at < '${until.replace('T', ' ').replace('Z', '')}'" > ids.txt`,
    },
    { of: 'A log of JSON lines', text: `jq -r '.["webhook-id"]' requests.jsonl > ids.txt` },
  ];
}

/** Commands that make the list, with the chosen time in them. */
export function Queries({ since, until }: { since: string; until: string }): ReactNode {
  return (
    <details className="missed-queries">
      <summary>How to make the list</summary>
      <div className="stack">
        <p className="soft">
          Every request has the header <code>webhook-id</code>: keep it with what you process. One id a line;
          names of tables and columns are yours.
        </p>
        {queries(since, until).map(({ of, text }) => (
          <div key={of}>
            <div className="spread">
              <p className="label">{of}</p>
              <Copy text={text} label={`Copy for ${of}`} />
            </div>
            <pre tabIndex={0}>{text}</pre>
          </div>
        ))}
      </div>
    </details>
  );
}
