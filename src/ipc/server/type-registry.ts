// The message types that may cross the socket, by name. A name stands for one type.

import { ActonError, quoted } from "../../errors.ts";
import type { MessageType } from "../../message/message-type.ts";

export class TypeRegistry {
  #types = new Map<string, MessageType>();
  /** Of code that was exchanged since: whoever registers such a name takes it over. */
  #old = new Set<string>();

  /**
   * Registers the types and those of their answers: all, or none. Registering the same type again does nothing.
   * Throws NAME_TAKEN when the name stands for a different schema, a TypeError when the schema validates asynchronously.
   */
  register(...types: readonly MessageType[]): void {
    let fresh: readonly MessageType[] = [];
    for (const type of types) fresh = this.#check(type, fresh);
    for (const each of fresh) {
      this.#types.set(each.name, each);
      this.#old.delete(each.name);
    }
  }

  /** The code is exchanged: what is registered from now on replaces what has been so far. Returns what undoes that. */
  renew(): () => void {
    const [types, old] = [new Map(this.#types), new Set(this.#old)];
    this.#old = new Set(types.keys());
    return () => {
      this.#types = types;
      this.#old = old;
    };
  }

  // The type and its answers that are not registered yet. When one of them cannot be, none is.
  #check(type: MessageType, fresh: readonly MessageType[]): readonly MessageType[] {
    const known = (this.#old.has(type.name) ? undefined : this.#types.get(type.name)) ?? fresh.find((other) => other.name === type.name);
    if (known !== undefined && !known.isSameAs(type)) {
      throw new ActonError("NAME_TAKEN", `cannot register ${quoted(type.name)}: the name stands for a type with another schema or answer`);
    }
    if (known !== undefined) return fresh;
    const asyncPart = type.asyncPart();
    if (asyncPart !== undefined) {
      throw new TypeError(
        `Cannot register ${quoted(type.name)}: its schema validates asynchronously (${asyncPart}); validation on the wire is synchronous`,
      );
    }
    return type.answer === undefined ? [...fresh, type] : this.#check(type.answer, [...fresh, type]);
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
