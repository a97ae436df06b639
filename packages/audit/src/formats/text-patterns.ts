import { envoyPattern, nginxPattern } from './proxies.ts';

/** The patterns of lines of text that readers own, the strictest first. */
export const textPatterns: readonly string[] = [envoyPattern, nginxPattern];
