# SPDX-License-Identifier: Apache-2.0
"""The laboratory of the comparison with oslo.rootwrap: seed, files, processes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from generate import Generator
from oracle import Policy
from tree import Tree

_SUMMARIES: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """oslo.rootwrap's own tests mostly sleep: they are asked last, and begin first."""
    items.sort(key=_needs_runs)


def _needs_runs(item: pytest.Item) -> bool:
    return "runs" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """oslo.rootwrap's own tests, started before any other test of this folder."""
    started = request.session.items[-1].module.Runs(tmp_path_factory.mktemp("own"))
    yield started
    started.close()


@pytest.fixture(scope="session", autouse=True)
def _begin(request: pytest.FixtureRequest) -> None:
    """Start what others wait for at the end."""
    item = request.session.items[-1]
    if _needs_runs(item):
        request.getfixturevalue("runs")


@pytest.fixture(scope="session")
def seed() -> int:
    return int(os.environ.get("RW_SEED") or secrets.randbelow(2**32))


@pytest.fixture(scope="session")
def summaries() -> list[str]:
    """Take lines that are shown at the end, whether or not a test fails."""
    return _SUMMARIES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for text in _SUMMARIES:
        terminalreporter.section("comparison with oslo.rootwrap")
        terminalreporter.write_line(text)


@pytest.fixture(scope="session")
def real_filters(source_dir: Path) -> dict[str, bytes]:
    folder = source_dir / "tests" / "data" / "filters"
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.glob("*/*.filters"))}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, source_dir: Path) -> Iterator[Tree]:
    """Build the tree, and use its PATH, for oslo and the program alike.

    For one module only: the PATH has commands that do nothing.
    """
    old_umask = os.umask(0o022)
    tree = Tree(tmp_path_factory.mktemp("lab"))
    try:
        tree.build(_commands_of(source_dir / "tests" / "data" / "filters", tree.root))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", tree.path_variable)
            patch.delenv("A", raising=False)
            yield tree
    finally:
        tree.destroy()
        os.umask(old_umask)


def _commands_of(folder: Path, scratch: Path) -> list[str]:
    """Return most of the programs that the real filters name, all but every eighth."""
    conf = scratch / "real.conf"
    folders = ",".join(str(path) for path in sorted(folder.iterdir()) if path.is_dir())
    conf.write_text(f"[DEFAULT]\nfilters_path = {folders}\n")
    names = sorted({os.path.basename(f.exec_path) for f in Policy.load(str(conf)).filters})
    return [name for index, name in enumerate(names) if index % 8]


@pytest.fixture(scope="module")
def generator(
    lab: Tree, seed: int, real_filters: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Generator:
    return Generator(seed, lab, tmp_path_factory.mktemp("configs"), real_filters)
