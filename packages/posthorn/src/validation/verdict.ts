/** One fault of a text: where, and what. */
export interface SchemaFault {
  readonly path: string;
  readonly message: string;
}

/** Null: valid. */
export type Verdict = readonly SchemaFault[] | null;
