/** What `--public-url` takes, for the messages that refuse something else. */
export const publicUrlRule = 'must be an origin such as https://posthorn.example.com, without a path';

/** Returns where browsers reach Posthorn, as an origin without a slash at its end; null: it is not one. */
export function publicUrlFrom(text: string): string | null {
  const origin = text.replace(/\/$/, '');
  const url = URL.parse(origin);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === origin ? origin : null;
}
