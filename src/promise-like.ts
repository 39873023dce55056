// The one question whether a value that user code gave is to be awaited. Asking runs user code: a getter, or a proxy's trap,
// may throw here.

export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
