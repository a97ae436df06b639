import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../runtime/clock.ts';
import { type AddressGuard, leadsNowhere } from './address-guard.ts';
import type { FoundAddresses, Names } from './names.ts';
import { type Proxy, proxyError } from './proxy.ts';
import type { Target } from './target.ts';
import { openTunnel } from './tunnel.ts';

/** The next address is tried beside the one before after this long (RFC 8305, 5); none is given up for it. */
const nextAddressMs = 250;
const maxAddresses = 8;
/** Finds connections whose other end is gone without a word, also while a slow receiver works. */
const keepAliveProbeMs = 15_000;

/** What an unfinished attempt waits for. */
export type DialStage = 'lookup' | 'connection' | 'tunnel through the proxy' | 'TLS handshake';

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

/** Opens connections: looks the name up, lets the guard judge each address, races what is left, and secures what won. */
export class Dialer {
  readonly #o: DialerOptions;
  /** One for all: each would read the certificates of all authorities anew. */
  #secureContext: SecureContext | null = null;

  constructor(options: DialerOptions) {
    this.#o = options;
  }

  dial(target: Target, tenant: string, listener: DialListener): Dial {
    const dial = new Dial(this.#o, target, listener, () => (this.#secureContext ??= createSecureContext()));
    dial.begin(tenant);
    return dial;
  }
}

/** One connection in the making. */
export class Dial {
  readonly #o: DialerOptions;
  readonly #target: Target;
  readonly #listener: DialListener;
  readonly #secureContext: () => SecureContext;
  readonly #sockets = new Set<Socket>();
  #addresses: readonly string[] = [];
  #ttlMs = 0;
  #next = 0;
  #firstError: Error | null = null;
  #cancelLookup: () => void = () => {};
  #cancelTimer: () => void = () => {};
  #ended = false;
  #proxyReached = false;
  stage: DialStage = 'lookup';

  constructor(
    options: DialerOptions,
    target: Target,
    listener: DialListener,
    secureContext: () => SecureContext,
  ) {
    this.#o = options;
    this.#target = target;
    this.#listener = listener;
    this.#secureContext = secureContext;
  }

  /** The proxy that is still to be reached; null without one, and once it is. */
  get unreachedProxy(): Proxy | null {
    return this.#proxyReached ? null : this.#target.proxy;
  }

  begin(tenant: string): void {
    const { host } = this.#target.proxy ?? this.#target;
    if (isIP(host) !== 0) {
      this.#listener.onDialStarted();
      this.#race({ addresses: [host], ttlMs: Number.POSITIVE_INFINITY });
      return;
    }
    this.#cancelLookup = this.#o.names.find(host, tenant, {
      onLookupStarted: () => this.#listener.onDialStarted(),
      onFound: (found) => this.#race(found),
      onNotFound: (error) => this.#fail(error),
    });
  }

  cancel(): void {
    this.#ended = true;
    this.#cancelLookup();
    this.#cancelTimer();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #race({ addresses, ttlMs }: FoundAddresses): void {
    if (this.#ended) return;
    const { guard } = this.#o;
    // The operator chose the proxy, wherever it is; whom it connects to is for it to judge.
    const trusted = this.#target.proxy !== null;
    const permitted = addresses.filter((address) => trusted || guard.refuses(address) === null);
    if (permitted.length === 0) {
      this.#fail(leadsNowhere(this.#target.host));
      return;
    }
    this.stage = 'connection';
    this.#addresses = permitted.slice(0, maxAddresses);
    this.#ttlMs = trusted ? Number.POSITIVE_INFINITY : ttlMs;
    this.#connectNext();
  }

  #connectNext(): void {
    this.#cancelTimer();
    const address = this.#addresses[this.#next++];
    if (address === undefined) {
      if (this.#sockets.size === 0) this.#fail(this.#firstError!);
      return;
    }
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
      this.#secure(socket, proxy.host, null, (secured) => this.#throughProxy(secured, proxy, address));
    else this.#throughProxy(socket, proxy, address);
  }

  /** Encrypted requests go through a tunnel; a proxy takes the others itself. */
  #throughProxy(socket: Socket, proxy: Proxy, address: string): void {
    this.#proxyReached = true;
    if (!this.#target.secure) {
      this.#succeed(socket, address);
      return;
    }
    this.stage = 'tunnel through the proxy';
    this.#sockets.add(socket);
    socket.once('error', (error) => {
      if (this.#sockets.delete(socket))
        this.#fail(proxyError(proxy, `closed the connection: ${error.message}`));
    });
    openTunnel(socket, proxy, this.#target, (error) => {
      if (this.#ended || !this.#sockets.delete(socket)) return;
      if (error === null) this.#secureTarget(socket, address);
      else {
        socket.destroy();
        this.#fail(error);
      }
    });
  }

  #secureTarget(socket: Socket, address: string): void {
    const target = this.#target;
    if (target.secure)
      this.#secure(socket, target.host, target, (secured) => this.#succeed(secured, address));
    else this.#succeed(socket, address);
  }

  /** `sessions`: where the last TLS session is kept, which saves the next handshake a round trip. */
  #secure(
    raw: Socket,
    host: string,
    sessions: Pick<Target, 'tlsSession'> | null,
    done: (secured: Socket) => void,
  ): void {
    this.stage = 'TLS handshake';
    // A literal address has no name to send; its certificate must hold the address itself.
    const name = isIP(host) === 0 ? host.replace(/\.$/, '') : '';
    const session = sessions?.tlsSession ?? null;
    const socket = this.#open(() =>
      connectTls({
        socket: raw,
        host,
        ...(name === '' ? {} : { servername: name }),
        ALPNProtocols: ['http/1.1'],
        secureContext: this.#secureContext(),
        ...(session === null ? {} : { session }),
      }),
    );
    if (socket === null) {
      raw.destroy();
      return;
    }
    this.#sockets.add(socket);
    if (sessions !== null) socket.on('session', (latest) => (sessions.tlsSession = latest));
    socket.once('secureConnect', () => {
      this.#sockets.delete(socket);
      if (!this.#ended) done(socket);
    });
    socket.on('error', (error) => {
      if (sessions !== null) sessions.tlsSession = null;
      if (this.#sockets.delete(socket)) this.#fail(error);
    });
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
    this.#listener.onDialed(socket, address, this.#ttlMs);
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    const proxy = this.unreachedProxy;
    this.#listener.onDialFailed(
      proxy === null ? error : proxyError(proxy, `cannot be reached: ${error.message}`),
    );
  }
}
