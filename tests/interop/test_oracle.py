# SPDX-License-Identifier: Apache-2.0
"""The measuring instrument itself: known answers, and wrong answers that are seen."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from campaign import Comparison
from compare import Malformed, judge_compat, judge_default, parse
from generate import Deployment, Generator
from oracle import UNAUTHORIZED, Answer, ConfigError, Policy
from rows import Evaluation, Permitted
from tree import Tree

FILTERS = """
[Filters]
ls: CommandFilter, ls, root
num: RegExpFilter, cp, nobody, cp, \\d+|all
chown: PathFilter, chown, root, pass, {data}/images
tag: EnvFilter, env, root, TAG=, dd
fixed: EnvFilter, env, root, LC_ALL=C, mount
read: ReadFileFilter, /etc/x
ip: IpFilter, ip, root
ns: IpNetnsExecFilter, ip, root
nice: ChainingRegExpFilter, nice, root, nice, -n\\d
svc: KillFilter, root, {procs}/svc, -9
gone: KillFilter, root, {procs}/d4
missing: CommandFilter, absent, root
never: ChainingFilter, sleep, root
"""

ALLOW, REFUSE, MISSING = "allow", "unauthorized", "not_executable"

# words; decision, filter, argv (B1, B2: the first two exec_dirs) and environment of oslo;
# the row that stands in the way by default
KNOWN: list[tuple[str, str, str | None, str | None, dict[str, str], str | None]] = [
    ("ls -l", ALLOW, "ls", "B1/ls -l", {}, None),
    ("/bin/ls -l", REFUSE, None, None, {}, None),
    ("absent", MISSING, "missing", None, {}, None),
    ("cp 12", ALLOW, "num", "B2/cp 12", {}, None),
    ("cp 12zzz", ALLOW, "num", "B2/cp 12zzz", {}, "D6"),
    ("cp x", REFUSE, None, None, {}, None),
    ("chown x DATA/images/in/b.img", ALLOW, "chown", "B2/chown x DATA/images/sub/b.img", {}, None),
    ("chown x DATA/images/out/key", REFUSE, None, None, {}, None),
    ("chown x DATA/images-old/x", ALLOW, "chown", "B2/chown x DATA/images-old/x", {}, "D2"),
    ("env TAG=1 dd x", ALLOW, "tag", "B2/dd x", {"TAG": "1"}, None),
    ("TAG=1 dd x", ALLOW, "tag", "B2/dd x", {"TAG": "1"}, None),
    ("env OTHER=1 dd x", REFUSE, None, None, {}, None),
    ("env LC_ALL=C mount", ALLOW, "fixed", "B2/mount", {"LC_ALL": "C"}, None),
    ("env LC_ALL=D mount", ALLOW, "fixed", "B2/mount", {"LC_ALL": "D"}, "D17"),
    ("env cat /etc/x", ALLOW, "read", "/bin/cat /etc/x", {}, "D17"),
    ("cat /etc/x", ALLOW, "read", "/bin/cat /etc/x", {}, None),
    ("ip link", ALLOW, "ip", "B2/ip link", {}, None),
    ("ip -b file", ALLOW, "ip", "B2/ip -b file", {}, "D3"),
    ("ip vrf exec red ls", ALLOW, "ip", "B2/ip vrf exec red ls", {}, "D3"),
    ("ip netns exec n B1/ls", ALLOW, "ns", "B2/ip netns exec n B1/ls", {}, None),
    ("ip netns exec n /tmp/ls", ALLOW, "ns", "B2/ip netns exec n /tmp/ls", {}, "D1"),
    ("ip netns exec n cp 12", REFUSE, None, None, {}, None),
    ("ip netns exec n absent", REFUSE, None, None, {}, None),
    ("nice -n5 ip link", ALLOW, "nice", "B1/nice -n5 ip link", {}, "D1"),
    ("nice -n5", REFUSE, None, None, {}, None),
    ("sleep 1", REFUSE, None, None, {}, None),
    ("kill -9 PLAIN", ALLOW, "svc", "/bin/kill -9 PLAIN", {}, None),
    ("kill -9 +PLAIN", ALLOW, "svc", "/bin/kill -9 +PLAIN", {}, "D18"),
    ("kill -15 PLAIN", REFUSE, None, None, {}, None),
    ("kill PLAIN", REFUSE, None, None, {}, None),
    ("kill NOWHERE", REFUSE, None, None, {}, None),
    ("privsep-helper --config-file /tmp", ALLOW, "privsep-helper", "B1/x", {}, "D0"),
    ("", REFUSE, None, None, {}, None),
    ("env", REFUSE, None, None, {}, None),
]


@pytest.fixture(scope="module")
def conf(lab: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("known")
    (folder / "filters.d").mkdir()
    (folder / "filters.d" / "x.filters").write_text(
        FILTERS.format(data=lab.data, procs=lab.procs)
    )
    path = folder / "rootwrap.conf"
    path.write_text(
        f"[DEFAULT]\nfilters_path = {folder}/filters.d\nexec_dirs = {','.join(lab.bins[:2])}\n"
    )
    return path


def expand(text: str, lab: Tree) -> list[str]:
    pids = {p.note: str(p.pid) for p in lab.processes}
    for word, value in (
        ("B1", lab.bins[0]),
        ("B2", lab.bins[1]),
        ("DATA", lab.data),
        ("PLAIN", pids["plain"]),
        ("NOWHERE", pids["deleted, argv[0] nowhere"]),
    ):
        text = text.replace(word, value)
    return text.split()


def first_in(lab: Tree, name: str) -> str:
    return next(p for d in lab.bins if os.access(p := f"{d}/{name}", os.X_OK))


@pytest.mark.parametrize("known", KNOWN, ids=[row[0] or "no words" for row in KNOWN])
def test_the_oracle_gives_the_answer_written_by_hand(
    known: tuple[str, str, str | None, str | None, dict[str, str], str | None],
    conf: Path,
    lab: Tree,
) -> None:
    words, decision, name, argv, env, row = known
    policy = Policy.load(str(conf))
    answer = policy.decide(expand(words, lab))

    assert (answer.decision, answer.filter) == (decision, name)
    if argv is not None:
        wanted = expand(argv, lab)
        got = list(answer.argv or ())
        # which of the first two directories has a command is the tree's business
        wanted[0] = wanted[0] if wanted[0].startswith("/bin/") else first_in(lab, Path(got[0]).name)
        assert got[0] == wanted[0]
        assert got[1:] == (wanted[1:] if "B1/x" not in argv else got[1:])
    assert dict(answer.env) == env

    permitted = Evaluation(policy.fresh(), policy.exec_dirs).permitted(expand(words, lab))
    if row is None:
        assert answer.decision in {each.decision for each in permitted.answers}
        assert len(permitted.answers) == 1
    else:
        assert row in permitted.rows


@pytest.mark.parametrize(
    "text",
    [
        "x: CommandFilter, ls, root\n",
        "[Filters]\nx: CommandFilter, ls\n",
        "[Filters]\nx\n",
        "[Other]\nx: CommandFilter, ls, root\n",
        "\ufeff[Filters]\nx: CommandFilter, ls, root\n",
    ],
)
def test_the_oracle_sees_broken_filter_files(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.filters").write_text(text)
    (tmp_path / ".conf").write_text(f"[DEFAULT]\nfilters_path = {tmp_path}\n")
    with pytest.raises(ConfigError):
        Policy.load(str(tmp_path / ".conf"))


def test_the_oracle_skips_what_upstream_skips(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("[Filters]\na: os, x\nb: realpath, /\nc: Nothing\n")
    (tmp_path / ".conf").write_text(f"[DEFAULT]\nfilters_path = {tmp_path}\n")
    assert [f.name for f in Policy.load(str(tmp_path / ".conf")).filters] == ["privsep-helper"]


def test_a_decision_leaves_nothing_behind(conf: Path) -> None:
    policy = Policy.load(str(conf))
    words = ["env", "TAG=1", "dd"]
    first = policy.decide(words)
    policy.exec_dirs = []
    assert words == ["env", "TAG=1", "dd"]
    assert policy.decide(words).decision == MISSING
    assert first.decision == ALLOW


ALLOWED = Answer("allow", "ls", "CommandFilter", "root", ("/bin/ls", "-l"), (("X", "1"),))


@pytest.mark.parametrize(
    "wrong",
    [
        UNAUTHORIZED,
        Answer("not_executable", "ls", "CommandFilter", "root"),
        replace(ALLOWED, filter="ls2"),
        replace(ALLOWED, cls="RegExpFilter"),
        replace(ALLOWED, run_as="nobody"),
        replace(ALLOWED, argv=("/usr/bin/ls", "-l")),
        replace(ALLOWED, argv=("/bin/ls",)),
        replace(ALLOWED, env=()),
        replace(ALLOWED, env=(("X", "2"),)),
    ],
)
def test_a_wrong_answer_is_reported(wrong: Answer) -> None:
    assert judge_compat(["ls"], ALLOWED, ALLOWED, "") is None
    assert judge_compat(["ls"], ALLOWED, wrong, "") is not None
    assert judge_default(["ls"], ALLOWED, Permitted([ALLOWED], set()), ALLOWED, "") is None
    assert judge_default(["ls"], ALLOWED, Permitted([ALLOWED], set()), wrong, "") is not None


def test_an_answer_that_is_looser_is_called_so() -> None:
    found = judge_default(["x"], UNAUTHORIZED, Permitted([UNAUTHORIZED], set()), ALLOWED, "")
    assert found is not None
    assert "LOOSER" in str(found)


@pytest.mark.parametrize(
    "change",
    [
        {"decision": "perhaps"},
        {"exit_code": 1},
        {"decision": "unauthorized", "exit_code": 99},
        {"argv": None},
    ],
)
def test_a_malformed_answer_is_reported(change: dict[str, Any]) -> None:
    good = ALLOWED.to_json()
    assert parse(json.dumps(good)) == ALLOWED
    with pytest.raises(Malformed):
        parse(json.dumps(good | change))
    with pytest.raises(Malformed):
        parse("allow")


FAKE = """#!{python}
import json, sys
for line in sys.stdin:
    print(json.dumps({answer!r}), flush=True)
sys.exit({status})
"""


@pytest.mark.parametrize(
    ("answer", "status", "found_in"),
    [
        (ALLOWED.to_json(), 0, {"compat", "default"}),
        (UNAUTHORIZED.to_json(), 0, {"compat", "default"}),
        (UNAUTHORIZED.to_json(), 97, {"loading"}),
        ({}, 0, {"loading"}),
    ],
)
def test_a_program_that_always_says_the_same_is_caught(
    answer: dict[str, Any],
    status: int,
    found_in: set[str],
    lab: Tree,
    real_filters: dict[str, bytes],
    tmp_path: Path,
) -> None:
    program = tmp_path / "rootwrapctl"
    program.write_text(FAKE.format(python=sys.executable, answer=answer, status=status))
    program.chmod(0o755)
    generator = Generator(1, lab, tmp_path / "configs", real_filters)
    comparison = Comparison(program, 1, lab, generator)
    text = b"[Filters]\nls: CommandFilter, ls, root\n"
    conf = f"[DEFAULT]\nfilters_path = {tmp_path}/configs/0/f0.d\nexec_dirs = {lab.bins[0]}\n"
    comparison.one(Deployment(0, "by hand", conf.encode(), {"f0.d/x": text}))

    found = comparison.findings
    assert found.n_cases > 0
    kinds = {"compat": found.compat, "default": found.default, "loading": found.loading}
    assert {name for name, each in kinds.items() if each} == found_in


def test_a_deployment_is_the_same_for_the_same_seed(
    lab: Tree, real_filters: dict[str, bytes], tmp_path: Path
) -> None:
    one, two = (Generator(7, lab, tmp_path, real_filters) for _ in range(2))
    one.deployment(3)
    assert one.deployment(4) == two.deployment(4)
