import { KeptHeaders } from './wire-record.ts';

/** The heads of an answer, its interim answers included. Node's own limit of 16 KiB refuses answers of healthy receivers. */
const maxHeadBytes = 64 * 1024;
const maxInterimAnswers = 32;
/** A line with the size of a chunk, its extensions included, or all trailers. */
const maxChunkLineBytes = 4096;
/** All lines around the chunks of a body: a flood of tiny chunks costs far more time and memory than the body that it is. */
const maxChunkLinesBytes = 32 * 1024;

/** What arrived is not an answer in HTTP/1.x. */
class ProtocolError extends Error {
  readonly code = 'POSTHORN_PROTOCOL';
}

export interface BodySink {
  onBody(chunk: Buffer): void;
}

type Stage = 'status' | 'fields' | 'length' | 'until close' | 'size' | 'chunk' | 'chunk end' | 'trailers';

const statusLine = /^HTTP\/(\d)(?:\.(\d))?[ \t]+(\d{3})(?=[ \t]|$)/;
const sizeLine = /^[ \t]*([\da-f]{1,8})[ \t]*(?:;.*)?$/i;

/**
 * Reads the answer to one request after another of a connection. Lenient where the status is plain (line ends of LF
 * alone, spaces before a colon, folded fields): a receiver that answered 200 must not get its webhook again because of
 * how it spells. In return a connection whose answer was odd in any way, or followed by anything, is not used again.
 */
export class ResponseReader {
  /** The final status; null until its head is complete. */
  status: number | null = null;
  retryAfter: string | undefined = undefined;
  /** For how long the receiver keeps an idle connection, if it says so. */
  keepAliveS: number | null = null;
  complete = false;
  /** Whether the connection may carry another request after this answer. */
  reusable = false;
  /** Stop at the end of the head: what follows belongs to someone else (an answer to CONNECT). */
  readonly #headOnly: boolean;
  rest: Buffer | null = null;
  /** Headers of the final answer, if they are kept: those of every answer that is not a success. */
  headers: KeptHeaders | null = null;
  #keepsHeaders = false;

  #stage: Stage = 'status';
  #line: Buffer | null = null;
  #headBytes = 0;
  #chunkLinesBytes = 0;
  #interim = 0;
  #left = 0;
  #code = 0;
  #persistent = false;
  #length: string | null = null;
  #encoding: string | null = null;

  constructor(headOnly = false) {
    this.#headOnly = headOnly;
  }

  /** Prepares for the answer to the next request. */
  reset(keepsHeaders = false): void {
    this.#keepsHeaders = keepsHeaders;
    this.headers = null;
    this.status = null;
    this.retryAfter = undefined;
    this.keepAliveS = null;
    this.complete = false;
    this.reusable = false;
    this.#stage = 'status';
    this.#line = null;
    this.#headBytes = 0;
    this.#chunkLinesBytes = 0;
    this.#interim = 0;
    this.#left = 0;
  }

  /** Takes what arrived. Throws `ProtocolError`; where `status` is known by then, only the body was bad. */
  read(data: Buffer, sink: BodySink): void {
    let at = 0;
    while (at < data.length && !this.complete) {
      const stage = this.#stage;
      if (stage === 'until close') {
        sink.onBody(at === 0 ? data : data.subarray(at));
        return;
      }
      at =
        stage === 'length' || stage === 'chunk' ? this.#readBody(data, at, sink) : this.#readLine(data, at);
    }
    if (at < data.length) {
      this.reusable = false;
      this.rest = data.subarray(at);
    }
  }

  /** The other side closed. Answers whether the answer is complete by that. */
  end(): boolean {
    if (this.#stage === 'until close') this.complete = true;
    return this.complete;
  }

  #readBody(data: Buffer, at: number, sink: BodySink): number {
    const end = Math.min(data.length, at + this.#left);
    sink.onBody(data.subarray(at, end));
    this.#left -= end - at;
    if (this.#left === 0) {
      if (this.#stage === 'length') this.complete = true;
      else this.#stage = 'chunk end';
    }
    return end;
  }

  #readLine(data: Buffer, at: number): number {
    const inHead = this.#stage === 'status' || this.#stage === 'fields';
    const newline = data.indexOf(0x0a, at);
    const end = newline < 0 ? data.length : newline + 1;
    this.#headBytes += end - at;
    if (this.#headBytes > (inHead ? maxHeadBytes : maxChunkLineBytes))
      throw new ProtocolError(inHead ? 'the head of the answer is too long' : 'malformed chunk');
    if (!inHead && (this.#chunkLinesBytes += end - at) > maxChunkLinesBytes)
      throw new ProtocolError('too many lines around chunks');
    let bytes = data;
    let from = at;
    let to = newline;
    if (newline < 0 || this.#line !== null) {
      const part = data.subarray(at, end);
      bytes = this.#line === null ? part : Buffer.concat([this.#line, part]);
      if (newline < 0) {
        this.#line = bytes;
        // "HTTP/" or a beginning of it: whatever else speaks here need not be waited for.
        if (this.#stage === 'status') checkPrefix(bytes);
        return end;
      }
      this.#line = null;
      from = 0;
      to = bytes.length - 1;
    }
    if (to > from && bytes[to - 1] === 0x0d) to--;
    this.#takeLine(bytes.toString('latin1', from, to));
    return end;
  }

  #takeLine(line: string): void {
    if (this.#stage === 'fields') {
      if (line === '') this.#endHead();
      else this.#takeField(line);
    } else if (this.#stage === 'status') {
      // Some servers leave an empty line behind the answer before.
      if (line !== '') this.#takeStatus(line);
    } else if (this.#stage === 'size') this.#takeSize(line);
    else if (this.#stage === 'chunk end') {
      if (line !== '') throw new ProtocolError('malformed chunk');
      this.#stage = 'size';
    } else if (line === '') this.complete = true;
  }

  #takeSize(line: string): void {
    const size = sizeLine.exec(line);
    if (size === null) throw new ProtocolError('malformed chunk');
    this.#left = Number.parseInt(size[1]!, 16);
    this.#stage = this.#left === 0 ? 'trailers' : 'chunk';
    this.#headBytes = 0;
  }

  #takeStatus(line: string): void {
    const match = statusLine.exec(line);
    if (match === null) throw new ProtocolError('the answer is not HTTP');
    const [, major, minor, code] = match;
    this.#code = Number(code);
    if (this.#code < 100 || this.#code > 599) throw new ProtocolError(`${code} is not a status of HTTP`);
    this.#persistent = major === '1' && minor === '1';
    this.#length = null;
    this.#encoding = null;
    this.reusable = true;
    this.headers = this.#code >= 300 || (this.#keepsHeaders && this.#code >= 200) ? new KeptHeaders() : null;
    this.#stage = 'fields';
  }

  #takeField(line: string): void {
    const first = line.charCodeAt(0);
    const colon = line.indexOf(':');
    // A folded or nameless line: its field is read without it.
    if (first === 0x20 || first === 0x09 || colon <= 0) {
      this.reusable = false;
      return;
    }
    const before = line.charCodeAt(colon - 1);
    const nameEnd = before === 0x20 || before === 0x09 ? line.slice(0, colon).trimEnd().length : colon;
    this.headers?.take(line.slice(0, nameEnd).toLowerCase(), line.slice(colon + 1).trim());
    // The names of interest have these lengths: most lines need not be looked at further.
    if (nameEnd !== 10 && nameEnd !== 11 && nameEnd !== 14 && nameEnd !== 17) return;
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, nameEnd).toLowerCase()) {
      case 'content-length':
        this.#length = this.#length === null ? value : `${this.#length},${value}`;
        break;
      case 'transfer-encoding':
        this.#encoding = this.#encoding === null ? value : `${this.#encoding},${value}`;
        break;
      case 'connection':
        if (/(?:^|,)\s*close\s*(?:,|$)/i.test(value)) this.reusable = false;
        else if (/(?:^|,)\s*keep-alive\s*(?:,|$)/i.test(value)) this.#persistent = true;
        break;
      case 'keep-alive': {
        const seconds = /timeout\s*=\s*"?(\d{1,6})/i.exec(value);
        if (seconds !== null) this.keepAliveS = Number(seconds[1]);
        break;
      }
      case 'retry-after':
        this.retryAfter ??= value;
        break;
      default:
    }
  }

  #endHead(): void {
    if (this.#headOnly && this.#code >= 200) {
      this.status = this.#code;
      this.complete = true;
      return;
    }
    if (this.#code < 200) {
      if (this.#code === 101) throw new ProtocolError('101 Switching Protocols: no upgrade was asked for');
      if (++this.#interim > maxInterimAnswers)
        throw new ProtocolError(`more than ${maxInterimAnswers} interim answers (1xx)`);
      this.#stage = 'status';
      this.retryAfter = undefined;
      this.keepAliveS = null;
      return;
    }
    this.status = this.#code;
    if (!this.#persistent) this.reusable = false;
    this.#frameBody();
  }

  /** How the end of the body is known (RFC 9112, 6.3). */
  #frameBody(): void {
    const encoding = this.#encoding;
    const length = this.#length;
    if (this.#code === 204 || this.#code === 304) {
      // What these announce may follow all the same, and would be read as the next answer.
      if (encoding !== null || (length !== null && Number(length) !== 0)) this.reusable = false;
      this.complete = true;
      return;
    }
    if (encoding !== null) {
      // Both lengths given: the chunks count, and what a proxy between made of it is unknown.
      if (length !== null) this.reusable = false;
      if (/(?:^|,)\s*chunked$/i.test(encoding)) {
        this.#stage = 'size';
        this.#headBytes = 0;
        return;
      }
    } else if (length !== null) {
      const values = new Set(length.split(',').map((one) => one.trim()));
      const [only] = values;
      if (values.size === 1 && /^\d{1,15}$/.test(only!)) {
        this.#left = Number(only);
        this.#stage = 'length';
        if (this.#left === 0) this.complete = true;
        return;
      }
    }
    this.reusable = false;
    this.#stage = 'until close';
  }
}

function checkPrefix(bytes: Buffer): void {
  // CR and LF alone may precede.
  const text = bytes.toString('latin1', 0, 7).trimStart();
  if (!'HTTP/'.startsWith(text.slice(0, 5))) throw new ProtocolError('the answer is not HTTP');
}
