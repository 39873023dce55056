// What this server can do beyond a bare exchange of messages, as discovery lists it in every dialect.
// Booleans only: acton's clients reject the whole answer for anything else.

export const capabilities = {
  messagepack: true,
  streaming: true,
  push: true,
  discovery: true,
  cancel: true,
  credit: true,
  trace: true,
  reply_to: true,
  patterns: true,
  watch: true,
  ask_chain: true,
} as const;
