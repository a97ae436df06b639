import './deliveries.css';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useMemo, useState } from 'react';
import { now, useNow } from '../../clock.ts';
import { Card } from '../../parts/card.tsx';
import { plural } from '../../parts/number.ts';
import { Reading } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { Ago } from '../../parts/when.tsx';
import { usePathParam } from '../../url.ts';
import { Attempts } from './attempts.tsx';
import { DeliveryActions } from './delivery-actions.tsx';
import { DeliveryLead } from './delivery-lead.tsx';
import { CameBack, Sent } from './exchange.tsx';
import { Neighbors } from './neighbors.tsx';
import { OnlyThis } from './only-this.tsx';
import { type Details, timelineOf } from './timeline.ts';
import { TimelineChart } from './timeline-chart.tsx';
import { useDelivery } from './use-delivery.ts';
import { headingOf } from './words.ts';

/** What happened to one delivery: its claims to scale, what was sent, what came back, and what can be done. */
export default function DeliveryPage(): ReactNode {
  const id = usePathParam('delivery');
  const read = useDelivery(id);
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
      <OnlyThis details={details} />
      <Neighbors details={details} />
    </div>
  );
}

function Head({ details }: { details: Details }): ReactNode {
  const { level, text } = headingOf(details, useNow());
  return (
    <Sentence
      level={level}
      actions={<DeliveryActions details={details} />}
      lead={<DeliveryLead details={details} />}
    >
      {text}
    </Sentence>
  );
}
