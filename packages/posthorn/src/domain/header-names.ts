/** Names that Posthorn, HTTP or a proxy on the way give a meaning of their own, in lower case. */
const reserved: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-type',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'expect',
  'te',
  'trailer',
  'traceparent',
  'tracestate',
  'user-agent',
]);
const reservedPrefixes = ['proxy-', 'webhook-', 'posthorn-'];

/** Whether the headers `<prefix>-id`, `-timestamp` and `-signature` would have another meaning; `webhook` is the usual one. */
export function isReservedPrefix(prefix: string): boolean {
  return prefix !== 'webhook' && isReservedHeader(`${prefix}-id`);
}

/** Whether a header is Posthorn's to set: a caller's own never takes its place, however it is spelled. */
export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return reserved.has(lower) || reservedPrefixes.some((prefix) => lower.startsWith(prefix));
}
