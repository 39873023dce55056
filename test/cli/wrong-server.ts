// A server of the bare dialect in a page: a calculator and a list. It is right unless it is given a defect, and so shows that
// `acton conform` passes servers other than ours, and fails those that are wrong.

import { Packr, Unpackr } from "msgpackr";

export type Fields = Readonly<Record<string, unknown>>;

export interface Defect {
  /** What goes out in the place of these answers to one frame. */
  readonly answers?: (answers: Fields[], frame: Fields | undefined) => Fields[];
  /** What goes out in the place of one answer's body. */
  readonly body?: (body: Buffer) => Buffer;
  readonly frame?: (frame: Buffer) => Buffer;
  /** How many bytes a body may have; 2^20 when not said. */
  readonly longest?: number;
  /** Ends the connection with every failure. */
  readonly hangsUp?: true;
  /** Leaves a connection open that it should end. */
  readonly staysOn?: true;
  readonly pack?: (answer: unknown) => Buffer;
  /** What it claims to have in discovery. */
  readonly capabilities?: Fields;
}

/** By itself it writes whole numbers of more than 32 bits as floats: the one defect that is always there. */
const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "auto" } as object);

interface State {
  came: Buffer;
  out: Buffer;
  ends: boolean;
}

export function serveWith(path: string, defect: Defect = {}): Disposable {
  const flush = (socket: Bun.Socket<State>): void => {
    const { data } = socket;
    data.out = data.out.subarray(Math.max(0, socket.write(data.out)));
    if (data.ends && data.out.length === 0) socket.shutdown();
  };
  const listener = Bun.listen<State>({
    unix: path,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = { came: Buffer.alloc(0), out: Buffer.alloc(0), ends: false };
      },
      data(socket, bytes) {
        const { data } = socket;
        data.came = Buffer.concat([data.came, bytes]);
        for (const { out, ends } of turns(data, defect)) {
          data.out = Buffer.concat([data.out, out]);
          data.ends ||= ends && defect.staysOn !== true;
          if (data.ends) break;
        }
        flush(socket);
      },
      drain: flush,
      end(socket) {
        socket.data.ends = true;
        flush(socket);
      },
      error() {},
    },
  });
  return { [Symbol.dispose]: () => listener.stop(true) };
}

function* turns(state: { came: Buffer }, defect: Defect): Generator<{ readonly out: Buffer; readonly ends: boolean }> {
  while (state.came.length >= 4) {
    const length = state.came.readUInt32BE();
    if (length > (defect.longest ?? 2 ** 20)) {
      state.came = Buffer.alloc(0);
      return yield { out: written([failure(null, "ProtocolError", `a frame of ${length} bytes, at most ${2 ** 20}`)], "json", defect), ends: true };
    }
    if (state.came.length < 4 + length) return;
    const body = state.came.subarray(4, 4 + length);
    state.came = state.came.subarray(4 + length);
    if (length === 0) {
      const answers = defect.answers?.([], undefined) ?? [];
      yield { out: written(answers, "json", {}), ends: false };
      continue;
    }
    const format = [0x7b, 0x20, 0x09, 0x0a, 0x0d].includes(body[0] as number) ? "json" : "msgpack";
    const frame = decoded(body, format);
    const answers = frame === undefined ? [failure(null, "SerializationError", "not an object")] : answersTo(frame, defect);
    const ends = defect.hangsUp === true && answers.some(({ error }) => typeof error === "string");
    yield { out: written(defect.answers?.(answers, frame) ?? answers, format, defect), ends };
  }
}

function decoded(body: Buffer, format: "json" | "msgpack"): Fields | undefined {
  try {
    const value: unknown = format === "json" ? JSON.parse(body.toString()) : unpackr.unpack(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function written(answers: readonly Fields[], format: "json" | "msgpack", defect: Defect): Buffer {
  const { pack = (answer: unknown) => packr.pack(answer) } = defect;
  const frames = answers.map((answer) => {
    const sound = format === "json" ? Buffer.from(JSON.stringify(answer)) : pack(answer);
    const body = defect.body?.(sound) ?? sound;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    const frame = Buffer.concat([length, body]);
    return defect.frame?.(frame) ?? frame;
  });
  return Buffer.concat(frames);
}

const codes: Readonly<Record<string, string>> = {
  ProtocolError: "PROTOCOL_ERROR",
  SerializationError: "SERIALIZATION_ERROR",
  AgentNotFound: "ACTOR_NOT_FOUND",
  UnknownMessageType: "UNKNOWN_MESSAGE_TYPE",
  Unhandled: "UNHANDLED",
  Timeout: "TIMEOUT",
};

function failure(id: unknown, variant: string, detail: string): Fields {
  return { request_id: id, success: false, payload: null, error: `${variant}: ${detail}`, error_code: codes[variant] };
}

function success(id: unknown, payload: unknown): Fields {
  return { request_id: id, success: true, payload, error: null };
}

const product = { name: "little", version: "1.0.0" };
const actors = [
  { name: "calculator", ern: "calculator", handles: ["AddRequest"] },
  { name: "list_service", ern: "list_service", handles: ["ListRequest"] },
];

function answersTo(frame: Fields, defect: Defect): Fields[] {
  const { request_id: given, target, message_type: type, payload, expects_stream: streams = false, expects_reply: wants } = frame;
  const id = given ?? null;
  if (target === undefined && frame["discover"] === true) {
    const capabilities = { messagepack: true, streaming: true, push: false, discovery: true, ...defect.capabilities };
    const message_types = ["AddRequest", "ListRequest"];
    return [{ request_id: id, success: true, protocol_version: 1, capabilities, product, application: product, actors, message_types, schemas: {} }];
  }
  if (target === undefined && frame["ping"] === true) return [success(id, null)];
  const refused = refusalOf(frame);
  const stream = id === null ? { stream_id: "a stream" } : { stream_id: id, request_id: id };
  if (refused !== undefined) {
    const { success: _, request_id: __, ...rest } = failure(id, ...refused);
    return [streams === true ? { ...rest, ...stream, sequence: 0, is_final: true } : failure(id, ...refused)];
  }
  const { a, b, page_size } = payload as { readonly a: number; readonly b: number; readonly page_size: number };
  if (streams !== true) return [success(id, wants === true ? { sum: a + b } : { status: "delivered" })];
  const items = type === "AddRequest" ? [{ sum: a + b }] : Array.from({ length: page_size }, (_, n) => ({ id: n, name: `item-${n}` }));
  const frames = [...items.map((item) => ({ payload: item, is_final: false })), { payload: null, is_final: true }];
  return frames.map((rest, sequence) => ({ ...stream, sequence, ...rest }));
}

function refusalOf(frame: Fields): readonly [string, string] | undefined {
  const { target, message_type: type, payload, response_timeout_ms: time, expects_reply: wants, expects_stream: streams } = frame;
  if (typeof target !== "string" || typeof type !== "string") return ["SerializationError", "target and message_type must be strings"];
  const agent = actors.find(({ name }) => name === target);
  if (agent === undefined) return ["AgentNotFound", JSON.stringify(target)];
  if (!actors.some(({ handles }) => handles.includes(type))) return ["UnknownMessageType", `${type} is not registered`];
  if (!agent.handles.includes(type)) return ["Unhandled", type];
  const fields = type === "AddRequest" ? ["a", "b"] : ["page_size"];
  const wrong = fields.find((field) => !Number.isSafeInteger((payload as Fields | null)?.[field]));
  if (wrong !== undefined) return ["SerializationError", `payload.${wrong} must be a whole number`];
  return time === 0 && (wants === true || streams === true) ? ["Timeout", "0 ms"] : undefined;
}
