import type { UseQueryResult } from '@tanstack/react-query';
import { useState } from 'react';
import type { Problem } from '../../api.ts';
import { useRead } from '../../query.ts';
import { useTopics } from '../../stream.ts';
import type { Details } from './timeline.ts';

/** The stream says what changes; what a claim or a time brings about alone is asked for. */
const liveMs = 5000;

/** Reads a delivery, and again as it changes for as long as it is pending. */
export function useDelivery(id: string): UseQueryResult<Details, Problem> {
  const [isPending, setPending] = useState(true);
  const read = useRead('deliveries.get', { params: { id } }, { everyMs: isPending ? liveMs : false });
  useTopics(...(isPending ? [`delivery:${id}`] : []));
  const { data } = read;
  if (data !== undefined && isPending !== (data.state === 'pending')) setPending(data.state === 'pending');
  return read;
}
