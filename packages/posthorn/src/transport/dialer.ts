import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../runtime/clock.ts';
import { type AddressGuard, leadsNowhere } from './address-guard.ts';
import type { FoundAddresses, Names } from './names.ts';
import { type Proxy, proxyError } from './proxy.ts';
import type { Target } from './target.ts';
import { toSecureContext } from './secure-context.ts';
import { openTunnel } from './tunnel.ts';
import { type DialStage, DialTimes } from './wire-record.ts';

/** The next address is tried beside the one before after this long (RFC 8305, 5); none is given up for it. */
const nextAddressMs = 250;
const maxAddresses = 8;
/** Addresses that a proxy is asked for, one after the other, while it answers that it cannot reach them. */
const maxAsked = 4;
/**
 * A machine that reaches the world through a proxy alone may have no name server for it. The administrator's proxy is then asked
 * for the name, after this long: an attempt lasts longer.
 */
const unresolvedMs = 2000;
/** Finds connections whose other end is gone without a word, also while a slow receiver works. */
const keepAliveProbeMs = 15_000;

export interface DialListener {
  /** Nothing of ours is in the way any more: from now on it is the receiver's time. */
  onDialStarted(): void;
  onDialed(socket: Socket, address: string, ttlMs: number): void;
  onDialFailed(error: Error): void;
}

export interface DialerOptions {
  readonly clock: Clock;
  readonly guard: AddressGuard;
  readonly names: Names;
}

/** Opens connections: looks the name up, lets the guard check each address, races what is left, and secures what won. */
export class Dialer {
  readonly #o: DialerOptions;
  /** One for all: each would read the certificates of all authorities anew. */
  #secureContext: SecureContext | null = null;

  constructor(options: DialerOptions) {
    this.#o = options;
  }

  dial(target: Target, tenant: string, listener: DialListener): Dial {
    const dial = new Dial(
      this.#o,
      target,
      tenant,
      listener,
      () => (this.#secureContext ??= createSecureContext()),
    );
    dial.begin();
    return dial;
  }
}

/** One connection in the making. */
export class Dial {
  readonly #o: DialerOptions;
  readonly #target: Target;
  readonly #tenant: string;
  readonly #listener: DialListener;
  readonly #usualContext: () => SecureContext;
  readonly #sockets = new Set<Socket>();
  #addresses: readonly string[] = [];
  #ttlMs = 0;
  #next = 0;
  /** What the proxy is asked for, the present one first: addresses that the guard has passed, or the name. */
  #asked: readonly string[] = [];
  #firstError: Error | null = null;
  #cancelLookup: () => void = () => {};
  #cancelTimer: () => void = () => {};
  #ended = false;
  /** The proxy that is to be reached now; null once it is, and without one. */
  #unreached: Proxy | null = null;
  #stage: DialStage = 'lookup';
  readonly times: DialTimes;
  /** That is tried now, or was last; null: it has not come to that. */
  address: string | null = null;

  constructor(
    options: DialerOptions,
    target: Target,
    tenant: string,
    listener: DialListener,
    usualContext: () => SecureContext,
  ) {
    this.#o = options;
    this.#target = target;
    this.#tenant = tenant;
    this.#listener = listener;
    this.#usualContext = usualContext;
    this.times = new DialTimes(options.clock, this.#stage);
  }

  get stage(): DialStage {
    return this.#stage;
  }

  #enter(stage: DialStage): void {
    this.#stage = stage;
    this.times.enter(stage);
  }

  /** The proxy that is still to be reached; null without one, and once it is. */
  get unreachedProxy(): Proxy | null {
    return this.#unreached;
  }

  begin(): void {
    const { host, proxy } = this.#target;
    if (proxy === null) this.#find(host, (found) => this.#race(this.#permitted(host, found), found.ttlMs));
    else if (proxy.trusted) this.#askTrusted(host, proxy);
    else this.#find(host, (found) => this.#askFor(this.#permitted(host, found), found.ttlMs, proxy));
  }

  cancel(): void {
    this.#ended = true;
    this.#cancelLookup();
    this.#cancelTimer();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #find(
    host: string,
    onFound: (found: FoundAddresses) => void,
    onNotFound: (error: Error) => void = (error) => this.#fail(error),
  ): void {
    if (isIP(host) !== 0) {
      this.#listener.onDialStarted();
      onFound({ addresses: [host], ttlMs: Number.POSITIVE_INFINITY });
      return;
    }
    this.#cancelLookup = this.#o.names.find(host, this.#tenant, {
      onLookupStarted: () => this.#listener.onDialStarted(),
      onFound: (found) => {
        if (!this.#ended) onFound(found);
      },
      onNotFound: (error) => {
        if (!this.#ended) onNotFound(error);
      },
    });
  }

  /** Addresses that may be connected to, or asked of a proxy. */
  #permitted(host: string, { addresses }: FoundAddresses): readonly string[] {
    const permitted = addresses.filter((address) => this.#o.guard.refuses(address) === null);
    if (permitted.length === 0) this.#fail(leadsNowhere(host));
    return permitted;
  }

  /** The administrator's proxy may know names that this machine does not: then the proxy decides where they lead. */
  #askTrusted(host: string, proxy: Proxy): void {
    const byName = (): void => {
      this.#cancelTimer();
      this.#cancelLookup();
      this.#askFor([host], Number.POSITIVE_INFINITY, proxy);
    };
    let waits = true;
    this.#find(
      host,
      (found) => {
        waits = false;
        this.#cancelTimer();
        this.#askFor(this.#permitted(host, found), found.ttlMs, proxy);
      },
      () => {
        waits = false;
        byName();
      },
    );
    if (waits && !this.#ended) this.#cancelTimer = this.#o.clock.after(unresolvedMs, byName);
  }

  #askFor(asked: readonly string[], ttlMs: number, proxy: Proxy): void {
    if (this.#ended) return;
    // Few proxies reach the world by IPv6, and those that do not say so after a while.
    this.#asked = asked.toSorted((a, b) => isIP(a) - isIP(b)).slice(0, maxAsked);
    this.#unreached = proxy;
    this.#find(proxy.host, (found) =>
      this.#race(proxy.trusted ? found.addresses : this.#permitted(proxy.host, found), ttlMs),
    );
  }

  #race(permitted: readonly string[], ttlMs: number): void {
    if (this.#ended) return;
    this.#enter('connection');
    this.#addresses = permitted.slice(0, maxAddresses);
    this.#ttlMs = ttlMs;
    this.#connectNext();
  }

  #connectNext(): void {
    this.#cancelTimer();
    const address = this.#addresses[this.#next++];
    if (address === undefined) {
      if (this.#sockets.size === 0) this.#fail(this.#firstError!);
      return;
    }
    this.address = address;
    const socket = this.#open(() =>
      connectTcp({
        host: address,
        port: (this.#target.proxy ?? this.#target).port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: keepAliveProbeMs,
        autoSelectFamily: false,
      }),
    );
    if (socket === null) return;
    this.#sockets.add(socket);
    socket.once('connect', () => this.#connected(socket, address));
    socket.on('error', (error) => {
      // What breaks a connection later is said by the step that it breaks.
      if (this.stage !== 'connection' || !this.#sockets.delete(socket) || this.#ended) return;
      this.#firstError ??= error;
      this.#connectNext();
    });
    if (this.#next < this.#addresses.length)
      this.#cancelTimer = this.#o.clock.after(nextAddressMs, () => this.#connectNext());
  }

  #connected(socket: Socket, address: string): void {
    if (this.#ended) return;
    this.#cancelTimer();
    this.#sockets.delete(socket);
    for (const slower of this.#sockets) slower.destroy();
    this.#sockets.clear();
    const { proxy } = this.#target;
    if (proxy === null) this.#secureTarget(socket, address);
    else if (proxy.secure)
      this.#secure(socket, proxy.host, null, (secured) => this.#throughProxy(secured, proxy));
    else this.#throughProxy(socket, proxy);
  }

  #throughProxy(socket: Socket, proxy: Proxy): void {
    this.#unreached = null;
    const [asked = this.#target.host, ...others] = this.#asked;
    if (!this.#target.isTunnelled) {
      this.#succeed(socket, asked);
      return;
    }
    this.#enter('tunnel through the proxy');
    this.#sockets.add(socket);
    socket.once('error', (error) => {
      if (this.#sockets.delete(socket))
        this.#fail(proxyError(proxy, `closed the connection: ${error.message}`));
    });
    openTunnel(socket, proxy, { host: asked, port: this.#target.port }, (error) => {
      if (this.#ended || !this.#sockets.delete(socket)) return;
      if (error === null) {
        this.#secureTarget(socket, asked);
        return;
      }
      socket.destroy();
      const { code } = error as { readonly code?: string };
      if (code === 'POSTHORN_UNREACHABLE' && others.length > 0) this.#askAgain(others, proxy);
      else this.#fail(error);
    });
  }

  /** The proxy cannot reach the address that it was asked for: it is asked for the next, over another connection. */
  #askAgain(asked: readonly string[], proxy: Proxy): void {
    this.#asked = asked;
    this.#unreached = proxy;
    this.#enter('connection');
    this.#next = 0;
    this.#firstError = null;
    this.#connectNext();
  }

  #secureTarget(socket: Socket, address: string): void {
    const target = this.#target;
    if (target.secure)
      this.#secure(socket, target.host, target, (secured) => this.#succeed(secured, address));
    else {
      this.#succeed(socket, address);
      // The negotiation with a proxy has paused it.
      socket.resume();
    }
  }

  /** `target`: the receiver, whose last TLS session saves the next handshake a round trip; null for a proxy. */
  #secure(raw: Socket, host: string, target: Target | null, done: (secured: Socket) => void): void {
    this.#enter('TLS handshake');
    // A literal address does not have a name to send; its certificate must hold the address itself.
    const name = target?.reach?.tls?.serverName ?? (isIP(host) === 0 ? host.replace(/\.$/, '') : '');
    const session = target?.tlsSession ?? null;
    const socket = this.#open(() =>
      connectTls({
        socket: raw,
        host,
        ...(name === '' ? {} : { servername: name }),
        ALPNProtocols: ['http/1.1'],
        secureContext: this.#contextFor(target),
        ...(session === null ? {} : { session }),
      }),
    );
    if (socket === null) {
      raw.destroy();
      return;
    }
    this.#sockets.add(socket);
    if (target !== null) socket.on('session', (latest) => (target.tlsSession = latest));
    socket.once('secureConnect', () => {
      this.#sockets.delete(socket);
      if (target !== null) target.seenCertificate = socket.getPeerX509Certificate() ?? null;
      if (!this.#ended) done(socket);
    });
    socket.on('error', (error) => {
      if (target !== null) target.tlsSession = null;
      if (this.#sockets.delete(socket)) this.#fail(error);
    });
  }

  #contextFor(target: Target | null): SecureContext {
    const tls = target?.reach?.tls ?? null;
    return tls === null ? this.#usualContext() : (target!.secureContext ??= toSecureContext(tls));
  }

  /** Node refuses some arguments by throwing, here in a callback of a lookup: that must fail the attempt alone. */
  #open<T>(open: () => T): T | null {
    try {
      return open();
    } catch (error) {
      this.#fail(error as Error);
      return null;
    }
  }

  #succeed(socket: Socket, address: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.times.end();
    this.#listener.onDialed(socket, address, this.#ttlMs);
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.times.end();
    this.#cancelTimer();
    const proxy = this.unreachedProxy;
    const { code } = error as { readonly code?: string };
    this.#listener.onDialFailed(
      // Whatever its address was: that it is not permitted is the endpoint's fault.
      proxy === null || code === 'POSTHORN_BLOCKED_ADDRESS'
        ? error
        : proxyError(proxy, `cannot be reached: ${error.message}`),
    );
  }
}
