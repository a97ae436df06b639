import type { Options } from 'minisearch';

/** A part of a page that is found. */
export interface FoundPart {
  readonly id: string;
  readonly url: string;
  readonly title: string;
  /** Empty for the beginning of the page. */
  readonly heading: string;
  readonly text: string;
}

/** The same where the index is made and where it is searched. */
export const searchOptions: Options<FoundPart> = {
  fields: ['title', 'heading', 'text'],
  storeFields: ['url', 'title', 'heading'],
  // `error_class` is found as it is written, and by its words.
  tokenize: (text) =>
    text.split(/[^\p{L}\p{N}_]+/u).flatMap((word) => [word, ...(word.includes('_') ? word.split('_') : [])]),
  searchOptions: {
    boost: { title: 4, heading: 3 },
    prefix: true,
    fuzzy: (word) => (word.length > 4 ? 0.2 : false),
    combineWith: 'AND',
  },
};
