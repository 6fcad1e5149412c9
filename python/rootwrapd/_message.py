# SPDX-License-Identifier: Apache-2.0
"""The messages of the native protocol, as docs/protocol-native.md has them: bytes in, values out.

No sockets here. What a peer sent is taken apart by `decode` alone, which raises ProtocolError for
anything that the page does not allow.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Dict, List, Mapping

from .errors import ProtocolError

PROTOCOL_VERSION = 1
MESSAGE_BYTES_MAX = 32768
KEY_BYTES = 32
NONCE_BYTES = 32

HELLO, PROVE, ARGS, START, SIGNAL = 1, 2, 3, 4, 5
WELCOME, ERROR, STARTED, EXITED, REFUSED = 65, 66, 67, 68, 69

# Types from this number on may be skipped by who does not know them, and so may fields.
SKIPPABLE = 32768

(TAG_VERSION, TAG_NONCE, TAG_PROOF, TAG_KEY, TAG_ARGS, TAG_ENV, TAG_FDS, TAG_FLAGS, TAG_TIMEOUT,
 TAG_UMASK, TAG_NICE, TAG_LIMITS, TAG_SIGNAL, TAG_PID, TAG_STATUS, TAG_USAGE, TAG_DURATION,
 TAG_CODE, TAG_ERROR, TAG_FILTER, TAG_REASON, TAG_COMMANDS_MAX, TAG_ARGS_MAX) = range(1, 24)

# Bytes of a value; what is not here may have any number.
SIZES = {
    TAG_VERSION: 4, TAG_NONCE: NONCE_BYTES, TAG_PROOF: 32, TAG_FLAGS: 4, TAG_PID: 4, TAG_STATUS: 4,
    TAG_USAGE: 24, TAG_DURATION: 8, TAG_CODE: 4, TAG_ERROR: 4, TAG_COMMANDS_MAX: 4,
    TAG_ARGS_MAX: 4,
}
NEEDED = {
    WELCOME: (TAG_VERSION, TAG_NONCE, TAG_COMMANDS_MAX, TAG_ARGS_MAX),
    ERROR: (TAG_REASON,),
    STARTED: (TAG_PID,),
    EXITED: (TAG_STATUS, TAG_USAGE, TAG_DURATION),
    REFUSED: (TAG_CODE, TAG_ERROR, TAG_REASON),
}

GO_ON = 1  # a flag of START
TIMED_OUT = 1  # a flag of EXITED

HEADER = struct.Struct("<HHI")
FIELD = struct.Struct("<HH")


class Message:
    """One that came."""

    __slots__ = ("fields", "ident", "kind")

    def __init__(self, kind: int, ident: int, fields: Dict[int, bytes]) -> None:
        self.kind = kind
        self.ident = ident
        self.fields = fields

    def number(self, tag: int) -> int:
        """The value of a field that is a number; 0 if it is not there."""
        return int.from_bytes(self.fields.get(tag, b""), "little")

    def text(self, tag: int) -> str:
        """The value of a field that is text; empty if it is not there."""
        return self.fields.get(tag, b"").decode("utf-8", "replace")


def encode(kind: int, ident: int, fields: Mapping[int, bytes]) -> bytes:
    """One message as it travels."""
    parts: List[bytes] = [HEADER.pack(kind, 0, ident)]
    for tag in sorted(fields):
        value = fields[tag]
        parts += (FIELD.pack(tag, len(value)), value)
    return b"".join(parts)


def decode(data: bytes) -> Message:
    """Takes a message apart."""
    if len(data) < HEADER.size:
        raise ProtocolError("the daemon sent less than a message")
    kind, zero, ident = HEADER.unpack_from(data)
    if zero:
        raise ProtocolError("the daemon sent what is no message")
    fields: Dict[int, bytes] = {}
    at, last = HEADER.size, 0
    while at < len(data):
        if at + FIELD.size > len(data):
            raise ProtocolError("the daemon sent half a field")
        tag, size = FIELD.unpack_from(data, at)
        at += FIELD.size
        if tag <= last or at + size > len(data) or SIZES.get(tag, size) != size:
            raise ProtocolError("the daemon sent a field that is wrong")
        fields[tag] = data[at:at + size]
        at, last = at + size, tag
    if any(tag not in fields for tag in NEEDED.get(kind, ())):
        raise ProtocolError("the daemon sent a message that lacks a field")
    return Message(kind, ident, fields)


def u32(value: int) -> bytes:
    """A number of 4 bytes."""
    return value.to_bytes(4, "little")


def proof(key: bytes, who: str, of_client: bytes, of_daemon: bytes) -> bytes:
    """That somebody knows the key; `who` is "client" or "daemon"."""
    label = f"rootwrap native {who}".encode("ascii")
    return hmac.new(key, label + of_client + of_daemon, hashlib.sha256).digest()
