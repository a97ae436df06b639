import type { Transformation } from '../domain/transformation.ts';

/** What an expression sees. */
export interface TransformRequest {
  readonly transformation: Transformation;
  /** Whose share of the runners it uses: tenants take turns, and an owner has one at a time. */
  readonly owner: { readonly tenant: string; readonly id: string };
  readonly eventId: string;
  readonly eventType: string;
  readonly occurredAt: number;
  /** The event's data, as it was published. */
  readonly data: string;
}

/** `data`: JSON, the same for the same request. `fault`: why there is none. `busy`: it did not get its turn. */
export type TransformAnswer =
  | { readonly kind: 'data'; readonly data: string }
  | { readonly kind: 'fault'; readonly fault: string; readonly detail: string }
  | { readonly kind: 'busy' };

/** Reshapes data off the thread that delivers, within bounds (G8). Never rejects. */
export interface Transformer {
  transform(request: TransformRequest): Promise<TransformAnswer>;
}
