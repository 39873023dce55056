// What a server has, found out before the cases run: which dialects it speaks, and by its own discovery which services and
// capabilities. What it lacks is skipped. A server without discovery is asked for each service instead.

import type { Need } from "./case.ts";
import { needs } from "./case.ts";
import { isFields, acton2, bareJson, type Fields, type Tongue, kinds } from "./tongue.ts";
import { getValue, listOf, type Speaker, sum } from "./speaker.ts";

export interface Findings {
  readonly has: ReadonlySet<Need>;
  /** What the server calls itself. */
  readonly server: string | null;
}

/** The services of the guide: an agent, and the type that it is asked with or, of a feed, that it broadcasts. */
const services = {
  calculator: ["calculator", "AddRequest"],
  list_service: ["list_service", "ListRequest"],
  kv_store: ["kv_store", "SetValue"],
  price_feed: [undefined, "PriceUpdate"],
  health: ["health", "HealthCheck"],
} as const satisfies Partial<Record<Need, readonly [string | undefined, string]>>;

/** What every server can that speaks at all, unless its discovery says that it cannot. */
const assumed = ["messagepack", "streaming", "push"] as const;

/** `open` gives a connection whose waits end in time. */
export async function examine(open: (tongue: Tongue) => Promise<Speaker>): Promise<Findings> {
  const has = new Set<Need>();
  let server: string | null = null;
  for (const tongue of [bareJson, acton2]) {
    const answer = await discoveryIn(await open(tongue));
    if (answer === undefined) continue;
    has.add(tongue.dialect);
    server ??= nameOf(answer["product"]);
    learn(answer, has);
  }
  const tongue = has.has("bare") ? bareJson : acton2;
  if (has.size > 0 && (await tellsFigures(await open(tongue)))) has.add("stats");
  if (has.size > 0 && !has.has("discovery")) await askForServices(await open(tongue), has);
  return { has, server };
}

/** Undefined when what comes back is not of this dialect, or nothing does. */
async function discoveryIn(peer: Speaker): Promise<Fields | undefined> {
  try {
    peer.discover("discovery");
    const { fields } = await peer.next();
    return fields["correlation_id"] === "__acton_connection_rejected__" ? undefined : fields;
  } catch {
    return undefined;
  } finally {
    peer.close();
  }
}

/** The one extension that no discovery lists. */
async function tellsFigures(peer: Speaker): Promise<boolean> {
  try {
    peer.stats("stats");
    return (await peer.next()).fields["success"] === true;
  } catch {
    return false;
  } finally {
    peer.close();
  }
}

function learn(answer: Fields, has: Set<Need>): void {
  const version = answer["protocol_version"];
  const said = isFields(version) ? version["capabilities"] : answer["capabilities"];
  const capabilities = isFields(said) ? said : {};
  for (const need of needs) if (capabilities[need] === true) has.add(need);
  for (const need of assumed) if (capabilities[need] === undefined) has.add(need);
  const { actors, message_types: types } = answer;
  if (answer["success"] !== true || !Array.isArray(actors) || !Array.isArray(types)) return;
  has.add("discovery");
  if (isFields(answer["schemas"])) has.add("schemas");
  const names = actors.map((actor: unknown) => (isFields(actor) ? actor["name"] : undefined));
  for (const [need, [agent, type]] of Object.entries(services)) {
    if ((agent === undefined || names.includes(agent)) && types.includes(type)) has.add(need as Need);
  }
}

async function askForServices(peer: Speaker, has: Set<Need>): Promise<void> {
  const asked: Readonly<Partial<Record<Need, Fields>>> = {
    calculator: sum,
    kv_store: getValue("a key"),
    list_service: { ...listOf(1), expects_stream: true },
    health: { target: "health", message_type: "HealthCheck", payload: {}, expects_reply: true },
  };
  try {
    for (const [need, fields] of Object.entries(asked)) {
      peer.send({ ...peer.id(need), ...fields });
      const { fields: answer } = await peer.next();
      if (answer["error"] === undefined || answer["error"] === null) has.add(need as Need);
      while (answer["is_final"] === false && (await peer.next()).fields["is_final"] === false);
    }
    peer.subscribe("price_feed", ["PriceUpdate"]);
    if ((await peer.next({ kind: kinds.response })).fields["success"] === true) has.add("price_feed");
  } catch {
    // It has what it has shown so far.
  } finally {
    peer.close();
  }
}

function nameOf(product: unknown): string | null {
  if (!isFields(product) || typeof product["name"] !== "string") return null;
  return typeof product["version"] === "string" ? `${product["name"]} ${product["version"]}` : product["name"];
}
