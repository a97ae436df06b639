import { type ReactNode, useState } from 'react';
import { type Answer, call, type Item, newIdempotencyKey, Problem } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { Copy } from '../../parts/copy.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Loading, Refusal, Refused } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { hostOf } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { useForbidden, useMe } from '../../session.tsx';

const actions = {
  redrive: 'redrive what was given up',
  replay: 'have events sent again',
  test: 'send a test',
  rotate: 'rotate its signing secret',
} as const;
type Action = keyof typeof actions;
const names = Object.keys(actions) as readonly Action[];

const lifetimes = [
  [3600, 'an hour'],
  [86_400, 'a day'],
  [7 * 86_400, '7 days'],
] as const;

/** What a link is to show and to allow. */
interface Wish {
  readonly tenant: string;
  readonly endpointIds: readonly string[];
  readonly can: readonly Action[];
  readonly lifetimeS: number;
}

type Made = Answer<'portalLinks.create'>;

/** Has the server make a link. */
function useMaking() {
  const [made, setMade] = useState<Made | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const make = async ({ tenant, endpointIds, can, lifetimeS }: Wish): Promise<void> => {
    setProblem(null);
    try {
      setMade(
        await call('portalLinks.create', {
          body: {
            tenant,
            can,
            expires_in_s: lifetimeS,
            ...(endpointIds.length === 0 ? {} : { endpoint_ids: endpointIds }),
          },
          idempotencyKey: newIdempotencyKey(),
        }),
      );
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, 'internal', (error as Error).message));
    }
  };
  return { made, problem, make, forget: () => setMade(null) };
}

/** Makes a link that shows a receiver what is its own. */
export function NewLink(): ReactNode {
  const me = useMe();
  const forbidden = useForbidden('admin');
  const [wish, setWish] = useState<Wish>({
    tenant: me.tenant ?? 'default',
    endpointIds: [],
    can: ['redrive', 'replay'],
    lifetimeS: 3600,
  });
  const { made, problem, make, forget } = useMaking();
  return (
    <div className="stack">
      <Sentence lead="It sees its own endpoints, deliveries and dead letters, and can compare them with what it processed. It sees no teams, no other tenants, and no names of owners, templates or nodes.">
        Show a receiver what is its own.
      </Sentence>
      <Card title="A link for a receiver">
        <div className="stack">
          <Fields wish={wish} setWish={setWish} />
          {problem === null ? null : <Refusal problem={problem} />}
          <p>
            <Button
              kind="go"
              forbidden={forbidden ?? (wish.tenant === '' ? 'Name a tenant first.' : null)}
              onClick={() => void make(wish)}
            >
              Make the link
            </Button>
          </p>
        </div>
      </Card>
      {made === null ? null : <MadeDialog made={made} onClose={forget} />}
    </div>
  );
}

function Fields({ wish, setWish }: { wish: Wish; setWish: (wish: Wish) => void }): ReactNode {
  const { tenant: bound } = useMe();
  const { tenant, endpointIds, can, lifetimeS } = wish;
  return (
    <>
      <div className="field">
        <label htmlFor="link-tenant">Tenant</label>
        <input
          id="link-tenant"
          className="input"
          value={tenant}
          readOnly={bound !== null}
          onChange={(event) => setWish({ ...wish, tenant: event.target.value.trim(), endpointIds: [] })}
        />
      </div>
      <EndpointChoice
        tenant={tenant}
        chosen={endpointIds}
        onChange={(ids) => setWish({ ...wish, endpointIds: ids })}
      />
      <fieldset className="portal-choices">
        <legend className="label">Besides looking, it may</legend>
        {names.map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={can.includes(name)}
              onChange={(event) => {
                const others = can.filter((one) => one !== name);
                setWish({ ...wish, can: event.target.checked ? [...others, name] : others });
              }}
            />
            {actions[name]}
          </label>
        ))}
      </fieldset>
      <div className="field">
        <label htmlFor="link-lifetime">The link works for</label>
        <select
          id="link-lifetime"
          className="select"
          value={lifetimeS}
          onChange={(event) => setWish({ ...wish, lifetimeS: Number(event.target.value) })}
        >
          {lifetimes.map(([seconds, text]) => (
            <option key={seconds} value={seconds}>
              {text}
            </option>
          ))}
        </select>
      </div>
    </>
  );
}

function MadeDialog({ made, onClose }: { made: Made; onClose: () => void }): ReactNode {
  return (
    <Dialog
      title="The link"
      onClose={onClose}
      actions={<Copy text={absolute(made.url)} label="Copy the link" />}
    >
      <p>
        It is shown only this once. Anyone who has it sees what it shows, until <When at={made.expires_at} />.
      </p>
      <code className="portal-link">{absolute(made.url)}</code>
    </Dialog>
  );
}

/** A server that was not told where it is reached answers a path. */
const absolute = (url: string): string => new URL(url, location.origin).href;

function EndpointChoice({
  tenant,
  chosen,
  onChange,
}: {
  tenant: string;
  chosen: readonly string[];
  onChange: (ids: readonly string[]) => void;
}): ReactNode {
  const read = useRead('endpoints.list', { query: { tenant, limit: 100 } }, { enabled: tenant !== '' });
  const items: readonly Item<'endpoints.list'>[] = read.data?.items ?? [];
  return (
    <fieldset className="portal-choices">
      <legend className="label">Only these endpoints (none chosen: all of the tenant)</legend>
      <Refused of={[read]} />
      {read.isLoading ? <Loading height={28} what="Reading its endpoints…" /> : null}
      {read.data?.items.length === 0 ? (
        <span className="soft">This tenant does not have an endpoint.</span>
      ) : null}
      {items.map(({ id, url, name }) => (
        <label key={id}>
          <input
            type="checkbox"
            checked={chosen.includes(id)}
            onChange={(event) =>
              onChange(event.target.checked ? [...chosen, id] : chosen.filter((one) => one !== id))
            }
          />
          {hostOf(url)}
          {name === null ? '' : ` (${name})`}
        </label>
      ))}
    </fieldset>
  );
}
