# SPDX-License-Identifier: Apache-2.0
"""What every black-box test needs: the programs under test, and the way to the helpers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# the modules beside the tests, whatever import mode pytest runs in
sys.path.insert(0, str(Path(__file__).resolve().parent / "interop"))


@pytest.fixture(scope="session")
def source_dir() -> Path:
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def build_dir(source_dir: Path) -> Path:
    """Return meson's build directory: RW_BUILD, or `build` at the top of the source."""
    return Path(os.environ.get("RW_BUILD") or source_dir / "build").absolute()


@pytest.fixture(scope="session")
def rootwrapctl(build_dir: Path) -> Path:
    program = build_dir / "src" / "rootwrapctl"
    if not os.access(program, os.X_OK):
        pytest.fail(f"{program} is not there: build it, or set RW_BUILD")
    return program
