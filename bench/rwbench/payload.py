# SPDX-License-Identifier: Apache-2.0
"""What goes through the daemon: how fast, and what it holds meanwhile and afterwards.

The client decodes and encodes everything in Python, and no daemon can take that from it. How long
it takes by itself is measured too: with a daemon that does nothing but send an answer that was
ready before (legacy-serve).
"""

from __future__ import annotations

import json
import mmap
import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rwbench import daemons, processes, spawning
from rwbench.figures import (
    MEGABYTES,
    MEGABYTES_A_SECOND,
    Figure,
    Result,
    Samples,
    Spread,
    ratio,
)
from rwbench.plan import Plan, Progress, built

FOLDER = Path("/tmp/bench-payload")
SETTLE_S = 0.1
N_MB, N_MB_QUICK = 100, 2
# What a transfer takes of the machine's memory at most, the client's part included.
N_TIMES_HELD = 8
# What the daemon adds to the client's own time counts as at least this share of it.
LEAST_SHARE = 0.01
PEAK, AFTER = "daemon-payload/peak", "daemon-payload/after"
LINE = "2026-11-23 04:30:00.123 12345 INFO cinder.volume.drivers.lvm [req-%08x] volume %08d ok\n"


@dataclass(frozen=True)
class Case:
    """A kind of transfer."""

    key: str
    name: str
    is_text: bool
    has_stdin: bool
    has_stdout: bool = True


CASES = (
    Case("text-out", "text from stdout", is_text=True, has_stdin=False),
    Case("binary-out", "random bytes from stdout", is_text=False, has_stdin=False),
    Case("text-in", "text to stdin", is_text=True, has_stdin=True, has_stdout=False),
    Case("binary-in", "random bytes to stdin", is_text=False, has_stdin=True, has_stdout=False),
    Case("text-both", "text to stdin and back from stdout", is_text=True, has_stdin=True),
    Case("binary-both", "random bytes to stdin and back from stdout", is_text=False,
         has_stdin=True),
)


@dataclass(frozen=True)
class Transfer:
    """A case that is ready to be measured."""

    case: Case
    command: list[str]
    stdin: str | bytes | None
    stdout: str
    n_bytes: int  # one way
    answer: Path  # what a daemon sends for it

    @property
    def held_mb(self) -> float:
        """What a daemon has to hold at some time: it starts a command when all its stdin is there,
        and answers when all its stdout is."""
        return self.n_bytes * (self.case.has_stdin + self.case.has_stdout) / 1e6


def make_payload(is_text: bool, n_bytes: int) -> bytes:
    """Lines of a log, or random bytes; the same in every run."""
    source = random.Random(1)
    if not is_text:
        return source.randbytes(n_bytes)
    lines = "".join(LINE % (source.getrandbits(32), number) for number in range(10000))
    return (lines.encode("ascii") * (n_bytes // len(lines) + 1))[:n_bytes]


def find_memory(n_bytes: int) -> None:
    """Has the kernel find so much free memory, and gives it back.

    Where the machine is a virtual one that gives free memory back to its host, the first one to
    use it waits for the host, page by page, which takes more time than all that is measured here.
    So nobody is the first one.
    """
    child = os.fork()
    if not child:
        try:
            memory = mmap.mmap(-1, n_bytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            with suppress(OSError):  # a kernel without huge pages
                memory.madvise(mmap.MADV_HUGEPAGE)
            for start in range(0, n_bytes, mmap.PAGESIZE):
                memory[start] = 1
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError(f"{n_bytes} bytes of memory could not be found")


@contextmanager
def prepared(case: Case, n_bytes: int) -> Iterator[Transfer]:
    """Files in memory, for the time of it."""
    FOLDER.mkdir(exist_ok=True)
    file, answer = FOLDER / "payload", FOLDER / "answer"
    payload = make_payload(case.is_text, n_bytes)
    text = os.fsdecode(payload)
    file.write_bytes(payload)
    stdout = text if case.has_stdout else f"{n_bytes}\n"
    answer.write_text(json.dumps(["#RETURN", [0, stdout, ""]]), encoding="ascii")
    # As Python has it: text is str, the rest is bytes, which the client sends as base64.
    stdin = None if not case.has_stdin else text if case.is_text else payload
    command = ["cat", str(file)] if not case.has_stdin else ["cat"] if case.has_stdout else [
        "wc", "-c"]
    try:
        yield Transfer(case, command, stdin, stdout, n_bytes, answer)
    finally:
        file.unlink()
        answer.unlink()


@dataclass
class Subject:
    """A daemon with its client, in one case."""

    client: daemons.Client
    processes: list[int]
    idle_mb: float  # before the first transfer
    speed: Samples  # MB/s
    seconds: Samples
    peak: Samples  # MB, while it ran
    after: Samples  # MB more than idle

    @classmethod
    def of(cls, name: str, client: daemons.Client) -> Subject:
        """Nothing measured yet. Starts the daemon."""
        daemons.execute(client, ["true"])
        time.sleep(SETTLE_S)
        members = processes.family(client._process.pid)
        return cls(client, members, processes.total(processes.pss_mb, members), *(Samples(f"{name}, {what}") for what in (
            "MB/s", "s", "peak, MB", "afterwards more than idle, MB")))

    def measure(self, transfer: Transfer) -> None:
        """Once."""
        find_memory(N_TIMES_HELD * transfer.n_bytes)
        for pid in self.processes:
            processes.forget_peak(pid)
        start = time.perf_counter()
        out = daemons.execute(self.client, transfer.command, transfer.stdin)
        elapsed = time.perf_counter() - start
        if out != transfer.stdout:
            raise RuntimeError(f"{self.speed.name}: {transfer.case.name}: another stdout")
        self.speed.blocks.append([transfer.n_bytes / 1e6 / elapsed])
        self.seconds.blocks.append([elapsed])
        self.peak.blocks.append([processes.total(processes.peak_mb, self.processes)])
        time.sleep(SETTLE_S)
        self.after.blocks.append(
            [processes.total(processes.pss_mb, self.processes) - self.idle_mb])


@dataclass
class Measured:
    """All of one case."""

    transfer: Transfer
    ours: Subject
    oslo: Subject
    client: Subject

    @property
    def gain(self) -> Spread:
        """How many times faster ours is in what it adds to the client's own time."""
        return ratio(self._added(self.oslo), self._added(self.ours))

    @property
    def peak_beyond(self) -> Spread:
        """What our daemon held that it did not have to."""
        peak, held_mb = self.ours.peak.spread, self.transfer.held_mb
        return Spread(peak.median - held_mb, peak.low - held_mb, peak.high - held_mb)

    def _added(self, daemon: Subject) -> Samples:
        """Seconds."""
        pairs = zip(daemon.seconds.values, self.client.seconds.values, strict=True)
        return Samples(daemon.seconds.name, [
            [max(whole - own, own * LEAST_SHARE)] for whole, own in pairs])

    def figures(self) -> list[Figure]:
        """Of this case."""
        key, name = f"daemon-payload/{self.transfer.case.key}", self.transfer.case.name
        ours, oslo, client = self.ours, self.oslo, self.client
        return [
            Figure(f"{key}/gain", f"{name}: what oslo's daemon adds to the client's time / what "
                   "ours adds", self.gain),
            Figure(f"{key}/client", f"{name}: time with our daemon / the client's alone",
                   ratio(ours.seconds, client.seconds)),
            Figure(f"{key}/ours", f"{name}: with our daemon", ours.speed.spread,
                   MEGABYTES_A_SECOND),
            Figure(f"{key}/oslo", f"{name}: with oslo's daemon", oslo.speed.spread,
                   MEGABYTES_A_SECOND),
            Figure(f"{key}/alone", f"{name}: the client alone", client.speed.spread,
                   MEGABYTES_A_SECOND),
            Figure(f"{key}/peak", f"{name}: our daemon's peak", ours.peak.spread, MEGABYTES),
            Figure(f"{key}/peak-oslo", f"{name}: oslo's daemon's peak", oslo.peak.spread,
                   MEGABYTES),
        ]

    def samples(self) -> list[Samples]:
        """Of this case."""
        return [Samples(f"{self.transfer.case.name}: {found.name}", found.blocks)
                for subject in (self.ours, self.oslo, self.client)
                for found in (subject.speed, subject.seconds, subject.peak, subject.after)]


def measure(case: Case, ours: list[str], oslo: list[str], plan: Plan) -> Result:
    """One case, in a process of its own."""
    n_rounds = plan.pick(5, 2)
    progress = Progress(f"daemon-payload, {case.name}")
    with ExitStack() as stack:
        transfer = stack.enter_context(prepared(case, plan.pick(N_MB, N_MB_QUICK) * 1_000_000))
        alone = [str(built("legacy-serve")), str(transfer.answer)]
        measured = Measured(transfer, *(
            Subject.of(name, stack.enter_context(daemons.client_of(words)))
            for name, words in (("rootwrap-daemon", ours), ("oslo-rootwrap-daemon", oslo),
                                ("client alone", alone))))
        subjects = (measured.client, measured.ours, measured.oslo)
        for done in range(n_rounds):
            for subject in subjects if done % 2 else reversed(subjects):
                subject.measure(transfer)
            progress.show(done + 1, n_rounds)
    # For the worst of all cases, which is found later.
    beyond = [Figure(PEAK, case.name, measured.peak_beyond, MEGABYTES),
              Figure(AFTER, case.name, measured.ours.after.spread, MEGABYTES)]
    return Result(measured.figures() + beyond, measured.samples(), "as named")


def worst(key: str, text: str, figures: list[Figure]) -> Figure:
    """Of the figures with this key."""
    found = max((figure for figure in figures if figure.key == key),
                key=lambda figure: figure.value.median)
    return Figure(key, f"{text} ({found.text})", found.value, found.unit)


def payload(plan: Plan) -> Result:
    """All cases."""
    spawning.prepare()
    ours, oslo = daemons.ours(), daemons.oslo()
    cases = CASES[:2] if plan.is_quick else CASES
    results = [daemons.in_child(measure, case, ours, oslo, plan) for case in cases]
    figures = [figure for result in results for figure in result.figures]
    return Result(
        [
            worst(PEAK, "the worst peak of our daemon beyond what it has to hold", figures),
            worst(AFTER, "the most that our daemon kept afterwards", figures),
            *(figure for figure in figures if figure.key not in (PEAK, AFTER)),
        ],
        [samples for result in results for samples in result.samples], "as named",
        f"{plan.pick(N_MB, N_MB_QUICK)} MB each way, through `oslo_rootwrap.client.Client`, "
        "unmodified. "
        "*The client alone*: a daemon that does nothing sends it the same answer, which was ready "
        "before. So that nobody waits for memory that a virtual machine has given back to its host, "
        "it is found before each transfer. A peak is the sum of the resident sizes of a daemon's "
        "processes (VmHWM); what it has to hold is stdout, and stdin where there is one, once.")
