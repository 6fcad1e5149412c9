# SPDX-License-Identifier: Apache-2.0
"""Writes configurations for a test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

EXEC_DIRS = "/usr/sbin,/usr/bin,/sbin,/bin"
FILTER_FILE = "test.filters"


@dataclass(frozen=True)
class PolicyFolder:
    """A folder for one rootwrap.conf and its filters."""

    folder: Path

    @property
    def config(self) -> Path:
        """Where rootwrap.conf is."""
        return self.folder / "rootwrap.conf"

    @property
    def filters(self) -> Path:
        """The only filter directory, unless a test names others."""
        return self.folder / "rootwrap.d"

    def write_filters(self, text: str, name: str = FILTER_FILE) -> Path:
        """Writes a filter file. Return: its path."""
        self.filters.mkdir(exist_ok=True)
        path = self.filters / name
        path.write_text("[Filters]\n" + text.strip("\n") + "\n", encoding="utf-8")
        return path

    def write(self, filters: str, /, **options: str | None) -> Path:
        """Writes a whole policy; None leaves an option out. Return: the path of its config."""
        self.write_filters(filters)
        values: dict[str, str | None] = {
            "filters_path": str(self.filters),
            "exec_dirs": EXEC_DIRS,
            **options,
        }
        lines = [f"{name} = {value}\n" for name, value in values.items() if value is not None]
        self.config.write_text("[DEFAULT]\n" + "".join(lines), encoding="utf-8")
        return self.config
