// All groups, in the order of the report. Whoever adds a group adds its line here.

import type { Group } from "./case.ts";
import { connections } from "./groups/connections.ts";
import { correlations } from "./groups/correlations.ts";
import { detection } from "./groups/detection.ts";
import { envelopes } from "./groups/envelopes.ts";
import { flow } from "./groups/flow.ts";
import { framing } from "./groups/framing.ts";
import { actonTexts, headers } from "./groups/headers.ts";
import { json } from "./groups/json.ts";
import { discovery, figures, watch } from "./groups/looking.ts";
import { messagePack } from "./groups/message-pack.ts";
import { patterns } from "./groups/patterns.ts";
import { pushes } from "./groups/pushes.ts";
import { requests } from "./groups/requests.ts";
import { streams } from "./groups/streams.ts";
import { subscriptions } from "./groups/subscriptions.ts";

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
