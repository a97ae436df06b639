import './portal.css';
import type { ReactNode } from 'react';
import { useMe } from '../../session.tsx';
import { NewLink } from './new-link.tsx';
import { Receiver } from './receiver.tsx';

/** Where a portal link leads: for receivers their own, for everybody else a link to give to one. */
export default function PortalPage(): ReactNode {
  return useMe().kind === 'portal' ? <Receiver /> : <NewLink />;
}
