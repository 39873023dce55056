// Finds asks that would wait for themselves. Pure: a walk over who runs where and who waits for whom,
// done before an ask is queued, so that the answer is an error at once instead of a deadline.

/** A handler that runs, and what it waits for: each agent with whether it was asked for something exclusive. */
export interface RunningHandler {
  readonly exclusive: boolean;
  readonly waitsFor: ReadonlyMap<AgentNode, boolean>;
}

export interface AgentNode {
  readonly name: string;
  readonly exclusiveHandler: RunningHandler | undefined;
  /** The concurrent handlers that wait for something. */
  readonly waitingReaders: ReadonlySet<RunningHandler>;
}

// Deeper chains than this are not followed: the deadline ends them.
const depthMax = 64;

/** The names from the asker to itself, in the order of waiting; undefined when the ask waits for others only. */
export function findAskCycle(asker: RunningHandler, home: AgentNode, target: AgentNode, exclusive: boolean): readonly string[] | undefined {
  const visited = new Set<AgentNode>();
  const walk = (node: AgentNode, exclusiveAsk: boolean, path: readonly string[]): readonly string[] | undefined => {
    // The asker itself stands in the way: it runs there, and it or the ask wants to be alone.
    if (node === home && (asker.exclusive || exclusiveAsk)) return [...path, node.name];
    if (visited.has(node) || path.length > depthMax) return undefined;
    visited.add(node);
    for (const blocker of blockersOf(node, exclusiveAsk)) {
      for (const [next, nextExclusive] of blocker.waitsFor) {
        const cycle = walk(next, nextExclusive, [...path, node.name]);
        if (cycle !== undefined) return cycle;
      }
    }
    return undefined;
  };
  return walk(target, exclusive, [home.name]);
}

function blockersOf(node: AgentNode, exclusiveAsk: boolean): Iterable<RunningHandler> {
  if (node.exclusiveHandler !== undefined) return [node.exclusiveHandler];
  return exclusiveAsk ? node.waitingReaders : [];
}
