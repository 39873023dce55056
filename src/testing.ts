// The public names of the test kit, `acton/testing`: for tests of applications, under `acton test` or `bun test`.

export { ManualClock } from "./clock.ts";
export { seededRandom } from "./random.ts";
export type { Fault, FaultMatch } from "./testing/fault-rule.ts";
export { Faults } from "./testing/faults.ts";
export { MemoryMachine } from "./testing/memory-machine.ts";
export type { MachineOptions, MemoryHost, MemoryProcess, ProcessOptions } from "./testing/memory-machine.ts";
export type { End, Link } from "./testing/memory-network.ts";
export type { SocketEvent, Traffic } from "./testing/memory-socket.ts";
export type { Failing, SystemCall } from "./testing/memory-files.ts";
export { Choices } from "./testing/simulation/choices.ts";
export type { Scenario, Simulation } from "./testing/simulation/run.ts";
export { replay, simulate } from "./testing/simulation/simulate.ts";
export type { Recording, SimulateOptions, SimulationFailure, SimulationResult } from "./testing/simulation/simulate.ts";
export type { SimulatedProcess } from "./testing/simulation/simulated-process.ts";
export { World } from "./testing/simulation/world.ts";
export { Probe, probe } from "./testing/probe.ts";
export type { ProbeOptions, Received, SearchOptions, WaitOptions } from "./testing/probe.ts";
