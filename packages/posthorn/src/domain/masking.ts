// What a caller that is not entitled to payment data sees of it (G9): card numbers, bank accounts and email addresses are
// replaced, everything else stays as it is. Every pass is linear in the length of the text.

const cardLabel = '[card number]';
const ibanLabel = '[IBAN]';
const emailLabel = '[email address]';

const minCardDigits = 12;
const maxCardDigits = 19;
const minIban = 15;
const maxIban = 34;

interface Range {
  readonly start: number;
  readonly end: number;
}

function replaced(text: string, ranges: readonly Range[], label: string): string {
  let result = '';
  let at = 0;
  for (const { start, end } of ranges) {
    result += text.slice(at, start) + label;
    at = end;
  }
  return ranges.length === 0 ? text : result + text.slice(at);
}

/** Classes of ASCII characters. */
const other = 0;
const digit = 1;
const letter = 2;
/** Characters of an email address, besides letters and digits. */
const addressMark = 3;

const classes = new Uint8Array(128);
for (const [characters, value] of [
  ['0123456789', digit],
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', letter],
  ["._%+'&*/=?^`{|}~!#$-", addressMark],
] as const)
  for (const character of characters) classes[character.charCodeAt(0)] = value;

const classAt = (text: string, at: number): number => {
  const code = text.charCodeAt(at);
  return code < 128 ? classes[code]! : other;
};
const isAlphanumeric = (text: string, at: number): boolean => {
  const found = classAt(text, at);
  return found === digit || found === letter;
};

/** Digits in groups, as they are written: apart by a few spaces or dashes. */
const digitRuns = /\d+(?:[ \u00a0\u2010-\u2015-]{1,3}\d+)*/g;

/**
 * Card numbers among the digits of one run: whole groups of it that together have 12 to 19 digits and pass Luhn's check. From
 * each group on the longest such number counts.
 */
function cardsIn(run: string, offset: number): Range[] {
  const found: Range[] = [];
  for (let start = 0; start < run.length;) {
    const end = cardEnd(run, start);
    if (end !== null) {
      found.push({ start: offset + start, end: offset + end });
      start = end;
    }
    // To the next group.
    while (start < run.length && end === null && classAt(run, start) === digit) start++;
    while (start < run.length && classAt(run, start) !== digit) start++;
  }
  return found;
}

/** Where the longest card number ends that begins with the group here; null: there is none. */
function cardEnd(run: string, start: number): number | null {
  // Which digits are doubled depends on how many follow: both sums are kept, one for each parity of the length.
  let evenSum = 0;
  let oddSum = 0;
  let length = 0;
  let found: number | null = null;
  for (let at = start; at < run.length; at++) {
    const value = run.charCodeAt(at) - 48;
    if (value < 0 || value > 9) continue;
    const doubled = value > 4 ? 2 * value - 9 : 2 * value;
    const isEven = length % 2 === 0;
    evenSum += isEven ? doubled : value;
    oddSum += isEven ? value : doubled;
    if (++length > maxCardDigits) break;
    if (length < minCardDigits || classAt(run, at + 1) === digit) continue;
    if ((length % 2 === 0 ? evenSum : oddSum) % 10 === 0) found = at + 1;
  }
  return found;
}

function withoutCards(text: string): string {
  const ranges: Range[] = [];
  for (const { 0: run, index } of text.matchAll(digitRuns))
    if (run.length >= minCardDigits) ranges.push(...cardsIn(run, index));
  return replaced(text, ranges, cardLabel);
}

/** Where a bank account may begin: a country and two check digits, with nothing of a word before. */
const ibanStarts = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}/g;
/** The remainder by 97 of a number to which this character is appended: a digit, or a letter as 10 to 35. */
function appended(remainder: number, code: number): number {
  if (code <= 57) return (remainder * 10 + code - 48) % 97;
  return (remainder * 100 + (code & 31) + 9) % 97;
}

/** Where the bank account ends that begins here, the longest whose check digits are right; null: there is none. */
function ibanEnd(text: string, start: number): number | null {
  let head = 0;
  for (let at = start; at < start + 4; at++) head = appended(head, text.charCodeAt(at));
  let body = 0;
  let length = 4;
  let found: number | null = null;
  let isNext = isAlphanumeric(text, start + 4);
  for (let at = start + 4; length < maxIban; at++) {
    const isHere = isNext;
    const code = text.charCodeAt(at);
    isNext = isAlphanumeric(text, at + 1);
    if (!isHere) {
      if ((code === 32 || code === 45) && isNext) continue;
      break;
    }
    body = appended(body, code);
    length++;
    // The head counts behind the body: its two letters and two digits are six decimal places.
    if (length >= minIban && !isNext && (body * 1_000_000 + head) % 97 === 1) found = at + 1;
  }
  return found;
}

function withoutIbans(text: string): string {
  const ranges: Range[] = [];
  let behind = 0;
  for (const { index: start } of text.matchAll(ibanStarts)) {
    const end = start < behind ? null : ibanEnd(text, start);
    if (end === null) continue;
    ranges.push({ start, end });
    behind = end;
  }
  return replaced(text, ranges, ibanLabel);
}

const beyondAscii = /[\p{L}\p{N}\p{M}]/u;
const isWord = (text: string, at: number): boolean =>
  text.charCodeAt(at) < 128 ? isAlphanumeric(text, at) : beyondAscii.test(text[at]!);
const isLocalPart = (text: string, at: number): boolean =>
  isWord(text, at) || classAt(text, at) === addressMark;
const isDomain = (text: string, at: number): boolean =>
  isWord(text, at) || text[at] === '.' || text[at] === '-';

function withoutEmails(text: string): string {
  const ranges: Range[] = [];
  for (let at = text.indexOf('@'), behind = 0; at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > behind && isLocalPart(text, start - 1)) start--;
    let end = at + 1;
    while (end < text.length && isDomain(text, end)) end++;
    // A sentence may end behind it.
    while (end > at + 1 && !isWord(text, end - 1)) end--;
    if (start === at || !text.slice(at + 2, end).includes('.')) continue;
    ranges.push({ start, end });
    behind = end;
  }
  return replaced(text, ranges, emailLabel);
}

/** A text without card numbers, bank accounts and email addresses. */
export function maskedText(text: string): string {
  const hasDigits = /\d/.test(text);
  const withoutNumbers = hasDigits ? withoutCards(withoutIbans(text)) : text;
  return text.includes('@') ? withoutEmails(withoutNumbers) : withoutNumbers;
}

/** No card number has so many, zeros before it included. */
const maxWrittenDigits = 100;

/** Whether a number of JSON is a whole one that looks like a card's. */
function isCard(number: string): boolean {
  if (number.length < minCardDigits && !/e/i.test(number)) return false;
  const [, whole = '', fraction = '', exponent = '0'] =
    /^-?(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  // By its digits: a double does not hold 19 of them.
  const point = whole.length + Number(exponent);
  const digits = whole + fraction;
  if (point > maxWrittenDigits || /[1-9]/.test(digits.slice(Math.max(0, point)))) return false;
  return cardsIn(digits.slice(0, Math.max(0, point)).padEnd(point, '0').replace(/^0+/, ''), 0).length > 0;
}

/** Strings and numbers of a JSON text; what is between them has neither quotes nor digits. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

/**
 * JSON text with the same structure, and what looks like payment data replaced in strings, names and numbers. Everything else
 * stays as it was sent, digit for digit. The text is valid JSON.
 */
export function maskedJson(json: string): string {
  return json.replaceAll(tokens, (token) => {
    if (!token.startsWith('"')) return isCard(token) ? JSON.stringify(cardLabel) : token;
    const text = token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
    const masked = maskedText(text);
    return masked === text ? token : JSON.stringify(masked);
  });
}
