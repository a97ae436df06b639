import type { StoredChannel, TeamDocument } from '../../../packages/posthorn/src/domain/documents.ts';

export function aTeam(...channels: readonly string[]): TeamDocument {
  return { description: '', channels };
}

export function aChannel(endpointId: string): StoredChannel {
  return { channel: { kind: 'webhook', host: 'receiver.test' }, fingerprint: 'f', endpointId };
}
