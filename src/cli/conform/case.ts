// What a case is: a sentence of behaviour, where the protocol says so, what a server must have for it, and its steps.

import type { Speaker } from "./speaker.ts";
import type { Tongue } from "./tongue.ts";

/** What a server may lack: a dialect, MessagePack or another capability, or one of the services that the guide shows. */
export const needs = [
  "bare",
  "acton",
  "messagepack",
  "streaming",
  "push",
  "discovery",
  "schemas",
  "stats",
  "cancel",
  "credit",
  "trace",
  "reply_to",
  "patterns",
  "watch",
  "ask_chain",
  "calculator",
  "list_service",
  "kv_store",
  "price_feed",
  "health",
] as const;

export type Need = (typeof needs)[number];

/** Opens further connections for a case; all of them are closed when it is over. */
export interface Trial {
  readonly open: (tongue: Tongue) => Promise<Speaker>;
}

/** One sentence, tried in each of its tongues on a connection of its own. */
export interface Sentence {
  readonly says: string;
  /** The heading in docs/protocol.md, where it is not the group's. */
  readonly section?: string;
  readonly tongues?: readonly Tongue[];
  readonly needs?: readonly Need[];
  /** Nothing else runs meanwhile. */
  readonly alone?: true;
  readonly run: (peer: Speaker, trial: Trial) => Promise<void>;
}

export interface Group {
  readonly name: string;
  readonly section: string;
  /** Of the sentences that name none of their own. */
  readonly tongues: readonly Tongue[];
  readonly needs?: readonly Need[];
  readonly sentences: readonly Sentence[];
}

export interface Case {
  readonly group: string;
  readonly name: string;
  readonly section: string;
  readonly needs: readonly Need[];
  readonly tongue: Tongue;
  readonly alone: boolean;
  readonly run: Sentence["run"];
}

export function casesOf(group: Group): Case[] {
  return group.sentences.flatMap(({ says, section = group.section, tongues = group.tongues, needs = group.needs ?? [], alone = false, run }) =>
    tongues.map((tongue) => ({
      group: group.name,
      name: `${tongue.name}: ${says}`,
      section,
      needs: [tongue.dialect, ...(tongue.format === "msgpack" ? (["messagepack"] as const) : []), ...needs],
      tongue,
      alone,
      run,
    })),
  );
}
