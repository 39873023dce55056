// The message types that may cross the socket, by name. A name stands for one type.

import { ActonError, quoted } from "../../errors.ts";
import type { MessageType } from "../../message/message-type.ts";

export class TypeRegistry {
  readonly #types = new Map<string, MessageType>();

  /**
   * Registers the type and the type of its answers. Registering the same type again does nothing.
   * Throws NAME_TAKEN when the name stands for a different schema, a TypeError when the schema validates asynchronously.
   */
  register(type: MessageType): void {
    const known = this.#types.get(type.name);
    if (known !== undefined && !known.isSameAs(type)) {
      throw new ActonError("NAME_TAKEN", `cannot register ${quoted(type.name)}: the name stands for a type with another schema or answer`);
    }
    const asyncPart = type.asyncPart();
    if (asyncPart !== undefined) {
      throw new TypeError(`Cannot register ${quoted(type.name)}: its schema validates asynchronously (${asyncPart}); validation on the wire is synchronous`);
    }
    if (known === undefined) this.#types.set(type.name, type);
    if (type.answer !== undefined) this.register(type.answer);
  }

  isRegistered(name: string): boolean {
    return this.#types.has(name);
  }

  /** Sorted. */
  registeredTypes(): readonly string[] {
    return [...this.#types.keys()].sort();
  }

  find(name: string): MessageType | undefined {
    return this.#types.get(name);
  }
}
