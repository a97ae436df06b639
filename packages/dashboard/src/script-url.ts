interface Policy {
  createScriptURL(url: string): object;
}
interface Factory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}

let policy: Policy | null = null;

/** The URL of a worker of this build, as a browser takes it that enforces trusted types. Any other is refused. */
export function scriptUrl(url: string): string | object {
  const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
  const checked = (given: string): string => {
    const { origin, pathname } = new URL(given, location.href);
    if (origin !== location.origin || !/^\/assets\/[\w.-]+\.js$/.test(pathname))
      throw new Error('That is not a script of this dashboard');
    return pathname;
  };
  if (factory === undefined) return checked(url);
  // The only policy that the server's own policy allows (http/dashboard-files.ts).
  policy ??= factory.createPolicy('posthorn-worker', { createScriptURL: checked });
  return policy.createScriptURL(url);
}
