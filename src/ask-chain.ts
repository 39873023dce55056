// Who waits for a call that is made now: ids of handlers, the nearest last. The agents fill this in; the client, which may run
// without any agents, reads it and tells the server, so that a cycle of asks through the socket is seen.

/** Ids in one chain. Each process on the way adds one, so that longer ones would be of more processes than that. */
export const askChainMax = 16;

/** The chain of the handler that runs now; undefined outside of any. Set by those who run handlers. */
export const askChain: { current: () => readonly string[] | undefined } = { current: () => undefined };
