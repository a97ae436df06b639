import type { ReactNode } from 'react';
import { When } from '../../parts/when.tsx';

/** Why a button that would send an event again does not work. */
export const cannotSendAgain = 'The data of this event were deleted, so it cannot be sent again.';

/** What is shown in place of data that were deleted. */
export function DataDeleted({ at }: { at: string }): ReactNode {
  return (
    <>
      The data of this event were deleted at <When at={at} />, with what its receivers answered. The event and
      its deliveries stay counted; it cannot be sent again.
    </>
  );
}
