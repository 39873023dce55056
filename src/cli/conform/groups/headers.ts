// The header of acton's frames: versions and formats from frame to frame, kinds, and what ends the connection.

import type { Group, Sentence } from "../case.ts";
import { containing } from "../expectation.ts";
import { sum } from "../speaker.ts";
import { acton1, acton2, acton2Pack, actonFrame, bodyOf, kinds, type Tongue } from "../tongue.ts";

const body = bodyOf("json", { correlation_id: "1", ...sum });

const hex = (byte: number): string => byte.toString(16).padStart(2, "0");

export const headers: Group = {
  name: "acton headers",
  section: "Header",
  tongues: [acton2],
  needs: ["calculator"],
  sentences: [
    {
      says: "version and format may change from frame to frame, and each answer has those of its frame",
      needs: ["calculator", "messagepack"],
      async run(peer) {
        for (const tongue of [acton2, acton1, acton2Pack, acton2, acton2Pack, acton1] satisfies Tongue[]) {
          peer.send({ correlation_id: "1", ...sum }, { tongue });
          await peer.gets({ correlation_id: "1", success: true, payload: { sum: 8 } }, { kind: kinds.response, tongue });
          peer.send({ correlation_id: "2", ...sum, target: "nobody-here" }, { tongue });
          await peer.gets({ correlation_id: "2", success: false }, { kind: kinds.error, tongue });
          peer.send({ n: 1 }, { kind: kinds.heartbeat, tongue });
          await peer.gets({ n: 1 }, { kind: kinds.heartbeat, tongue });
        }
      },
    },
    {
      says: "a stream's frames have the format of their request, whatever else is asked meanwhile",
      needs: ["list_service", "streaming", "messagepack", "credit", "calculator"],
      async run(peer) {
        const tongue = acton2Pack;
        peer.send(
          {
            correlation_id: "s",
            target: "list_service",
            message_type: "ListRequest",
            payload: { page_size: 1 },
            expects_stream: true,
            stream_window: 0,
          },
          { tongue },
        );
        peer.ask("1");
        await peer.replies("1", { sum: 8 });
        peer.credit("s", 1);
        await peer.gets({ correlation_id: "s", sequence: 0 }, { kind: kinds.stream, tongue });
        await peer.gets({ correlation_id: "s", sequence: 1, is_final: true }, { kind: kinds.stream, tongue });
      },
    },
    ...[0x00, 0x03, 0x7b, 0xff].map((version): Sentence => ({
      says: `version ${hex(version)} in a later frame is UnsupportedProtocolVersion, and ends the connection`,
      async run(peer) {
        await peer.lives();
        peer.write(actonFrame([version, kinds.request, 1], body));
        await peer.hangsUp("UNSUPPORTED_PROTOCOL_VERSION", containing(`Unsupported protocol version 0x${hex(version)}, supported range: 0x01-0x02`));
      },
    })),
    ...[0x00, 0x0c, 0x3f, 0x7f, 0xff].map((kind): Sentence => ({
      says: `kind ${hex(kind)} is ProtocolError, and ends the connection`,
      section: "Kinds",
      async run(peer) {
        await peer.lives();
        peer.write(actonFrame([2, kind, 1], body));
        await peer.hangsUp("PROTOCOL_ERROR");
      },
    })),
    ...[kinds.push, kinds.subscribe, kinds.discover, kinds.subscribePatterns, kinds.cancel].map((kind): Sentence => ({
      says: `kind ${hex(kind)} is none of version 1, and ends the connection`,
      section: "Kinds",
      tongues: [acton1],
      async run(peer) {
        await peer.lives();
        peer.write(actonFrame([1, kind], bodyOf("json", { correlation_id: "1", message_types: [], patterns: [] })));
        await peer.hangsUp("PROTOCOL_ERROR");
      },
    })),
    ...[0x00, 0x03, 0x7b, 0xff].map((format): Sentence => ({
      says: `format ${hex(format)} is ProtocolError, and ends the connection`,
      async run(peer) {
        await peer.lives();
        peer.write(actonFrame([2, kinds.request, format], body));
        await peer.hangsUp("PROTOCOL_ERROR");
      },
    })),
    {
      says: "an empty body is SerializationError, and the connection lives",
      tongues: [acton1, acton2, acton2Pack],
      async run(peer) {
        peer.write(peer.around(""));
        await peer.refuses("unknown", "SERIALIZATION_ERROR");
        await peer.lives();
      },
    },
    {
      says: "a body in the other format than its header says is SerializationError",
      needs: ["calculator", "messagepack"],
      tongues: [acton2, acton2Pack],
      async run(peer) {
        peer.write(peer.around(bodyOf(peer.tongue.format === "json" ? "msgpack" : "json", { correlation_id: "1", ...sum })));
        await peer.refuses("unknown", "SERIALIZATION_ERROR");
        await peer.lives();
      },
    },
    {
      says: "a length counts the body only",
      tongues: [acton1, acton2, acton2Pack],
      async run(peer) {
        peer.write(...["1", "2"].map((id) => peer.frame({ ...peer.id(id), ...sum, expects_reply: false })));
        await peer.delivered("1");
        await peer.delivered("2");
      },
    },
  ],
};
