/** What an expression made of a text: JSON, or what went wrong; `detail` may quote data, `fault` never does. */
export type Transformed = { readonly text: string } | { readonly fault: string; readonly detail: string };
