import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { type Answer, call, onSignedOut, Problem } from './api.ts';
import { setServerTime } from './clock.ts';
import { queryClient } from './query.ts';

export type Me = Answer<'me.get'>;

const SessionContext = createContext<Me | null>(null);

/** Who is signed in. Only inside of `SignedIn`. */
export function useMe(): Me {
  const me = useContext(SessionContext);
  if (me === null) throw new Error('No session: useMe() outside of SignedIn');
  return me;
}

/** What scopes and portal links let people do here. */
export type Action = 'operate' | 'admin' | 'redrive' | 'replay' | 'test' | 'rotate';

/** Why this session may not do something; null: it may. To be said where the button stands. */
function forbiddenFor({ scopes, can }: Me, action: Action): string | null {
  if (can !== null)
    return (can as readonly string[]).includes(action)
      ? null
      : 'This link does not allow it: ask who gave it to you.';
  const scope = action === 'admin' ? 'admin' : 'operate';
  if (scopes.includes('admin') || scopes.includes(scope)) return null;
  return `Your key has the scope ${scopes.join(', ')}; this takes ${scope}. Ask for a key with it.`;
}

/** `forbiddenFor` of who is signed in. */
export const useForbidden = (action: Action): string | null => forbiddenFor(useMe(), action);

/** What a URL's fragment may carry: no log of a server has it. It is taken out of the address bar at once. */
function secretFromFragment(): { readonly key: string } | { readonly token: string } | null {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const key = parameters.get('k');
  const token = parameters.get('t');
  if (key === null && token === null) return null;
  history.replaceState(history.state, '', location.pathname + location.search);
  return key === null ? { token: token! } : { key };
}

/** Begins a session. Rejects with `Problem`. */
export async function signIn(secret: { readonly key: string } | { readonly token: string }): Promise<Me> {
  const me = await call('sessions.create', { body: secret });
  queryClient.clear();
  return me;
}

/** Ends the session, and forgets what it has seen. */
export async function signOut(): Promise<void> {
  await call('sessions.delete').catch(() => undefined);
  queryClient.clear();
  location.assign('/sign-in');
}

type State = { readonly me: Me } | { readonly problem: Problem } | null;

/** Shows its children to who is signed in, and `signInPage` to everybody else. */
export function SignedIn({
  children,
  signInPage,
  failed,
}: {
  children: ReactNode;
  signInPage: (onSignedIn: (me: Me) => void, problem: Problem | null) => ReactNode;
  failed: (problem: Problem, onRetry: () => void) => ReactNode;
}): ReactNode {
  const [state, setState] = useState<State>(null);
  const enter = (me: Me): void => {
    setServerTime(me.now);
    setState({ me });
  };
  const ask = async (): Promise<void> => {
    try {
      const secret = secretFromFragment();
      enter(secret === null ? await call('me.get') : await signIn(secret));
    } catch (error) {
      setState({
        problem: error instanceof Problem ? error : new Problem(0, 'internal', (error as Error).message),
      });
    }
  };
  useEffect(() => {
    void ask();
    return onSignedOut(() => {
      queryClient.clear();
      setState({ problem: new Problem(401, 'unauthorized', 'The session has ended. Sign in again.') });
    });
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  if (state === null) return null;
  if ('me' in state) return <SessionContext value={state.me}>{children}</SessionContext>;
  const { problem } = state;
  if (problem.status === 401 || problem.status === 429 || problem.code === 'insecure_connection')
    return signInPage(enter, problem);
  return failed(problem, () => void ask());
}
