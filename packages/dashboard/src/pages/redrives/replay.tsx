import { type ReactNode, useState } from 'react';
import { useRead } from '../../query.ts';
import { usePathParam } from '../../url.ts';
import { JobPage, pollMs } from './job.tsx';

/** One replay: how far it is, what became of its deliveries, and how to slow or stop it. */
export default function Replay(): ReactNode {
  const [everyMs, setEveryMs] = useState<number | false>(1000);
  const read = useRead('replays.get', { params: { id: usePathParam('replay') } }, { everyMs });
  const wanted = pollMs(read.data);
  if (wanted !== everyMs) setEveryMs(wanted);
  return <JobPage of={read} kind="replay" />;
}
