import type { StoredChannel, TeamDocument } from '../../../packages/posthorn/src/domain/documents.ts';

export function aTeam(...channels: readonly string[]): TeamDocument {
  return { description: '', channels };
}

export function aChannel(endpointId: string): StoredChannel {
  return { channel: { kind: 'webhook', url: 'https://receiver.test/alerts' }, endpointId };
}
