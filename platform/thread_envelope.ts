/** First element of what a thread posts to its starter; the second is the message. */
export const Envelope = { ready: 0, message: 1, end: 2 } as const;
