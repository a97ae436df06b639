export { ApiError, createClient } from './client.ts';
export type { Client, ClientOptions, Fault, RequestOptions } from './client.ts';
export { verify } from './verify.ts';
