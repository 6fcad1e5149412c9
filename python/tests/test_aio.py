# SPDX-License-Identifier: Apache-2.0
"""The client for asyncio."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rootwrapd import DEVNULL, PIPE, STDOUT, Closed, Refused, TimeoutExpired, UnknownFate, aio
from rootwrapd.aio import AsyncClient
from rwtest.wait import is_alive, wait_for

Work = Callable[[AsyncClient], Awaitable[None]]


@pytest.fixture(params=["daemon", "service"])
def do(request: pytest.FixtureRequest, command: list[str]) -> Callable[[Work], None]:
    """Runs a coroutine with a client."""
    way = command if request.param == "daemon" else request.getfixturevalue("service")

    async def main(work: Work) -> None:
        async with AsyncClient(way) as client:
            assert await client.execute(["true"]) == [0, "", ""]
            before = len(os.listdir("/proc/self/fd"))
            await work(client)
            assert await client.execute(["echo", "it serves"]) == [0, "it serves\n", ""]
            assert len(os.listdir("/proc/self/fd")) <= before + 64  # connections that are kept

    return lambda work: asyncio.run(main(work), debug=False)


def sh(script: str) -> list[str]:
    """A shell's command line."""
    return ["sh", "-c", script]


def test_execute(do: Callable[[Work], None]) -> None:
    async def work(client: AsyncClient) -> None:
        assert await client.execute(sh("cat; echo err >&2; exit 3"), "in") == [3, "in", "err\n"]
        assert await client.execute(["cat"], b"\xff", binary=True) == [0, b"\xff", b""]
        assert await client.execute(["nope"]) == [99, "", ""]
        assert await client.execute([]) == [99, "", ""]
        assert await client.execute(sh("kill -9 $$")) == [-9, "", ""]
        done = await client.execute(sh("echo $FIRST; pwd"), env={"FIRST": "1", "SECOND": ""},
                                    cwd="/tmp")
        assert done[1] == "1\n/tmp\n"

    do(work)


def test_large_streams(do: Callable[[Work], None]) -> None:
    async def work(client: AsyncClient) -> None:
        data = os.urandom(1 << 20) * 30
        assert (await client.execute(["cat"], data, binary=True))[1] == data

    do(work)


def test_side_by_side(do: Callable[[Work], None]) -> None:
    async def work(client: AsyncClient) -> None:
        start = time.monotonic()
        found = await asyncio.gather(*(client.execute(sh(f"sleep 0.4; echo {number}"))
                                       for number in range(30)))
        assert [int(out) for _, out, _ in found] == list(range(30))
        assert time.monotonic() - start < 6

    do(work)


def test_a_timeout(do: Callable[[Work], None]) -> None:
    async def work(client: AsyncClient) -> None:
        with pytest.raises(TimeoutExpired) as caught:
            await client.execute(sh("echo so far; exec sleep 30"), timeout=1)
        assert caught.value.output == b"so far\n"
        start = time.monotonic()
        with pytest.raises(TimeoutExpired) as caught:
            await client.execute(sh("echo x; setsid sleep 20 &"), timeout=1)
        assert caught.value.output == b"x\n"
        assert time.monotonic() - start < 10, "a child that holds stdout is not waited for"
        assert await client.execute(["true"], timeout=20) == [0, "", ""]

    do(work)


def test_a_cancelled_call_ends_its_command(do: Callable[[Work], None], tmp_path: Path) -> None:
    async def work(client: AsyncClient) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(
                client.execute(sh(f"echo $$ >{tmp_path}/pid; exec sleep 30")), 0.5)
        assert await client.execute(["echo", "mine"]) == [0, "mine\n", ""]
        pid = int((tmp_path / "pid").read_text())
        deadline = time.monotonic() + 8
        while os.path.exists(f"/proc/{pid}"):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)

    do(work)


def test_run(do: Callable[[Work], None], tmp_path: Path) -> None:
    async def work(client: AsyncClient) -> None:
        done = await client.run(["cat"], input="x", capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "x", "")
        with open(tmp_path / "out", "wb") as sink:
            assert (await client.run(["echo", "hi"], stdout=sink)).stdout is None
        assert (tmp_path / "out").read_bytes() == b"hi\n"
        with pytest.raises(subprocess.CalledProcessError):
            await client.run(sh("exit 3"), check=True)
        with pytest.raises(Refused, match="no filter matched"):
            await client.run(["nope"])

    do(work)


def test_run_has_streams_as_subprocess_does(do: Callable[[Work], None]) -> None:
    async def work(client: AsyncClient) -> None:
        done = await client.run(sh("echo out; echo err >&2"), stdout=PIPE, stderr=STDOUT)
        assert (done.stdout, done.stderr) == (b"out\nerr\n", None)
        done = await asyncio.wait_for(client.run(["cat"], stdin=PIPE, stdout=PIPE), 20)
        assert done.stdout == b""
        with pytest.raises(ValueError, match="stdin and input"):
            await client.run(["cat"], stdin=DEVNULL, input=b"x")

    do(work)


def test_popen(do: Callable[[Work], None]) -> None:
    async def work(client: AsyncClient) -> None:
        async with await client.popen(["cat"], stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as process:
            assert process.stdin and process.stdout and not process.stderr
            for word in (b"one\n", b"two\n"):
                process.stdin.write(word)
                await process.stdin.drain()
                assert await process.stdout.readline() == word
        assert process.returncode == 0
        assert process.usage and process.usage.duration > 0

    do(work)


def test_communicate(do: Callable[[Work], None]) -> None:
    async def work(client: AsyncClient) -> None:
        process = await client.popen(sh("cat; echo err >&2; exit 3"), stdin=PIPE, stdout=PIPE,
                                     stderr=PIPE)
        assert process.poll() is None
        data = b"x" * 500_000
        assert await process.communicate(data) == (data, b"err\n")
        assert (process.poll(), process.returncode) == (3, 3)
        process.close()
        async with await client.popen(["true"], stdin=PIPE, stdout=DEVNULL) as process:
            assert await process.communicate(data) == (None, None), "nobody reads"

    do(work)


def test_a_cancellation_is_not_lost_at_the_end(
    do: Callable[[Work], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it comes while the pipes are cleared away."""
    real = aio.read_all

    async def slow(*arguments: Any) -> None:
        try:
            await real(*arguments)
        finally:
            await asyncio.sleep(20)

    async def work(client: AsyncClient) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(aio, "read_all", slow)
            task = asyncio.ensure_future(
                client.execute(sh("setsid sleep 3 & sleep 30"), timeout=0.2))
            await asyncio.sleep(1)
            assert not task.done()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    do(work)


def test_what_can_t_be_sent_leaves_no_descriptor(do: Callable[[Work], None]) -> None:
    async def work(client: AsyncClient) -> None:
        before = set(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with pytest.raises(OSError, match="too long"):
                await client.execute(["echo", *["x" * 100_000] * 80], "input")
        await asyncio.sleep(0)
        kept = set(os.listdir("/proc/self/fd")) - before
        assert not {fd for fd in kept if link_of(fd).startswith("pipe:")}

    do(work)


def link_of(fd: str) -> str:
    """What a descriptor is of; empty if it is closed meanwhile."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return ""


def test_signals_and_waiting(do: Callable[[Work], None]) -> None:
    async def work(client: AsyncClient) -> None:
        process = await client.popen(["sleep", "30"])
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), 0.2)
        assert process.returncode is None, "waiting has an end, the command goes on"
        with pytest.raises(ValueError, match="no signal"):
            process.send_signal(signal.SIGALRM)
        process.terminate()
        assert await process.wait() == -signal.SIGTERM
        process.close()
        async with await client.popen(["sleep", "30"]) as process:
            process.kill()
        assert process.returncode == -signal.SIGKILL

    do(work)


def test_giving_up(do: Callable[[Work], None]) -> None:
    async def work(client: AsyncClient) -> None:
        process = await client.popen(["sleep", "30"])
        process.close()
        with pytest.raises(Closed):
            process.poll()
        with pytest.raises(Closed):
            await process.wait()
        with pytest.raises(Closed):
            process.poll()
        with pytest.raises(Refused):
            await client.popen(["nope"])

    do(work)


def test_a_closed_process_leaves_its_descriptor_s_number_alone(do: Callable[[Work], None]) -> None:
    """The loop knows a descriptor by its number, which is another file's soon."""
    async def work(client: AsyncClient) -> None:
        process = await client.popen(["sleep", "30"])
        assert process._connection
        fd = process._connection.fileno()
        await asyncio.sleep(0.1)
        process.close()
        pipes = [os.pipe() for _ in range(3)]
        fired: list[bytes] = []
        loop = asyncio.get_running_loop()
        for reader, writer in pipes:
            loop.add_reader(reader, lambda fd=reader: fired.append(os.read(fd, 9)))
            os.write(writer, b"x")
        await asyncio.sleep(0.2)
        assert fired == [b"x"] * 3
        for pipe in pipes:
            loop.remove_reader(pipe[0])
            for end in pipe:
                os.close(end)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)
        with pytest.raises(Closed):
            await process.wait()
        assert await gone(process.pid)
        process = await client.popen(["sleep", "30"])
        process.close()  # before the loop has seen it
        assert await gone(process.pid)

    do(work)


async def gone(pid: int) -> bool:
    """Whether a process has gone within 10 s."""
    return await asyncio.to_thread(wait_for, lambda: not is_alive(pid), f"the end of {pid}")


def test_a_forgotten_client_is_closed(command: list[str]) -> None:
    async def main() -> int:
        return int((await AsyncClient(command).execute(sh("echo $PPID")))[1])

    pid = asyncio.run(main())
    gc.collect()
    wait_for(lambda: not is_alive(pid), f"the end of {pid}")


def test_a_killed_daemon(command: list[str]) -> None:
    async def main() -> None:
        async with AsyncClient(command) as client:
            pid = int((await client.execute(sh("echo $PPID")))[1])
            asyncio.get_running_loop().call_later(0.4, os.kill, pid, signal.SIGKILL)
            with pytest.raises(UnknownFate):
                await client.execute(["sleep", "30"])
            assert await client.execute(["echo", "new"]) == [0, "new\n", ""]

    asyncio.run(main())
