// The ways in which user code may fail: everything that can be thrown, and a stack that is spent.

export interface Way {
  /** Fails in this way. */
  readonly fail: () => never;
  /** What the asker and the log are told of it. */
  readonly text: string;
}

const unprintable = "an error that cannot be printed";

function fails(): never {
  throw new Error("a getter failed");
}

function throws(make: () => unknown): () => never {
  return () => {
    throw make();
  };
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function spendStack(): never {
  const dig = (depth: number): number => dig(depth + 1) + 1;
  throw new Error(`the stack held ${dig(0)} calls`);
}

export const ways: Readonly<Record<string, Way>> = {
  "an error": { fail: throws(() => new Error("boom")), text: "boom" },
  "an error of two lines": { fail: throws(() => new Error("one\ntwo")), text: "one two" },
  "an error without a text": { fail: throws(() => new RangeError()), text: "RangeError" },
  "a frozen error": { fail: throws(() => Object.freeze(new Error("frozen"))), text: "frozen" },
  "an error whose message throws": { fail: throws(() => Object.defineProperty(new Error(), "message", { get: fails })), text: unprintable },
  "an object that cannot be read": {
    fail: throws(() => ({
      toString: fails,
      get message() {
        return fails();
      },
    })),
    text: unprintable,
  },
  "a revoked proxy": { fail: throws(revoked), text: unprintable },
  undefined: { fail: throws(() => undefined), text: "undefined" },
  null: { fail: throws(() => null), text: "null" },
  "a string": { fail: throws(() => "boom"), text: "boom" },
  "a symbol": { fail: throws(() => Symbol("boom")), text: "Symbol(boom)" },
  "a promise": { fail: throws(() => new Promise(() => {})), text: "[object Promise]" },
  "a spent stack": { fail: spendStack, text: "Maximum call stack size exceeded." },
};
