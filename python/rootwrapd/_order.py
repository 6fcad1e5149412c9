# SPDX-License-Identifier: Apache-2.0
"""What a caller wants, checked before anything is sent, as the fields of messages."""

from __future__ import annotations

import errno
import math
import os
import struct
import time
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

from . import _message
from ._message import ARGS, MESSAGE_BYTES_MAX, START, encode
from ._wait import TIMEOUT_NONE_S

Word = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Limits = Mapping[int, Tuple[int, int]]

HEAD_BYTES = _message.HEADER.size + _message.FIELD.size
LIMIT = struct.Struct("<IQQ")
LIMIT_NONE = (1 << 64) - 1
LIMITS_MAX = 16
UMASK_MAX = 0o777
NICE_MIN, NICE_MAX = -20, 19
# The daemon's, between SIGTERM and SIGKILL.
GRACE_S = 5.0
# How much later than the daemon's own end of a timeout its answer may come: it may be busy.
MARGIN_S = 10.0


def encode_text(text: str) -> bytes:
    """UTF-8, whatever the locale is; surrogates as the bytes that they stand for."""
    return text.encode("utf-8", "surrogateescape")


def encode_word(word: Word) -> bytes:
    """Text as above, a path as the file system has it."""
    return encode_text(word) if isinstance(word, str) else os.fsencode(word)


def encode_words(words: Sequence[Word]) -> bytes:
    """Strings, each ended by a NUL byte; a NUL within one is an error."""
    parts = []
    for word in words:
        part = encode_word(word)
        if b"\0" in part:
            raise ValueError("embedded null byte")
        parts.append(part + b"\0")
    return b"".join(parts)


def encode_environment(env: Mapping[str, str]) -> bytes:
    """NAME=VALUE, each ended by a NUL byte."""
    for name in env:
        if not name or "=" in name:
            raise ValueError(f"illegal environment variable name: {name!r}")
    return encode_words([f"{name}={value}" for name, value in env.items()])


def encode_limit(resource: int, soft: int, hard: int) -> bytes:
    """One record; -1, resource.RLIM_INFINITY, is none."""
    try:
        return LIMIT.pack(
            resource, *(LIMIT_NONE if value == -1 else value for value in (soft, hard)))
    except struct.error as error:
        raise ValueError(f"no limit: {resource}: {soft}, {hard}") from error


def usable_timeout(timeout: Optional[float]) -> Optional[float]:
    """One of the command itself; None for those that nobody lives to see."""
    if timeout is None or timeout >= TIMEOUT_NONE_S:
        return None
    if not timeout > 0:  # NaN neither
        raise ValueError("the timeout must be more than 0")
    return timeout


class Order:
    """A command and how it is to be run."""

    def __init__(
        self,
        cmd: Sequence[Word],
        *,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[Word] = None,
        timeout: Optional[float] = None,
        go_on: bool = False,
        umask: Optional[int] = None,
        nice: Optional[int] = None,
        limits: Optional[Limits] = None,
    ) -> None:
        if isinstance(cmd, (str, bytes)):
            raise TypeError("the command must be a list of words")
        self.command = [encode_word(word).decode("utf-8", "surrogateescape") for word in cmd]
        self.args = encode_words(cmd)
        self.cwd = cwd
        self.timeout = timeout = usable_timeout(timeout)
        self.fields: Dict[int, bytes] = {}
        if env:
            self.fields[_message.TAG_ENV] = encode_environment(env)
        if go_on:
            self.fields[_message.TAG_FLAGS] = _message.u32(_message.GO_ON)
        if timeout is not None:
            self.fields[_message.TAG_TIMEOUT] = math.ceil(timeout * 1000).to_bytes(8, "little")
        if umask is not None:
            if not 0 <= umask <= UMASK_MAX:
                raise ValueError(f"the umask must be from 0 to 0o777, not {umask:#o}")
            self.fields[_message.TAG_UMASK] = _message.u32(umask)
        if nice is not None:
            if not NICE_MIN <= nice <= NICE_MAX:
                raise ValueError(f"the nice level must be from {NICE_MIN} to {NICE_MAX}")
            self.fields[_message.TAG_NICE] = nice.to_bytes(4, "little", signed=True)
        if limits:
            if len(limits) > LIMITS_MAX:
                raise ValueError("too many limits")
            self.fields[_message.TAG_LIMITS] = b"".join(
                encode_limit(resource, *values) for resource, values in limits.items())

    def deadline(self) -> Optional[float]:
        """When, if it is sent now, its end must have been told: a moment of time.monotonic()."""
        if self.timeout is None:
            return None
        return time.monotonic() + self.timeout + GRACE_S + MARGIN_S

    def open_cwd(self) -> int:
        """A descriptor of the directory that the command starts in; -1: the daemon's. The caller's
        to close."""
        if self.cwd is None:
            return -1
        return os.open(self.cwd, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def messages(self, ident: int, fd_bits: int, args_max: int) -> List[bytes]:
        """All that is to be sent, the START last. OSError E2BIG: it is too long."""
        fields = dict(self.fields)
        if fd_bits:
            fields[_message.TAG_FDS] = bytes((fd_bits,))
        room = MESSAGE_BYTES_MAX - len(encode(START, ident, fields)) - _message.FIELD.size
        n_env = len(fields.get(_message.TAG_ENV, b""))
        if room < 0 or len(self.args) + n_env > args_max:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
        found = []
        rest = self.args
        while len(rest) > room:
            part, rest = (rest[:MESSAGE_BYTES_MAX - HEAD_BYTES],
                          rest[MESSAGE_BYTES_MAX - HEAD_BYTES:])
            found.append(encode(ARGS, ident, {_message.TAG_ARGS: part}))
        fields[_message.TAG_ARGS] = rest
        found.append(encode(START, ident, fields))
        return found
