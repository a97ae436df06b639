/**
 * An id as a header carries it: two ids never look the same, because receivers drop what they have seen. Visible ASCII
 * without `%` stays as it is; any other id is percent-encoded whole, and decoded by `decodeURIComponent`.
 */
export function headerText(id: string): string {
  if (/^[\x21-\x24\x26-\x7e]*$/.test(id)) return id;
  if (id.isWellFormed()) return encodeURIComponent(id);
  // Half of a pair cannot be encoded as UTF-8: nothing accepts it, and if it were stored it would still be one to one.
  return Array.from(id, (character) =>
    character.isWellFormed()
      ? encodeURIComponent(character)
      : `%u${character.charCodeAt(0).toString(16).toUpperCase()}`,
  ).join('');
}

/** The left side of a mail's Message-ID (RFC 5322, dot-atom), from an id as a header carries it; one to one too. */
export function messageIdText(headerId: string): string {
  return headerId.replaceAll(
    /[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]|^\.|\.$|\.(?=\.)/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
