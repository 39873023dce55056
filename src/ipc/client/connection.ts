// The client end of one connection in the bare dialect: frames out, one write for all of a turn; frames in, each to the
// call that it belongs to. Whatever happens to the connection, every open call settles.

import type { Clock, Timer } from "../../clock.ts";
import { ActonError, detailOf, failureText } from "../../errors.ts";
import type { Socket, SocketHandler } from "../transport.ts";
import { BufferPool } from "../wire/buffer-pool.ts";
import { FrameDecoder, lengthFieldBytes } from "../wire/frame-decoder.ts";
import { FrameWriter } from "../wire/frame-writer.ts";
import { bareFormatOf } from "../wire/bare-format.ts";
import { errorOf } from "./answer-error.ts";
import { type BodyCodec, type BodyReceiver, jsonBodies } from "./body-codec.ts";
import type { Body, Carrier, OpenCall, OutgoingRequest } from "./open-call.ts";
