/** What markers are of. */
export const markerKinds = ['deploy', 'incident', 'change', 'note'] as const;
export type MarkerKind = (typeof markerKinds)[number];

/** Something that happened, which readers of charts know of: a deploy, the begin of an incident, a changed setting. */
export interface Marker {
  readonly id: string;
  /** ms since the epoch. */
  readonly at: number;
  readonly kind: MarkerKind;
  readonly label: string;
  readonly url: string | null;
  /** Who put it there, for people. */
  readonly by: string;
}
