import type { ReactNode } from 'react';
import { useReadPages } from '../../query.ts';
import { Jobs } from './jobs.tsx';

/** Replays in bulk: running, done, stopped. */
export default function Replays(): ReactNode {
  const pages = useReadPages('replays.list', { query: { limit: 50 } }, { everyMs: 3000 });
  return <Jobs kind="replay" pages={pages} />;
}
