import type { ReactNode } from 'react';
import { useReadPages } from '../../query.ts';
import { Jobs } from './jobs.tsx';

/** Redrives in bulk: running, done, stopped. */
export default function Redrives(): ReactNode {
  const pages = useReadPages('redrives.list', { query: { limit: 50 } }, { everyMs: 3000 });
  return <Jobs kind="redrive" pages={pages} />;
}
