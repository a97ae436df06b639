import { type ReactNode, useState } from 'react';
import { useRead } from '../../query.ts';
import { usePathParam } from '../../url.ts';
import { JobPage, pollMs } from './job.tsx';

/** One redrive: how far it is, what became of its deliveries, and how to slow or stop it. */
export default function Redrive(): ReactNode {
  const [everyMs, setEveryMs] = useState<number | false>(1000);
  const read = useRead('redrives.get', { params: { id: usePathParam('redrive') } }, { everyMs });
  const wanted = pollMs(read.data);
  if (wanted !== everyMs) setEveryMs(wanted);
  return <JobPage of={read} kind="redrive" />;
}
