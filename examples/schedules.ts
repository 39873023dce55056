// Time: messages that are sent later, again and again, and by the calendar; and what became of them.
//
//   node_modules/.bin/bun examples/schedules.ts

import { ActonApp, agent, message } from "acton";
import { z } from "zod";

const Reminder = message("Reminder", { text: z.string() });
const Beat = message("Beat", {});

const diary = agent("diary", () => ({ entries: new Array<string>(), beats: 0 }))
  // To itself: such a schedule ends when its agent stops or restarts.
  .beforeStart(({ sendAfter }) => sendAfter(5, Reminder, { text: "begun" }))
  .mutateOn(Reminder, ({ model, message: { text } }) => void model.entries.push(text))
  .mutateOn(Beat, ({ model }) => (model.beats += 1));

await using runtime = ActonApp.launch();
const handle = await runtime.start(diary);

// Once: after a delay, or at a time.
const soon = handle.sendAfter(20, Reminder, { text: "soon" });
console.log("soon:", (await soon.settled()).kind);
const never = handle.sendAt(Date.now() + 60_000, Reminder, { text: "in a minute" });
never.cancel();
console.log("in a minute:", never.outcome?.kind);

// Again and again: at multiples of a period, or with `{ fixed: "delay" }` one period after the last tick.
const beats = handle.sendEvery(10, Beat, {});
console.log("beats:", await beats.delivered(3));
beats.cancel();
console.log("then:", beats.outcome?.kind, "and due", beats.due);

// By a cron expression: in a time zone, and here with seconds before the minutes.
const everySecond = handle.sendEvery("* * * * * *", Beat, {}, { timeZone: "UTC" });
console.log("seconds:", await everySecond.delivered(1));
const newYear = handle.sendEvery("0 0 1 1 *", Reminder, { text: "a happy new year" }, { timeZone: "Europe/Berlin" });
console.log("new year's due at", newYear.due === undefined ? "no time" : new Date(newYear.due).toISOString().slice(4));

// Whatever still runs ends with its target.
await handle.stop();
console.log("at the end:", everySecond.outcome?.kind, newYear.outcome?.kind);
