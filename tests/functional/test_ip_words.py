# SPDX-License-Identifier: Apache-2.0
"""Row D3 against the real ip: nothing that an IpFilter allows makes it run another program.

Words are drawn from ip's options, objects and commands, whole and abbreviated. What is allowed is
executed in the sandbox's own network namespace, and must leave no trace of the program that `netns
exec` and a batch file name. Some of what is refused is executed as well, to see that it would have.
"""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

from rwtest.policy import PolicyFolder
from rwtest.programs import rootwrapctl

N_CASES = 2500
SEED = 3
NAMESPACE = "rw-ip-words"
DEADLINE_S = 20

OPTIONS = (
    "-b -ba -bat -batch --batch -force -f inet -family -r -rc -rcvbuf 100 -4 -6 -0 -c -co -color"
    " -color=always -c=always -a -all -n -netns --netns -s -d -o -j -p -br -brief -- - -l -loops 3"
    " -N -e -i -h -M -B -t -ts -V"
).split()
OBJECTS = ["net", "netns", "netn", "ne", "n", "vrf", "vr", "v", "link", "", "netns "]
COMMANDS = ["e", "ex", "exe", "exec", "", "add", "exe c"]


@pytest.fixture
def traces(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A program that leaves a mark, the mark, and a batch file that names the program."""
    program, mark, batch = tmp_path / "program", tmp_path / "mark", tmp_path / "batch"
    program.write_text(f"#!/bin/sh\necho ran >{mark}\n")
    program.chmod(0o755)
    batch.write_text(f"netns exec {NAMESPACE} {program}\n")
    return program, mark, batch


def command_lines(program: Path, batch: Path) -> list[list[str]]:
    """Near misses and hits of everything that makes ip run a program."""
    rng = random.Random(SEED)
    tails = [[NAMESPACE, str(program)], [str(program)], [str(batch)], []]
    lines = []
    for _ in range(N_CASES):
        words = [rng.choice([*OPTIONS, NAMESPACE]) for _ in range(rng.randrange(4))]
        words += [str(batch)] * (rng.random() < 0.3)
        words += [rng.choice(OBJECTS)] * (rng.random() < 0.9)
        words += [rng.choice(COMMANDS)] * (rng.random() < 0.9)
        lines.append(["ip", *words, *rng.choice(tails)])
    return lines


def runs_the_program(words: list[str], mark: Path) -> bool:
    """Executes the real ip."""
    subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S,
                   check=False)
    ran = mark.exists()
    mark.unlink(missing_ok=True)
    return ran


def test_what_an_ip_filter_allows_never_runs_another_program(
    policy: PolicyFolder, traces: tuple[Path, Path, Path]
) -> None:
    program, mark, batch = traces
    config = policy.write("ip: IpFilter, ip, root")
    lines = command_lines(program, batch)
    stdin = "\n".join(map(json.dumps, lines)) + "\n"
    answers = rootwrapctl("explain", "--json", "--batch", config, stdin=stdin.encode())
    allowed = [json.loads(answer)["decision"] == "allow" for answer in answers.stdout.splitlines()]
    assert len(allowed) == N_CASES
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True, timeout=DEADLINE_S)
    try:
        ran = [line for line, yes in zip(lines, allowed, strict=True)
               if yes and runs_the_program(line, mark)]
        would_run = [line for line, yes in zip(lines, allowed, strict=True)
                     if not yes and runs_the_program(line, mark)]
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=True, timeout=DEADLINE_S)
    assert ran == []
    # The test can fail: enough of these lines do run it when nobody refuses them.
    assert len(would_run) > 20
    assert sum(allowed) > 200
