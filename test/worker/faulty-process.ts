// Lets an agent on a thread fail where nobody awaits it, and prints what the log said. A process of its own: the test runner
// takes such failures for its tests'.

import { Beside, deciding, Do } from "./scene.ts";
import { stage, until } from "./stage.ts";

const { runtime, lines } = stage("scene.ts");
const handle = await runtime.start(deciding.default.runOn("worker"));
await handle.ask(Do, { deed: "timerThrows" });
await handle.ask(Do, { deed: "rejectionFloats" });
const faults = () => lines.filter(({ message }) => message === "uncaught error").map(({ fields }) => [fields["agent"], fields["error"]]);
await until(() => faults().length === 2, "the lines");
process.stdout.write(JSON.stringify({ faults: faults(), status: await handle.ask(Beside, { deed: "status" }) }));
await runtime.shutdownAll();
