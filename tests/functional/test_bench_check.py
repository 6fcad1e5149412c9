# SPDX-License-Identifier: Apache-2.0
"""The script that asserts the benchmarks' figures sees a regression, and no noise."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
KEY, OTHER = "native-true/direct", "daemon-parallel/direct"


@pytest.fixture(name="check", scope="module")
def load_check() -> ModuleType:
    """bench/check.py, which is a program."""
    sys.path.insert(0, str(BENCH))
    try:
        spec = importlib.util.spec_from_file_location("bench_check", BENCH / "check.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCH))
    return module


def write(folder: Path, **medians: float) -> None:
    """What a run leaves, with these figures (a dash for the slash)."""
    figures = [{"key": key.replace("__", "/").replace("_", "-"), "text": "", "unit": "×",
                "value": {"median": value, "low": value, "high": value}}
               for key, value in medians.items()]
    (folder / "some.json").write_text(json.dumps({"figures": figures}), "utf-8")


def run(check: ModuleType, *words: str) -> int:
    """Its exit status."""
    status: int = check.main(list(words))
    return status


def test_a_figure_within_its_limit_is_met(check, tmp_path, capsys):
    write(tmp_path, native_true__direct=check.THRESHOLDS[KEY].limit)
    assert run(check, str(tmp_path)) == 0
    assert f"ok      {KEY}: 1.1 ×, wanted ≤ 1.1 ×" in capsys.readouterr().out


def test_a_regression_fails(check, tmp_path, capsys):
    write(tmp_path, native_true__direct=check.THRESHOLDS[KEY].limit * 1.01)
    assert run(check, str(tmp_path)) == 1
    assert f"MISSED  {KEY}" in capsys.readouterr().out


def test_a_rate_that_falls_fails(check, tmp_path):
    threshold = check.THRESHOLDS[OTHER]
    assert threshold.is_least
    write(tmp_path, daemon_parallel__direct=threshold.limit * 0.99)
    assert run(check, str(tmp_path)) == 1


def test_on_busy_machines_noise_passes_and_a_mistake_does_not(check, tmp_path):
    threshold = check.THRESHOLDS[KEY]
    write(tmp_path, native_true__direct=threshold.limit * 1.5)
    assert run(check, "--ci", str(tmp_path)) == 0
    write(tmp_path, native_true__direct=threshold.ci * 1.01)
    assert run(check, "--ci", str(tmp_path)) == 1


def test_one_missed_among_many_fails(check, tmp_path, capsys):
    write(tmp_path, native_true__direct=1.0, daemon_parallel__direct=0.1)
    assert run(check, str(tmp_path)) == 1
    assert capsys.readouterr().out.endswith("1 met, 1 missed\n")


def test_what_was_not_measured_is_missed_if_all_is_wanted(check, tmp_path, capsys):
    write(tmp_path, native_true__direct=1.0)
    assert run(check, "--all", str(tmp_path)) == 1
    assert f"MISSED  {OTHER}: not measured" in capsys.readouterr().out


def test_what_few_runs_say_nothing_about_is_for_full_runs_alone(check, tmp_path, capsys):
    key = "neutron/gain-daemon"
    write(tmp_path, native_true__direct=1.0, neutron__gain_daemon=-1.0)
    assert run(check, "--ci", str(tmp_path)) == 0
    assert run(check, str(tmp_path)) == 1
    assert f"MISSED  {key}" in capsys.readouterr().out


@pytest.mark.parametrize("folder", ["missing", "."])
def test_no_figures_are_an_error(check, tmp_path, folder):
    assert run(check, str(tmp_path / folder)) == 2


def test_figures_without_a_threshold_alone_prove_nothing(check, tmp_path, capsys):
    write(tmp_path, unknown=1.0)
    assert run(check, str(tmp_path)) == 2
    assert "no figure with a threshold" in capsys.readouterr().err


def test_a_broken_file_is_an_error(check, tmp_path):
    (tmp_path / "some.json").write_text("{}", "utf-8")
    with pytest.raises(KeyError):
        run(check, str(tmp_path))


def test_limits_for_busy_machines_are_wider(check):
    assert check.THRESHOLDS
    for key, threshold in check.THRESHOLDS.items():
        if not threshold.is_asserted(ci=True):
            assert threshold.is_asserted(ci=False), key
        elif threshold.is_least:
            assert threshold.ci < threshold.limit, key
        else:
            assert threshold.ci > threshold.limit, key
