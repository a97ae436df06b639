import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { moneyText } from '../../parts/money.ts';
import { Untrusted } from '../../parts/untrusted.tsx';
import { Ago } from '../../parts/when.tsx';
import type { Details } from './timeline.ts';
import { classText, sentText } from './words.ts';

/** What a delivery is about, for whom, and what holds it or ended it. */
export function DeliveryLead({ details }: { details: Details }): ReactNode {
  const { endpoint, value, event_type: type, endpoint_id: endpointId } = details;
  const waitsFor = details.waiting_for?.delivery_id ?? null;
  const { blocked_by: blockedBy, redrives, last_error: last } = details;
  const isStopped = details.state === 'dead' || details.state === 'cancelled';
  return (
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
  );
}
