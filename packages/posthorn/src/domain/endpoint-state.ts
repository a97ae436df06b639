/** How an endpoint is, in one word; who needs somebody first. */
export const endpointStates = ['failing', 'slowed', 'paused', 'healthy', 'idle'] as const;
export type EndpointState = (typeof endpointStates)[number];
