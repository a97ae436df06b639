import { type FormEvent, type ReactNode, useState } from 'react';
import { Problem } from '../api.ts';
import { Button } from '../parts/button.tsx';
import { Logo } from '../shell/logo.tsx';
import { type Me, signIn } from '../session.tsx';

/** The state of the form. */
function useSignIn(onSignedIn: (me: Me) => void, problem: Problem | null) {
  const [key, setKey] = useState('');
  const [isAsking, setAsking] = useState(false);
  // Who has not tried yet has done nothing wrong.
  const [refusal, setRefusal] = useState<string | null>(
    problem !== null && problem.message.startsWith('The session has ended') ? problem.message : null,
  );
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (key.trim() === '') {
      setRefusal('Enter an API key. It begins with phk_.');
      return;
    }
    setAsking(true);
    try {
      onSignedIn(await signIn({ key: key.trim() }));
    } catch (error) {
      setRefusal(
        error instanceof Problem && error.status !== 401
          ? error.message
          : 'That key is not valid: it is wrong, revoked or expired.',
      );
      setAsking(false);
    }
  };
  return { key, setKey, isAsking, refusal, submit };
}

/** Signs in by key: one field, and where keys come from. */
export function SignIn({
  onSignedIn,
  problem,
}: {
  onSignedIn: (me: Me) => void;
  problem: Problem | null;
}): ReactNode {
  const { key, setKey, isAsking, refusal, submit } = useSignIn(onSignedIn, problem);
  if (location.pathname === '/portal') return <LinkEnded />;
  return (
    <main className="sign-in" id="main">
      <form className="card stack" onSubmit={(event) => void submit(event)}>
        <p className="row sign-in-brand">
          <Logo /> Posthorn
        </p>
        <h1>Sign in</h1>
        <div className="field">
          <label htmlFor="key">API key</label>
          <input
            id="key"
            className="input mono"
            type="password"
            autoComplete="off"
            spellCheck={false}
            value={key}
            aria-describedby="key-help key-refusal"
            aria-invalid={refusal !== null}
            onChange={(event) => setKey(event.target.value)}
            autoFocus
          />
          <p id="key-refusal" className="field-error" role="alert">
            {refusal}
          </p>
        </div>
        <Button kind="go" isSubmit forbidden={isAsking ? 'Asking the server…' : null}>
          Sign in
        </Button>
        <div id="key-help" className="soft">
          <p>
            <code>posthorn serve</code> prints the first admin key once, when it starts for the first time. An
            admin makes further ones with <code>posthorn keys create</code>, each with its own scopes. A lost
            admin key is replaced by the environment variable <code>POSTHORN_API_KEY</code>.
          </p>
        </div>
      </form>
    </main>
  );
}

/** Receivers have no key: their link has ended, or was not copied whole. */
function LinkEnded(): ReactNode {
  return (
    <main className="sign-in" id="main">
      <div className="card stack">
        <p className="row sign-in-brand">
          <Logo /> Posthorn
        </p>
        <h1>This link does not work</h1>
        <p>It has expired, or it was not copied completely. Ask the person who sent it for a new one.</p>
        <p>
          <a href="/sign-in">Sign in with an API key</a>
        </p>
      </div>
    </main>
  );
}
