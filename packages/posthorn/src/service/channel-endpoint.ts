import { type Channel, toReceiver } from '../domain/channel.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { sealedAgain, sealsThis } from '../secrets/keyring.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { mailServerUrl, receiverUrl } from './receiver-url.ts';

const markBytes = 6;

/** Where a channel's notifications go, and what its endpoint's requests carry besides; both are secret. */
export interface OpenReceiver {
  readonly url: string;
  readonly members: Readonly<Record<string, string>>;
}

/** Returns the channel's receiver; rejects a URL that is invalid or whose host may not be called. */
export function openReceiver(
  channel: Channel,
  deps: Pick<ServiceDependencies, 'refuseHost' | 'refuseMailServer'>,
): OpenReceiver {
  const { via, url, members } = toReceiver(channel);
  const checked =
    via === 'mail' ? mailServerUrl(url, deps.refuseMailServer) : receiverUrl(url, deps.refuseHost);
  return { url: checked, members };
}

/**
 * The receiver as its endpoint stores it. An identical one changes nothing. What was learned about a URL ends with it,
 * so the visible URL carries a mark that differs for another URL.
 */
export function sealedReceiver(
  { url, members }: OpenReceiver,
  before: Endpoint | null,
  { keyring, random }: Pick<ServiceDependencies, 'keyring' | 'random'>,
): Pick<Endpoint, 'url'> & Required<Pick<Endpoint, 'channel'>> {
  const stored = before?.channel;
  const sealedMembers = Object.entries(members).map(([name, value]) => [
    name,
    sealedAgain(keyring, value, stored?.members[name], 'channel'),
  ]);
  const isSame = stored !== undefined && sealsThis(keyring, stored.url, url, 'channel');
  return {
    url: isSame ? before!.url : markedOrigin(url, random),
    channel: {
      url: isSame ? stored.url : keyring.seal(url, 'channel'),
      members: Object.fromEntries(sealedMembers) as Record<string, string>,
    },
  };
}

function markedOrigin(url: string, random: ServiceDependencies['random']): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}/#${Buffer.from(random.bytes(markBytes)).toString('hex')}`;
}
