/** Returns the host of a URL with its port, and what is not a URL as it is: a host, where the rest of a URL is secret. */
export const urlHost = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);
