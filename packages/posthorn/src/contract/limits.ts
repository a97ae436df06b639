/** Nesting levels of arrays and objects in a body. */
export const maxNesting = 64;
/** Size of an event's data, in bytes of UTF-8. */
export const maxDataBytes = 256 * 1024;
/** Size of a request's body: one event of the largest size fits. */
export const maxBodyBytes = 512 * 1024;
/** Size of a batch: fits many large events, but not a thousand of the largest, and parsing it blocks nothing for long. */
export const maxBatchBytes = 8 * 1024 * 1024;
/** Concurrent connections of `GET /v1/stream` per node. */
export const maxStreams = 200;
