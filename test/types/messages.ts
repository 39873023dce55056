// Types that the type tests share.

import { z } from "zod";
import { message } from "../../src/index.ts";

export const AddResult = message("AddResult", { sum: z.int() });
export const AddRequest = message("AddRequest", { a: z.int(), b: z.int() }).replies(AddResult);
export const ListItem = message("ListItem", { id: z.int(), name: z.string() });
export const ListRequest = message("ListRequest", { page_size: z.int().positive() }).streams(ListItem);
export const Tick = message("Tick", { at: z.number() });
export const Other = message("Other", { x: z.boolean() });

/** Fails to compile unless both are the same type. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export function holds<Assertion extends true>(): Assertion | undefined {
  return undefined;
}
