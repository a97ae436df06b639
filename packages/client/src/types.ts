// The types that the client's calls and those of the library `posthorn` have in common.
export type * from './generated/api.ts';
export type * from './generated/types.ts';
export type { ListAnswer, Page, PageRequest } from './page.ts';
