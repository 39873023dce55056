// All groups, in the order of the report. Whoever adds a group adds its line here.

import type { Group } from "./case.ts";
import { actonTexts } from "./groups/acton-texts.ts";
import { connections } from "./groups/connections.ts";
import { correlations } from "./groups/correlations.ts";
import { detection } from "./groups/detection.ts";
import { discovery } from "./groups/discovery.ts";
import { envelopes } from "./groups/envelopes.ts";
import { figures } from "./groups/figures.ts";
import { flow } from "./groups/flow.ts";
import { framing } from "./groups/framing.ts";
import { headers } from "./groups/headers.ts";
import { json } from "./groups/json.ts";
import { messagePack } from "./groups/message-pack.ts";
import { patterns } from "./groups/patterns.ts";
import { pushes } from "./groups/pushes.ts";
import { requests } from "./groups/requests.ts";
import { streams } from "./groups/streams.ts";
import { subscriptions } from "./groups/subscriptions.ts";
import { watch } from "./groups/watch.ts";

export const groups: readonly Group[] = [
  framing,
  detection,
  headers,
  json,
  messagePack,
  envelopes,
  requests,
  correlations,
  streams,
  flow,
  subscriptions,
  patterns,
  pushes,
  discovery,
  figures,
  watch,
  actonTexts,
  connections,
];
