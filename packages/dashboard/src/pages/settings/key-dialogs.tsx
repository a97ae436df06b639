import { type ReactNode, useState } from 'react';
import { type Answer, call, type Item, newIdempotencyKey, Problem } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Copy } from '../../parts/copy.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Refusal } from '../../parts/panel.tsx';
import { toast } from '../../parts/toast.tsx';
import { Untrusted, visible } from '../../parts/untrusted.tsx';
import { refresh } from '../../query.ts';

type Key = Item<'keys.list'>;
/** A key that was just made. */
export type ShownKey = Pick<Answer<'keys.create'>, 'name' | 'key'>;

const scopeTexts = {
  publish: 'publish events',
  read: 'read everything but keys and the audit log',
  operate: 'change, redrive, replay',
  admin: 'everything',
} as const;
type Scope = keyof typeof scopeTexts;
const scopes = Object.keys(scopeTexts) as readonly Scope[];
const dayS = 86_400;

/** An action of a dialog that may be refused. */
function useAsking(): {
  readonly isAsking: boolean;
  readonly problem: Problem | null;
  run(action: () => Promise<void>): void;
} {
  const [isAsking, setAsking] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const ask = async (action: () => Promise<void>): Promise<void> => {
    setAsking(true);
    setProblem(null);
    try {
      await action();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, 'internal', (error as Error).message));
      setAsking(false);
    }
  };
  return { isAsking, problem, run: (action) => void ask(action) };
}

const dateIn = (days: number): string => new Date(Date.now() + days * dayS * 1000).toISOString();

const asking = (is: boolean): string | null => (is ? 'Asked…' : null);

function ScopeField({
  chosen,
  onChange,
}: {
  chosen: readonly Scope[];
  onChange: (chosen: readonly Scope[]) => void;
}): ReactNode {
  return (
    <fieldset className="settings-choices">
      <legend className="label">What it may do</legend>
      {scopes.map((scope) => (
        <label key={scope}>
          <input
            type="checkbox"
            checked={chosen.includes(scope)}
            onChange={(event) =>
              onChange(event.target.checked ? [...chosen, scope] : chosen.filter((one) => one !== scope))
            }
          />
          <code>{scope}</code> {scopeTexts[scope]}
        </label>
      ))}
    </fieldset>
  );
}

function PayloadField({
  payloads,
  onChange,
}: {
  payloads: string;
  onChange: (payloads: string) => void;
}): ReactNode {
  return (
    <div className="field">
      <label htmlFor="key-payloads">Payloads</label>
      <select
        id="key-payloads"
        className="select"
        value={payloads}
        onChange={(event) => onChange(event.target.value)}
      >
        <option value="">as usual for its scopes</option>
        <option value="none">none</option>
        <option value="masked">masked</option>
        <option value="full">full</option>
      </select>
    </div>
  );
}

function EndField({ days, onChange }: { days: string; onChange: (days: string) => void }): ReactNode {
  return (
    <div className="field">
      <label htmlFor="key-days">Ends after</label>
      <select
        id="key-days"
        className="select"
        value={days}
        onChange={(event) => onChange(event.target.value)}
      >
        <option value="7">7 days</option>
        <option value="30">30 days</option>
        <option value="90">90 days</option>
        <option value="365">a year</option>
        <option value="">never</option>
      </select>
    </div>
  );
}

/** Makes a key: what it is for, what it may do, and until when. */
export function NewKey({
  onClose,
  onMade,
}: {
  onClose: () => void;
  onMade: (key: ShownKey) => void;
}): ReactNode {
  const [idempotencyKey] = useState(newIdempotencyKey);
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<readonly Scope[]>(['read']);
  const [tenant, setTenant] = useState('');
  const [payloads, setPayloads] = useState('');
  const [days, setDays] = useState('365');
  const { isAsking, problem, run } = useAsking();
  const missing =
    name.trim() === '' ? 'Name it first.' : chosen.length === 0 ? 'Choose what it may do.' : null;
  const make = async (): Promise<void> => {
    const made = await call('keys.create', {
      idempotencyKey,
      body: {
        name: name.trim(),
        scopes: chosen,
        ...(tenant.trim() === '' ? {} : { tenant: tenant.trim() }),
        ...(payloads === '' ? {} : { payloads }),
        ...(days === '' ? {} : { expires_at: dateIn(Number(days)) }),
      },
    });
    await refresh('keys.list');
    onClose();
    onMade(made);
  };
  return (
    <Dialog
      title="New key"
      onClose={onClose}
      actions={
        <Button kind="go" forbidden={asking(isAsking) ?? missing} onClick={() => run(make)}>
          Make the key
        </Button>
      }
    >
      <div className="field">
        <label htmlFor="key-name">What it is for</label>
        <input
          id="key-name"
          className="input"
          maxLength={128}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </div>
      <ScopeField chosen={chosen} onChange={setChosen} />
      <div className="field">
        <label htmlFor="key-tenant">Only of this tenant (empty: of all)</label>
        <input
          id="key-tenant"
          className="input"
          value={tenant}
          onChange={(event) => setTenant(event.target.value)}
        />
      </div>
      <div className="row">
        <PayloadField payloads={payloads} onChange={setPayloads} />
        <EndField days={days} onChange={setDays} />
      </div>
      {problem === null ? null : <Refusal problem={problem} />}
    </Dialog>
  );
}

/** Gives a key a new secret; the present one goes on for a while. */
export function RotateKey({
  of: { id, name },
  onClose,
  onMade,
}: {
  of: Key;
  onClose: () => void;
  onMade: (key: ShownKey) => void;
}): ReactNode {
  const [idempotencyKey] = useState(newIdempotencyKey);
  const [grace, setGrace] = useState(String(dayS));
  const { isAsking, problem, run } = useAsking();
  const rotate = async (): Promise<void> => {
    const made = await call('keys.rotate', {
      params: { id },
      body: { grace_s: Number(grace) },
      idempotencyKey,
    });
    await refresh('keys.list');
    onClose();
    onMade(made);
  };
  return (
    <Dialog
      title={`Rotate ${visible(name)}`}
      onClose={onClose}
      actions={
        <Button kind="go" forbidden={asking(isAsking)} onClick={() => run(rotate)}>
          Rotate
        </Button>
      }
    >
      <p>
        A new key with the same rights. The present one works until the grace time ends, so nothing stops
        meanwhile.
      </p>
      <div className="field">
        <label htmlFor="rotate-grace">The present key works for</label>
        <select
          id="rotate-grace"
          className="select"
          value={grace}
          onChange={(event) => setGrace(event.target.value)}
        >
          <option value="0">not any more</option>
          <option value="3600">an hour</option>
          <option value={String(dayS)}>a day</option>
          <option value={String(7 * dayS)}>7 days</option>
        </select>
      </div>
      {problem === null ? null : <Refusal problem={problem} />}
    </Dialog>
  );
}

/** Revokes a key, after its name was typed: it cannot be undone. */
export function RevokeKey({ of: { id, name }, onClose }: { of: Key; onClose: () => void }): ReactNode {
  const [typed, setTyped] = useState('');
  const { isAsking, problem, run } = useAsking();
  const revoke = async (): Promise<void> => {
    await call('keys.delete', { params: { id } });
    await refresh('keys.list');
    onClose();
    toast(`The key ${visible(name)} is revoked.`);
  };
  return (
    <Dialog
      title={`Revoke ${visible(name)}`}
      onClose={onClose}
      actions={
        <Button
          kind="danger"
          forbidden={asking(isAsking) ?? (typed === name ? null : 'Type its name first.')}
          onClick={() => run(revoke)}
        >
          Revoke
        </Button>
      }
    >
      <p>
        What uses it is refused within a second, and so is every session and portal link that it began. This
        cannot be undone.
      </p>
      <div className="field">
        <label htmlFor="revoke-name">
          Type <Untrusted text={name} /> to revoke it
        </label>
        <input
          id="revoke-name"
          className="input"
          autoComplete="off"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      </div>
      {problem === null ? null : <Refusal problem={problem} />}
    </Dialog>
  );
}

/** A new secret: it is nowhere else, and leaves the page with the dialog. */
export function ShownOnce({ of: { name, key }, onClose }: { of: ShownKey; onClose: () => void }): ReactNode {
  return (
    <Dialog
      title={`The key ${visible(name)}`}
      onClose={onClose}
      actions={<Copy text={key} label="Copy the key" />}
    >
      <p>It is shown this once. Keep it where your secrets are.</p>
      <code className="settings-secret">{key}</code>
    </Dialog>
  );
}
