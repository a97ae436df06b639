// User names, passwords, queries and fragments of URLs hold secrets, so output and reports leave them out.

const absolute = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s"'<>\\`]*)/gi;
const relative = /(^|[\s"'(=,])(\/[^\s"'<>?#`]*)[?#][^\s"'<>`]*/g;

/** Returns the text with each absolute URL in it reduced to what may be shown. */
export const withShownUrls = (text: string): string =>
  text.replaceAll(absolute, (_, scheme: string, rest: string) => {
    const [address = ''] = rest.split(/[?#]/, 1);
    const path = address.indexOf('/');
    const authority = path < 0 ? address : address.slice(0, path);
    return `${scheme}${authority.slice(authority.lastIndexOf('@') + 1)}${path < 0 ? '' : address.slice(path)}`;
  });

/** The same for the text of a log, where URL paths can appear alone. */
export const withShownPaths = (text: string): string => withShownUrls(text).replaceAll(relative, '$1$2');
