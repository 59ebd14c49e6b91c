/** How often a request that broke down is made again, and after how long; the pauses grow. */
export const ATTEMPTS = { maxRetries: 2, retryDelayInMs: 200, maxRetryDelayInMs: 1000 } as const;
