/** Levels of arrays and objects in a body. */
export const maxNesting = 64;
/** Of an event's data, in bytes of UTF-8. */
export const maxDataBytes = 256 * 1024;
/** Of a request's body: one event of the largest fits. */
export const maxBodyBytes = 512 * 1024;
/** Of a batch: it has room for many large events, not for a thousand of the largest, and parsing it stops nobody for long. */
export const maxBatchBytes = 8 * 1024 * 1024;
/** Connections of `GET /v1/stream` that a node has at once. */
export const maxStreams = 200;
