/** What markers are of. */
export const markerKinds = ['deploy', 'incident', 'change', 'note'] as const;
export type MarkerKind = (typeof markerKinds)[number];

/** What a marker is about: an endpoint, a template, a job. */
interface MarkerSubject {
  readonly kind: string;
  readonly id: string;
}

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
  /** Posthorn put it there by itself, when something was changed. */
  readonly isAutomatic: boolean;
  /** The tenant that it is about; null: it is about none. */
  readonly tenant: string | null;
  readonly subject: MarkerSubject | null;
}
