/** Reshapes an event's data for one endpoint when an attempt is made; what is stored stays as it was published. */
export interface Transformation {
  readonly language: 'jsonata';
  readonly expression: string;
}

/** Bounds of one run (G8). */
export const transformationLimits = {
  expressionLength: 8192,
  /** Processor time. */
  timeMs: 100,
  resultBytes: 262_144,
} as const;
