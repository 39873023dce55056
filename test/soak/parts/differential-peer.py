# Reads bodies with Python's own json and msgpack, and says what they are, for test/soak/f2-differential.ts.
# In: a byte J or M, four bytes of length, the body; again and again. Out: a line for each: "refused", or marks, a space and the value.
# A mark names something that acton refuses by its own rules.

import json
import struct
import sys

try:
    import msgpack
except ImportError:
    # pip brings the whole package along.
    from pip._vendor import msgpack

DEPTH_MAX = 127
sys.setrecursionlimit(20_000)


class Pairs(list):
    """A map as it is written: keys that come twice included."""


class Extension:
    pass


def refuse_constant(name):
    raise ValueError(name)


def read(kind, body):
    if kind == b"J":
        return json.loads(body.decode("utf-8", "strict"), parse_constant=refuse_constant, object_pairs_hook=Pairs)
    return msgpack.unpackb(body, raw=False, object_pairs_hook=Pairs, ext_hook=lambda code, data: Extension())


def said(value, kind, depth, marks):
    if value is None:
        return "n"
    if value is True or value is False:
        return "t" if value else "f"
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            marks.add("big")
        return f"i{value}"
    if isinstance(value, float):
        if value != value:
            return "N"
        if value in (float("inf"), float("-inf")):
            if kind == b"J":
                marks.add("overflow")
            return "I" if value > 0 else "-I"
        return f"i{int(value)}" if value == int(value) else "d" + struct.pack(">d", value).hex()
    if isinstance(value, str):
        return "s" + value.encode("utf-16-be", "surrogatepass").hex()
    if isinstance(value, bytes):
        return "b" + value.hex()
    if depth >= DEPTH_MAX and isinstance(value, list):
        marks.add("deep")
    if isinstance(value, Pairs):
        fields = {}
        for key, held in value:
            if not isinstance(key, str):
                marks.add("otherKey")
            fields[said(key, kind, depth + 1, marks)[1:]] = said(held, kind, depth + 1, marks)
        return "{" + ",".join(f"{key}:{fields[key]}" for key in sorted(fields)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(said(item, kind, depth + 1, marks) for item in value) + "]"
    marks.add("extension")
    return "x"


def main():
    taken = sys.stdin.buffer
    while head := taken.read(5):
        body = taken.read(struct.unpack(">I", head[1:])[0])
        try:
            marks = set()
            value = said(read(head[:1], body), head[:1], 0, marks)
            print(",".join(sorted(marks)), value)
        except Exception:
            print("refused")


if sys.argv[1:] == ["--version"]:
    print(f"Python {sys.version.split()[0]}, {msgpack.__name__.replace('pip._vendor.', 'pip’s ')} {'.'.join(map(str, msgpack.version))}")
else:
    main()
