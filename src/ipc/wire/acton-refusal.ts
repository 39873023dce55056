// One frame of acton/2 in JSON, for clients of that protocol that have to be turned away.

import { type Failure, failureText } from "../../errors.ts";
import type { FrameWriter } from "./frame-writer.ts";

/** Whoever can tell a connection, as such, that it failed. */
export interface Refusing {
  connectionFailure(out: FrameWriter, failure: Failure): void;
}

const version = 0x02;
const errorKind = 0x03;
const jsonFormat = 0x01;
/** Its clients report the text of a frame with this correlation to every open call. */
const everyCall = "__acton_connection_rejected__";

export const actonRefusal: Refusing = {
  connectionFailure(out, failure) {
    const payload = failure.details === undefined ? {} : { payload: failure.details };
    out.begin(version, errorKind, jsonFormat);
    out.text(JSON.stringify({ correlation_id: everyCall, success: false, error: failureText(failure), error_code: failure.code, ...payload }));
    out.finish();
  },
};
