import { expect, test } from "bun:test";
import { exitCodeOf, exitCodeOfError, exitCodes, usageError } from "../../src/cli/exit-codes.ts";
import { ActonError, errorKinds, isErrorCode } from "../../src/errors.ts";

test("the exit codes are the documented ones", () => {
  expect(exitCodes).toEqual({
    ok: 0,
    agentError: 1,
    usage: 2,
    agentNotFound: 3,
    unknownMessageType: 4,
    busy: 5,
    timeout: 6,
    noConnection: 7,
    cannotStart: 8,
    drainIncomplete: 9,
  });
});

test("every error code has its exit code", () => {
  expect(Object.keys(exitCodeOfError).sort()).toEqual(Object.keys(errorKinds).sort());
  for (const code of Object.keys(errorKinds).filter(isErrorCode)) expect(exitCodeOf(new ActonError(code, "x"))).toBe(exitCodeOfError[code]);
  expect(exitCodeOfError).toMatchObject({
    ACTOR_NOT_FOUND: 3,
    UNKNOWN_MESSAGE_TYPE: 4,
    TARGET_BUSY: 5,
    RATE_LIMITED: 5,
    TIMEOUT: 6,
    CONNECTION_CLOSED: 7,
    ADDRESS_IN_USE: 8,
  });
  expect(exitCodeOf(usageError("x"))).toBe(2);
  expect(exitCodeOf(new Error("x"))).toBe(1);
});
