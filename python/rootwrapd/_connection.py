# SPDX-License-Identifier: Apache-2.0
"""One connection, which runs one command at a time.

A command that was sent is told from one that was not: NotStarted means that the daemon has not
taken it, so it may be sent again; UnknownFate that nobody knows.
"""

from __future__ import annotations

import array
import errno
import hmac
import os
import signal
import socket
import time
import weakref
from contextlib import suppress
from typing import List, Optional, Sequence

from . import _message
from ._message import Message
from ._order import Order
from ._wait import READ, WRITE, earliest, wait_for
from .errors import Busy, ProtocolError, Refused, StartError, UnknownFate, WrongAnswer

GREET_S = 10.0
# connect(2) to a socket whose backlog is full fails at once with a timeout set.
CONNECT_AGAIN_S = 0.01
CODE_NOT_NOW = 75
IDENT_MAX = 0xFFFFFFFF

# What the daemon sends; another number breaks its rules, and ends the connection.
SIGNALS = frozenset((signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL, signal.SIGUSR1,
                     signal.SIGUSR2, signal.SIGTERM, signal.SIGCONT, signal.SIGTSTP))

_open: weakref.WeakSet[Connection] = weakref.WeakSet()


class NotStarted(Exception):
    """The daemon has not taken the command: it has gone, or stops."""

    def __init__(self, reason: str, is_stopping: bool = False) -> None:
        super().__init__(reason)
        self.is_stopping = is_stopping


class TurnedAway(ProtocolError):
    """The daemon said ERROR: a message breaks its rules. What did was not taken."""


class Connection:
    """Connected, and known to be the daemon's."""

    def __init__(self, path: str, key: Optional[bytes]) -> None:
        self.path = path
        self.deadline: Optional[float] = None  # of the command's end, if it has a timeout
        self._ident = 0
        self._is_unanswered = False  # START was sent, and is the last that was
        self._is_started = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        _open.add(self)
        try:
            deadline = time.monotonic() + GREET_S
            self._connect(deadline)
            self._greet(key, deadline)
        except BaseException:
            self._socket.close()
            raise

    def _connect(self, deadline: float) -> None:
        self._socket.settimeout(GREET_S)
        while True:
            try:
                self._socket.connect(self.path)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise StartError(f"{self.path}: {error.strerror}") from error
                time.sleep(CONNECT_AGAIN_S)
            except OSError as error:
                raise StartError(f"{self.path}: {error.strerror}") from error
        self._socket.settimeout(None)

    def _greet(self, key: Optional[bytes], deadline: float) -> None:
        """Both sides prove themselves."""
        nonce = os.urandom(_message.NONCE_BYTES)
        try:
            self._send(_message.encode(_message.HELLO, 0, {
                _message.TAG_VERSION: _message.u32(_message.PROTOCOL_VERSION),
                _message.TAG_NONCE: nonce,
            }))
            welcome = self.receive(deadline)
            if welcome is None:
                raise ProtocolError(f"{self.path}: no answer")
            if welcome.kind != _message.WELCOME:
                raise ProtocolError(f"{self.path}: no welcome")
            theirs = welcome.fields[_message.TAG_NONCE]
            if key is not None:
                proof = welcome.fields.get(_message.TAG_PROOF, b"")
                if not hmac.compare_digest(proof, _message.proof(key, "daemon", nonce, theirs)):
                    raise ProtocolError(f"{self.path}: somebody else than the daemon listens")
                self._send(_message.encode(_message.PROVE, 0, {
                    _message.TAG_PROOF: _message.proof(key, "client", nonce, theirs)}))
            elif _message.TAG_PROOF in welcome.fields:
                raise ProtocolError(f"{self.path}: this daemon wants a key")
        except (NotStarted, UnknownFate, OSError) as error:
            raise StartError(f"{self.path}: {error}") from error
        self.args_max = welcome.number(_message.TAG_ARGS_MAX)

    def fileno(self) -> int:
        """For polling."""
        return self._socket.fileno()

    def close(self) -> None:
        """The daemon ends the command, if one runs, unless it may go on, and unless a child of this
        process has the descriptor too."""
        self._socket.close()

    def cut(self) -> None:
        """What close() is to the daemon, at once and for everybody; who waits for an answer wakes,
        and the descriptor stays open for him."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has come since the last command: neither a word nor the end."""
        try:
            return not wait_for(self.fileno(), READ, 0.0)
        except OSError:
            return False

    def _send(self, data: bytes, fds: Sequence[int] = (), deadline: Optional[float] = None
              ) -> None:
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        while True:
            try:
                self._socket.sendmsg([data], control, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
                return
            except BlockingIOError as error:
                if not wait_for(self.fileno(), WRITE, deadline):
                    raise Busy("the daemon takes no command") from error
            except (BrokenPipeError, ConnectionResetError) as error:
                raise NotStarted("the daemon has closed the connection") from error

    def start(self, order: Order, fds: Sequence[int]) -> None:
        """Sends a command. `fds`: stdin, stdout, stderr, each -1 for none; borrowed.

        NotStarted: it may be sent again, elsewhere. OSError: it can't be sent at all. Busy: the
        daemon does not read.
        """
        cwd = order.open_cwd()
        try:
            numbers = (*fds, cwd)
            bits = sum(1 << i for i, fd in enumerate(numbers) if fd >= 0)
            self._ident = self._ident % IDENT_MAX + 1
            self._is_started = self._is_unanswered = False
            messages = order.messages(self._ident, bits, self.args_max)
            self.deadline = order.deadline()
            for message in messages[:-1]:
                self._send(message, (), self.deadline)
            self._send(messages[-1], [fd for fd in numbers if fd >= 0], self.deadline)
            self._is_unanswered = True
        finally:
            if cwd >= 0:
                os.close(cwd)

    def signal(self, number: int) -> None:
        """Sends one of SIGNALS to the command's process group; nothing if it has ended."""
        self._is_unanswered = False
        try:
            self._send(_message.encode(_message.SIGNAL, self._ident, {
                _message.TAG_SIGNAL: _message.u32(number)}))
        except NotStarted:
            pass  # the connection's end is told by receive()

    def _end(self, is_unread: bool) -> Exception:
        """What the end of the connection means for the command.

        A socket of the AF_UNIX family is reset, instead of ended, when its peer closed it with
        something unread (unix(7), ECONNRESET). If START was the last that was sent, it is what was
        not read.
        """
        if is_unread and self._is_unanswered:
            return NotStarted("the daemon has closed the connection")
        return UnknownFate("the daemon has gone: nobody knows what became of the command")

    def receive(self, deadline: Optional[float] = None) -> Optional[Message]:
        """The next message; None when the deadline has passed before."""
        while True:
            if deadline is not None and not wait_for(self.fileno(), READ, deadline):
                return None
            try:
                data = self._socket.recv(_message.MESSAGE_BYTES_MAX)
            except ConnectionResetError as error:
                raise self._end(is_unread=True) from error
            if not data:
                raise self._end(is_unread=False)
            message = _message.decode(data)
            if message.kind == _message.ERROR:
                raise TurnedAway(message.text(_message.TAG_REASON))
            if message.kind < _message.SKIPPABLE:
                return message

    def answer(self, order: Order, deadline: Optional[float] = None) -> Optional[Message]:
        """STARTED or EXITED of the command; None when the deadline has passed before.

        NotStarted: it may be sent again, elsewhere. Refused, Busy, and a ProtocolError that is no
        UnknownFate: nothing was executed. The daemon keeps a timeout; where it does not, this end
        does: UnknownFate.
        """
        try:
            message = self.receive(earliest(deadline, self.deadline))
            if message is not None:
                self._check(message)
        except ProtocolError as error:
            if isinstance(error, TurnedAway) and self._is_unanswered:
                raise
            raise WrongAnswer(f"{error}: nobody knows what became of the command") from error
        if message is None:
            if self.deadline is not None and time.monotonic() >= self.deadline:
                raise UnknownFate("the daemon does not answer: "
                                  "nobody knows what became of the command")
            return None
        if message.kind == _message.REFUSED:
            raise refusal(order.command, message)
        self._is_started = True
        self._is_unanswered = False
        return message

    def _check(self, message: Message) -> None:
        """That it is an answer, and the one whose turn it is."""
        if message.ident != self._ident:
            raise ProtocolError("the daemon answered what was not asked")
        wanted = ((_message.EXITED,) if self._is_started
                  else (_message.STARTED, _message.REFUSED))
        if message.kind not in wanted:
            raise ProtocolError(f"the daemon answered with type {message.kind}")


def check_signal(number: int) -> None:
    """ValueError for what would end the connection, and with it the command."""
    if number not in SIGNALS:
        raise ValueError(f"the daemon sends no signal {int(number)}")


def forget_all() -> None:
    """In a child of this process: closes its copies, which would keep the parent's commands
    running after the parent's end. The parent's connections stand."""
    for connection in list(_open):
        connection.close()


def refusal(command: List[str], message: Message) -> Exception:
    """What a REFUSED means."""
    code = message.number(_message.TAG_CODE)
    error = message.number(_message.TAG_ERROR)
    reason = message.text(_message.TAG_REASON)
    if code == CODE_NOT_NOW:
        if error == errno.ESHUTDOWN:
            return NotStarted(reason, is_stopping=True)
        return Busy(reason)
    return Refused(command, code, reason, message.text(_message.TAG_FILTER), error)
