// User names, passwords, queries and fragments of URLs hold secrets: what is printed or written to a report leaves them out.

const absolute = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s"'<>\\`]*)/gi;
const relative = /(^|[\s"'(=,])(\/[^\s"'<>?#`]*)[?#][^\s"'<>`]*/g;

/** The text with each absolute URL in it as it may be shown. */
export const withShownUrls = (text: string): string =>
  text.replaceAll(absolute, (_, scheme: string, rest: string) => {
    const [address = ''] = rest.split(/[?#]/, 1);
    const path = address.indexOf('/');
    const authority = path < 0 ? address : address.slice(0, path);
    return `${scheme}${authority.slice(authority.lastIndexOf('@') + 1)}${path < 0 ? '' : address.slice(path)}`;
  });

/** The same for text of a log, in which paths of URLs stand alone too. */
export const withShownPaths = (text: string): string => withShownUrls(text).replaceAll(relative, '$1$2');
