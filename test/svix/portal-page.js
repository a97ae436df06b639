import { createElement, useState } from 'react';
import { createRoot } from 'react-dom/client';
import {
  SvixProvider,
  useAttemptedMessages,
  useAttemptFunctions,
  useEndpoint,
  useEndpointFunctions,
  useEndpointHeaders,
  useEndpointMessageAttempts,
  useEndpoints,
  useEndpointSecret,
  useEndpointStats,
  useEventTypes,
  useMessage,
  useMessageAttempts,
  useMessageEndpoints,
  useMessages,
  useNewEndpoint,
} from 'svix-react';

// A customer's page with every hook of svix-react. What each has got is text on the page; `act` does what its functions do.

const { token, serverUrl, app, endpoint, message } = Object.fromEntries(new URLSearchParams(location.search));

/** What a hook has: its data, or the message of its error. */
const shown = ({ data, error }) => (error === undefined ? data : { error: String(error.message ?? error) });

function Page({ attempt }) {
  const [done, setDone] = useState(null);
  const endpoints = useEndpoints({ limit: 2 });
  const endpointMessages = useAttemptedMessages(endpoint);
  const secret = useEndpointSecret(endpoint);
  const headers = useEndpointHeaders(endpoint);
  const { recoverEndpointMessages, updateEndpoint, deleteEndpoint } = useEndpointFunctions(endpoint);
  const { resendAttempt } = useAttemptFunctions(attempt);
  const made = useNewEndpoint();
  const acts = {
    next: async () => endpoints.nextPage(),
    back: async () => endpoints.prevPage(),
    fill: async () => {
      made.url.setValue('https://new.example/hook');
      made.description.setValue('made by a customer');
      made.eventTypes.setValue(['a.b']);
    },
    create: async () => (await made.createEndpoint()).endpoint,
    rotate: async () => secret.rotateSecret({}),
    headers: async () => headers.updateEndpointHeaders({ headers: { 'x-shop': 'berlin' } }),
    recover: async () => recoverEndpointMessages({ since: new Date(Date.now() - 3_600_000) }),
    update: async () => updateEndpoint({ url: 'https://moved.example/hook', description: 'moved' }),
    resend: async () => resendAttempt(),
    delete: async () => deleteEndpoint(),
    reload: async () => [endpoints, secret, headers].forEach((one) => one.reload()),
  };
  globalThis.act = async (name) => {
    try {
      setDone({ name, result: (await acts[name]()) ?? null });
    } catch (error) {
      setDone({ name, error: String(error.message ?? error) });
    }
  };
  const all = {
    endpoints: shown(endpoints),
    more: [endpoints.hasPrevPage, endpoints.hasNextPage],
    endpoint: shown(useEndpoint(endpoint)),
    secret: shown(secret),
    headers: shown(headers),
    stats: shown(useEndpointStats(endpoint)),
    attempts: shown(useEndpointMessageAttempts(endpoint, { withContent: true })),
    endpointMessages: shown(endpointMessages),
    eventTypes: shown(useEventTypes()),
    messages: shown(useMessages({ withContent: true })),
    message: shown(useMessage(message)),
    messageEndpoints: shown(useMessageEndpoints(message)),
    messageAttempts: shown(useMessageAttempts(message)),
    filled: made.url.value,
    done,
  };
  return createElement('pre', { id: 'all' }, JSON.stringify(all));
}

/** An attempt is needed to send one again. */
function Loaded() {
  const { data, error } = useEndpointMessageAttempts(endpoint);
  if (error !== undefined) throw error;
  const attempt = data?.[0];
  return attempt === undefined ? null : createElement(Page, { attempt });
}

createRoot(document.getElementById('root')).render(
  createElement(SvixProvider, { token, appId: app, options: { serverUrl } }, createElement(Loaded)),
);
