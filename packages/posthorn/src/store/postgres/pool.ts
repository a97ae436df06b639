// Apart from what opens it: the declarations end here for an application without the types of `pg`.

/**
 * An application's own pool, as `new Pool()` of `pg` makes it. Described by its shape: an application that has none needs no
 * types of `pg`.
 */
export interface PostgresPool {
  readonly options: object;
  connect(): Promise<{ query(text: string): Promise<unknown>; release(error?: Error | boolean): void }>;
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}
