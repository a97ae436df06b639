// A sender's script, as it is written for Svix: only the URL is another. Prints what the test compares.
// node script.js <package of the client> <url> <token> <receiver> <uid> [messages]

const [client = '', serverUrl = '', token = '', receiver = '', uid = '', messages = '5'] =
  process.argv.slice(2);
const { Svix } = await import(client);
const svix = new Svix(token, { serverUrl });
const count = Number(messages);
const atOnce = 16;

const check = (holds, what) => {
  if (!holds) throw new Error(`not so: ${what}`);
};

/** Everything that a list has, page by page. */
async function all(list) {
  const found = [];
  for (let iterator; ;) {
    const page = await list({ limit: 250, iterator });
    found.push(...page.data);
    if (page.done) return found;
    iterator = page.iterator;
  }
}

const attempts = (endpoint) => all((options) => svix.messageAttempt.listByEndpoint(uid, endpoint, options));

async function attempted(endpoint, expected) {
  const end = Date.now() + 120_000;
  for (;;) {
    const listed = await attempts(endpoint);
    if (listed.length >= expected) return listed;
    check(Date.now() < end, `${expected} attempts, ${listed.length} so far`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const type = `${uid}.paid`;
await svix.eventType.create({ name: type, description: 'Paid' });
const app = await svix.application.create({ name: 'Customer', uid });
check(app.uid === uid && app.id.startsWith('app_'), 'the application has its uid');
const endpoint = await svix.endpoint.create(uid, { url: receiver });

const sent = [];
let begun = 0;
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    while (begun < count) {
      /** @type {number} */
      const n = begun++;
      sent.push(await svix.message.create(uid, { eventType: type, eventId: `evt-${n}`, payload: { n } }));
    }
  }),
);
const ids = new Set(sent.map(({ id }) => id));
check(ids.size === count, 'every message has an id of its own');

const listed = await attempted(endpoint.id, count);
check(listed.length === count, 'each message has one attempt');
check(
  listed.every(
    ({ msgId, status, responseStatusCode }) => ids.has(msgId) && status === 0 && responseStatusCode === 200,
  ),
  'each attempt is of a message, and has succeeded',
);
const stored = await all((options) => svix.message.list(uid, options));
check(stored.length === count && stored.every(({ id }) => ids.has(id)), 'every message is listed once');
const { payload } = await svix.message.get(uid, sent[1].id, { withContent: true });
check(payload.n === Number(sent[1].eventId.slice('evt-'.length)), 'a message has its payload');

await svix.messageAttempt.resend(uid, sent[0].id, endpoint.id);
await attempted(endpoint.id, count + 1);
check((await svix.messageAttempt.listByMsg(uid, sent[0].id)).data.length === 2, 'it was sent again');

const former = (await svix.endpoint.getSecret(uid, endpoint.id)).key;
await svix.endpoint.recover(uid, endpoint.id, { since: new Date(Date.now() - 3_600_000) });
await svix.endpoint.rotateSecret(uid, endpoint.id, {});
check((await svix.endpoint.getSecret(uid, endpoint.id)).key !== former, 'the secret is another');
check((await svix.endpoint.getStats(uid, endpoint.id)).success >= count, 'the figures count them');
process.stdout.write(JSON.stringify({ messages: count, attempts: (await attempts(endpoint.id)).length }));
