/** The result of an expression: JSON, or what went wrong; `detail` may quote data, `fault` never does. */
export type Transformed = { readonly text: string } | { readonly fault: string; readonly detail: string };
