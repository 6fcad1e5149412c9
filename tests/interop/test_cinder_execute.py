# SPDX-License-Identifier: Apache-2.0
"""cinder.utils.execute of Debian's Cinder with use_rootwrap_daemon off and on: no difference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rwtest import cinder_lvm, cinder_service, openstack, programs

WORK = Path(__file__).with_name("cinder")


@pytest.fixture(scope="module")
def outcome() -> Iterator[dict[str, dict[str, Any]]]:
    """What rows.py said: off, by Debian's own cinder-rootwrap; off, by ours; on."""
    host = cinder_service.host(programs.oslo())
    attempts = Path("/tmp/rows-attempts")
    results = {}
    for name, rootwrap, use_daemon in (("oslo", programs.oslo(), False),
                                       ("off", programs.ours(), False),
                                       ("on", programs.ours(), True)):
        host.use(rootwrap)
        cinder_service.configure(use_daemon=use_daemon)
        attempts.unlink(missing_ok=True)
        results[name] = openstack.run(
            cinder_lvm.USER, WORK / "rows.py", "on" if use_daemon else "off")
    yield results
    host.close()


@pytest.fixture(scope="module")
def found(outcome: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What each row gave."""
    return {name: results["rows"] for name, results in outcome.items()}


BEYOND_THE_DAEMON = {"environment", "empty environment", "preexec", "limits"}


@pytest.mark.parametrize("mode", ["off", "on"])
def test_commands_go_the_way_that_is_asked_for(
    outcome: dict[str, dict[str, Any]], mode: str
) -> None:
    """By the daemon with the option on, what it can't express excepted."""
    ways = outcome[mode]["ways"]
    assert ways.keys() > BEYOND_THE_DAEMON
    for name, program in ways.items():
        by_daemon = mode == "on" and name not in BEYOND_THE_DAEMON
        assert program == ("rootwrap-daemon" if by_daemon else "rootwrap"), name


def names() -> list[str]:
    """Of the rows; the file is read, not imported: it changes the process that runs it."""
    text = (WORK / "rows.py").read_text("utf-8").partition("ROWS: ")[2]
    found = [line.split('"')[1] for line in text.partition("\n}\n")[0].splitlines()
             if line.startswith('    "')]
    assert len(found) > 40
    return found


def sentence(found: dict[str, Any]) -> dict[str, Any]:
    """Without the line that only our cinder-rootwrap adds to oslo's, and the path before oslo's."""
    def plain(text: Any) -> Any:
        if not isinstance(text, str):
            return [plain(item) for item in text] if isinstance(text, list) else text
        text = text.replace("/usr/bin/cinder-rootwrap: ", "cinder-rootwrap: ")
        # as it is, and as repr() has it
        return re.sub(r"cinder-rootwrap: The filter is [^\n\\]*(\n|\\+n)", "", text)

    return {name: plain(value) for name, value in found.items()}


@pytest.mark.parametrize("row", sorted({*names()} - {"timeout"}))
def test_the_option_changes_nothing_that_a_caller_sees(
    found: dict[str, dict[str, Any]], row: str
) -> None:
    assert found["on"][row] == sentence(found["off"][row])


@pytest.mark.parametrize("row", names())
def test_our_cinder_rootwrap_is_what_debian_s_is(
    found: dict[str, dict[str, Any]], row: str
) -> None:
    assert sentence(found["off"][row]) == sentence(found["oslo"][row])


def test_a_timeout_is_the_documented_exception(found: dict[str, dict[str, Any]]) -> None:
    """Without the daemon, eventlet raises a class of its own, which processutils does not know."""
    assert found["on"]["timeout"]["raised"] == found["off"]["timeout"]["raised"] == "TimeoutExpired"
    assert "reached timeout" in found["on"]["timeout"]["log"][-1]


def test_the_rows_are_what_they_say(found: dict[str, dict[str, Any]]) -> None:
    on = found["on"]
    assert on["output"]["result"] == ["out\n", "err\n"]
    assert on["exit code"]["exit_code"] == 3
    assert (on["signal"]["exit_code"], on["segmentation fault"]["exit_code"]) == (137, 139)
    assert on["segmentation fault looked for"]["result"] == ["", ""]
    assert on["refused"]["exit_code"] == 99
    assert "Unauthorized command: not-allowed x (no filter matched)" in on["refused"]["stderr"]
    assert on["attempts"]["result"] == ["third\n", ""]
    assert on["attempts with a delay"]["result"] == [4, True]
    assert any("Retrying" in line for line in on["attempts with a delay"]["log"])
    assert on["cwd"]["result"] == ["/usr\n", ""]
    assert on["environment"]["result"] == ["unset\n", ""]
    assert any("Running cmd (subprocess): sudo cinder-rootwrap" in line
               for line in on["output"]["log"])
