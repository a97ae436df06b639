import type { Answer, Input, OperationId } from '../../contract/table.ts';
import type { Caller, PortalAction } from '../../domain/caller.ts';
import { PosthornError } from '../../domain/errors.ts';
import { type Handler, type Handlers, Lines, Reply, type Result, Stream } from '../handler.ts';

/** A caller that is bound to one tenant, and perhaps to some of its endpoints. */
export interface BoundCaller extends Caller {
  readonly tenant: string;
}

export type Next<Id extends OperationId> = (input: Input<Id>) => Promise<Result<Id>>;

/**
 * Narrows a request to what the caller may see, and passes it on. The error for what is not the caller's is the same as
 * for what does not exist.
 */
export type Confine<Id extends OperationId> = (
  input: Input<Id>,
  caller: BoundCaller,
  next: Next<Id>,
) => Promise<Result<Id>>;

/** How one operation is confined to the caller's tenant and endpoints (G9). */
export interface Confinement<Id extends OperationId> {
  /** `open`: it reveals nothing about any tenant. `forbidden`: it is about everything, so 403. */
  readonly bound: 'open' | 'forbidden' | Confine<Id>;
  /** The permission that a portal session needs; `read`: none; `never`: not available in a portal. */
  readonly portal: 'read' | 'never' | PortalAction;
  /** The answer as a portal shows it: without names of owners, templates and nodes. */
  readonly portalAnswer?: (answer: Answer<Id>) => Answer<Id>;
}

/** An entry for every operation: a new one does not compile without. */
export type Confinements<Ids extends OperationId = OperationId> = {
  readonly [Id in Ids]: Confinement<Id>;
};

export const open = { bound: 'open', portal: 'read' } as const;
export const openToKeys = { bound: 'open', portal: 'never' } as const;
export const forbidden = { bound: 'forbidden', portal: 'never' } as const;

function isBound({ tenant, endpointIds, can }: Caller): boolean {
  return tenant !== null || endpointIds !== null || can !== null;
}

/** A bound caller is always bound to a tenant; otherwise it gets nothing. */
function boundCaller(caller: Caller): BoundCaller {
  const { tenant } = caller;
  if (tenant === null) throw aboutEverything();
  return { ...caller, tenant };
}

export function aboutEverything(): PosthornError {
  return new PosthornError(
    'forbidden',
    'This call is about everything, and this key is bound to a tenant or to endpoints. Use an unbound key.',
  );
}

/** Throws `forbidden` if the caller may not make this call at all, whatever its input. */
export function demandCall(
  { bound, portal }: Pick<Confinement<OperationId>, 'bound' | 'portal'>,
  caller: Caller,
): void {
  if (!isBound(caller)) return;
  const { can } = caller;
  if (can !== null && portal !== 'read' && (portal === 'never' || !can.includes(portal)))
    throw new PosthornError(
      'forbidden',
      'This portal link does not allow that. Ask its sender for one that does.',
    );
  if (bound === 'forbidden') throw aboutEverything();
}

/** The same use cases, each confined to its caller; an unbound caller costs a check of three fields. */
export function confined<Ids extends OperationId>(
  handlers: Handlers<Ids>,
  confinements: Confinements,
): Handlers<Ids> {
  return Object.fromEntries(
    (Object.keys(handlers) as Ids[]).map((id) => [
      id,
      confinedHandler(
        handlers[id] as unknown as Handler<OperationId>,
        // `Confinements` maps each entry to its handler: here only their names are known.
        confinements[id] as unknown as Confinement<OperationId>,
      ),
    ]),
  ) as unknown as Handlers<Ids>;
}

function confinedHandler(
  handle: Handler<OperationId>,
  confinement: Confinement<OperationId>,
): Handler<OperationId> {
  const { bound, portalAnswer } = confinement;
  return (input, call) => {
    if (!isBound(call.caller)) return handle(input, call);
    const run = async (): Promise<Awaited<ReturnType<Handler<OperationId>>>> => {
      demandCall(confinement, call.caller);
      const next: Next<OperationId> = (narrowed) => handle(narrowed, call);
      const answer = await (typeof bound === 'function'
        ? bound(input, boundCaller(call.caller), next)
        : next(input));
      if (call.caller.can === null || portalAnswer === undefined) return answer;
      return portalAnswer(answerWithin(answer));
    };
    return run();
  };
}

/** Answers that a portal sees in part are documents, not text. */
function answerWithin(answer: unknown): Answer<OperationId> {
  if (answer instanceof Reply || answer instanceof Stream || answer instanceof Lines)
    throw new Error('this answer is not a document, so it cannot be reduced for a portal');
  return answer as Answer<OperationId>;
}
