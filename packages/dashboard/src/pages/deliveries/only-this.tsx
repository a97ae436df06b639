import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { now } from '../../clock.ts';
import { Card } from '../../parts/card.tsx';
import { countText } from '../../parts/number.ts';
import { Reading } from '../../parts/panel.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { companyOf, companyText } from './company.ts';
import type { Details } from './timeline.ts';

const hourMs = 3_600_000;
const minuteMs = 60_000;

/** "Is it only me?": what became of everything else of its endpoint, in the hour until it was settled or until now. */
export function OnlyThis({ details }: { details: Details }): ReactNode {
  const { endpoint_id: id, settled_at: settled, state, attempt_count: attempts } = details;
  // Whole minutes: the window stays the same while the page is open for less than that.
  const end = Math.ceil((settled === null ? now() : Date.parse(settled)) / minuteMs) * minuteMs;
  const counts = useRead('series.get', {
    query: {
      endpoint_id: id,
      since: new Date(end - hourMs).toISOString(),
      ...(settled === null ? {} : { until: new Date(end).toISOString() }),
    },
  });
  const health = useRead('endpoints.health', { params: { id } }, { enabled: !details.endpoint.deleted });
  const isFailing = state !== 'delivered' && attempts > 0;
  return (
    <Card title="Is it only this one?">
      <Reading of={counts} what="Counting the endpoint's others…" height={96}>
        {({ series, window }) => {
          const company = companyOf(series.flatMap(({ points }) => points));
          return (
            <>
              <p>{companyText(company, isFailing)}</p>
              <p className="soft">
                Accepted for it from <When at={window.since} /> to <When at={window.until} />:{' '}
                {countText(company.accepted)}; {countText(company.delivered)} delivered,{' '}
                {countText(company.pending)} pending, {countText(company.dead)} dead.
              </p>
            </>
          );
        }}
      </Reading>
      {details.endpoint.deleted ? null : (
        <Reading of={health} what="Reading the endpoint's state…" height={48}>
          {({ diagnosis }) => (
            <>
              <p>
                Now: <Untrusted text={diagnosis.sentence} />
              </p>
              <p>
                <Link to="/endpoints/$endpoint" params={{ endpoint: id }}>
                  See the endpoint
                </Link>
              </p>
            </>
          )}
        </Reading>
      )}
    </Card>
  );
}
