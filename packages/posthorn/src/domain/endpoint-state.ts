/** How an endpoint is, in one word; those that need an operator come first. */
export const endpointStates = ['failing', 'slowed', 'paused', 'healthy', 'idle'] as const;
export type EndpointState = (typeof endpointStates)[number];
