import type { Answer, Input } from '../contract/table.ts';
import { alertTenant } from '../domain/alert.ts';
import { invalid, notFound, PosthornError } from '../domain/errors.ts';
import { defaultTenant } from '../domain/tenant.ts';
import type { Transformation } from '../domain/transformation.ts';
import type { TransformRequest } from '../engine/transformer.ts';
import { SandboxError } from '../sandbox/pool.ts';
import { refuseUnsendable } from '../store/sendable.ts';
import { noResult } from '../transformation/transformer.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { type Call, type Handlers, type Of, Reply } from './handler.ts';
import { jsonText } from './new-event.ts';
import { payloadLooks, requirePayloads } from './payload-looks.ts';
import { rawData } from './raw-json.ts';

type DryRun = Input<'transformations.dryRun'>['body'];
type TriedEvent = Pick<TransformRequest, 'eventId' | 'eventType' | 'occurredAt' | 'data'>;

/** Refuses an expression that cannot run. Call it before a configuration change begins: it takes its time. */
export async function refuseTransformation(
  { transformations }: Pick<ServiceDependencies, 'transformations'>,
  transformation: Transformation | null | undefined,
  tenant: string,
): Promise<void> {
  if (transformation === null || transformation === undefined) return;
  const fault = await transformations.inspect(transformation, tenant).catch(inspectionFault);
  if (fault !== null) throw invalid('/transformation/expression', fault);
}

function inspectionFault(error: unknown): string {
  if (!(error instanceof SandboxError)) throw error;
  if (error.why.kind === 'busy')
    throw new PosthornError('unavailable', 'The expression cannot be checked now. Try again.');
  return noResult(error.why);
}

/** Tries expressions before an endpoint uses them. */
export function transformationService(deps: ServiceDependencies): Handlers<Of<'transformations'>> {
  const { store, transformations, clock } = deps;
  const looks = payloadLooks(deps);

  const storedEvent = async (tenant: string, id: string, call: Call): Promise<TriedEvent> => {
    requirePayloads(call.caller);
    const event = await store.read.event(tenant, id);
    // Posthorn's own events contain the keys of channels.
    if (event === null || tenant === alertTenant) throw notFound('event by that id and tenant');
    refuseUnsendable(event);
    await looks.note(call, event);
    const { type: eventType, data, acceptedAt, occurredAt } = event;
    return { eventId: id, eventType, occurredAt: occurredAt ?? acceptedAt, data };
  };

  const givenEvent = ({ data, event_type: type }: DryRun, { text }: Call): TriedEvent => ({
    eventId: 'evt_dry_run',
    eventType: type,
    occurredAt: clock.now(),
    // As it was sent: parsing and printing it would change long numbers.
    data: (text === null ? null : rawData(text)) ?? jsonText(data, ''),
  });

  return {
    'transformations.dryRun': async ({ body }, call) => {
      const { transformation, tenant = defaultTenant, event_id: id, data } = body;
      if ((id === undefined) === (data === undefined)) throw invalid('/data', 'give either data or event_id');
      const payer = call.caller.tenant ?? tenant;
      await refuseTransformation(deps, transformation, payer);
      const event = id === undefined ? givenEvent(body, call) : await storedEvent(tenant, id, call);
      const answer = await transformations.transform({
        transformation,
        owner: { tenant: payer, id: `dry run of ${call.caller.id}` },
        ...event,
      });
      if (answer.kind === 'busy')
        throw new PosthornError('unavailable', 'Other expressions are running. Try again.');
      return answer.kind === 'fault'
        ? { result: null, error: answer.detail }
        : new Reply<Answer<'transformations.dryRun'>>(`{"result":${answer.data},"error":null}`);
    },
  };
}
