import { createContext, useContext, useLayoutEffect } from 'react';

/** Tells the frame of a page that a heading is there; returns what takes it back. */
export type Announce = () => () => void;

export const HeadingContext = createContext<Announce | null>(null);

/** Says, as long as the component is there, that the page has its heading. */
export function useHeading(): void {
  const announce = useContext(HeadingContext);
  useLayoutEffect(() => announce?.(), [announce]);
}
