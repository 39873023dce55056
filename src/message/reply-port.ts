// The answering side of one message. A handler sees it as `reply`; whoever waits stands behind it as a ReplySink.
// Invariant: a sink hears at most one of resolve and reject, and nothing after it.

import { ActonError, detailOf, type Failure, isA, isErrorCode, type Ran, withRan } from "../errors.ts";
import { reserveStack } from "../stack-reserve.ts";

export interface ReplySink {
  /** Whether any number of items is wanted rather than one reply. */
  readonly streaming: boolean;
  /** The reply, or the end of a stream; undefined ends a stream without a value. */
  resolve(value: unknown): void;
  reject(failure: Failure): void;
  /** One item of a stream. A promise means: the reader is behind, go on when it resolves. */
  item(value: unknown): Promise<void> | undefined;
}

/** What a handler may do with its message's answer. */
export interface Reply<Answer = unknown> {
  /** The reply; in a stream the next item. Await it: a stream's reader sets the pace. */
  send(value: Answer): PromiseLike<void> | undefined;
  /** The reply, or the end of a stream with an optional last value. */
  end(value?: Answer): void;
  /** A typed failure, which is no crash. An ActonError keeps its code; anything else becomes HANDLER_FAILED. */
  fail(error: unknown): void;
  /** Keeps the answer open after the handler has returned. */
  defer(): void;
}

/** The loop's side of a port, while a handler runs. */
export interface Attendant {
  /** Whether the handler has begun; unknown while that is another thread's affair. */
  readonly ran: Ran;
  /** An answer that nobody takes: `late` when the asker had gone, else a second reply to a single question. */
  surplus(late: boolean): void;
  /** The reader is behind. The result resolves when the handler may go on; the handler waits once it awaits it. */
  pause(reader: Promise<void>): PromiseLike<void>;
  /** Many items went out in a row: resolves when the event loop, and whoever waits for the agent, has had a turn. */
  breathe(): PromiseLike<void> | undefined;
  /** The handler has returned and will answer later. */
  deferred(port: ReplyPort): void;
}

// A handler that never awaits anything else still lets sockets and timers run this often.
const itemsPerBreath = 64;

export class ReplyPort implements Reply {
  readonly #sink: ReplySink | undefined;
  #open = true;
  #deferred = false;
  #cancelled = false;
  #abandoned = false;
  #items = 0;
  #attendant: Attendant | undefined;
  #onCancel: (() => void) | undefined;

  /** Without a sink nobody waits, and every answer is dropped silently. */
  constructor(sink: ReplySink | undefined) {
    this.#sink = sink;
  }

  get open(): boolean {
    return this.#open;
  }

  get streaming(): boolean {
    return this.#sink?.streaming ?? false;
  }

  /** The asker went away, ran out of time, or cancelled. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Whether a handler has begun to work on it. Once it is cancelled or answered, none ever will that has not. */
  get ran(): Ran {
    return this.#attendant?.ran ?? "no";
  }

  /** The one who works on it; undefined while it is queued. */
  get attendant(): Attendant | undefined {
    return this.#attendant;
  }

  send(value: unknown): PromiseLike<void> | undefined {
    reserveStack();
    return this.yielded(value);
  }

  end(value?: unknown): void {
    reserveStack();
    this.#end(value);
  }

  fail(error: unknown): void {
    reserveStack();
    this.#fail(error);
  }

  defer(): void {
    this.#deferred = true;
  }

  /** The handler has yielded this value: as `send`, but with all of the stack. */
  yielded(value: unknown): PromiseLike<void> | undefined {
    const sink = this.#sink;
    if (sink === undefined) return undefined;
    if (!this.#open) {
      this.#surplus();
      return this.#breath();
    }
    if (sink.streaming) return this.#item(sink, value);
    this.#resolve(sink, value === undefined ? null : value);
    return undefined;
  }

  /** The handler has returned this value: the reply, unless it has replied or deferred. */
  returned(value: unknown): void {
    if (this.#sink === undefined) return;
    if (value !== undefined || !this.#open) this.#end(value);
    else if (this.#deferred) this.#attendant?.deferred(this);
    else if (this.#sink.streaming) this.#end(undefined);
    else this.#fail(noReply);
  }

  /** The agent will not answer any more: unlike `fail`, no surplus when it has answered already. */
  abandon(failure: Failure): void {
    if (!this.#open || this.#sink === undefined) return;
    this.#open = false;
    this.#abandoned = true;
    this.#sink.reject(withRan(failure, this.ran));
  }

  /** Called by whoever waits, when it waits no more. Answers are dropped from now on. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#open = false;
    this.#onCancel?.();
  }

  attend(attendant: Attendant): void {
    this.#attendant = attendant;
  }

  onCancel(listener: () => void): void {
    this.#onCancel = listener;
  }

  #end(value: unknown): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    if (!this.#open) {
      if (value !== undefined) this.#surplus();
      return;
    }
    this.#resolve(sink, value === undefined && !sink.streaming ? null : value);
  }

  #fail(error: unknown): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    if (!this.#open) {
      this.#surplus();
      return;
    }
    const failure = failureOf(error);
    this.#open = false;
    try {
      sink.reject(failure);
    } catch (thrown) {
      this.#open = !this.#cancelled;
      throw thrown;
    }
  }

  // A sink that throws has told nobody: the value is none that it takes, or the stack is spent. The failure can still be told.
  #resolve(sink: ReplySink, value: unknown): void {
    this.#open = false;
    try {
      sink.resolve(value);
    } catch (thrown) {
      this.#open = !this.#cancelled;
      throw thrown;
    }
  }

  #item(sink: ReplySink, value: unknown): PromiseLike<void> | undefined {
    const reader = sink.item(value);
    if (reader !== undefined) return this.#attendant?.pause(reader) ?? reader;
    return this.#breath();
  }

  #breath(): PromiseLike<void> | undefined {
    this.#items += 1;
    return this.#items % itemsPerBreath === 0 ? this.#attendant?.breathe() : undefined;
  }

  #surplus(): undefined {
    this.#attendant?.surplus(this.#cancelled || this.#abandoned);
  }
}

const noReply: Failure = { code: "NO_REPLY", message: "the handler returned without replying" };

function failureOf(error: unknown): Failure {
  if (error === noReply) return noReply;
  if (!isA(ActonError, error) || !isErrorCode(error.code)) return { code: "HANDLER_FAILED", message: detailOf(error) };
  const { code, message, retryAfterMs, details } = error;
  const options = { ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(details === undefined ? {} : { details }) };
  return { code, message, ...options, ran: "yes", byHandler: true };
}
