/**
 * The data of an event in the text of the answer of `events.get`, byte for byte: the server puts it last, behind `payloads`. Quotes
 * within other fields are escaped, so the mark stands once. Null: it is not there.
 */
export function rawDataIn(text: string): string | null {
  const found = /,"payloads":"(?:none|masked|full)","data":/.exec(text);
  return found === null ? null : text.slice(found.index + found[0].length, text.lastIndexOf('}'));
}
