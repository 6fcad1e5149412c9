# SPDX-License-Identifier: Apache-2.0
"""The package as its users meet it: from a shell, and as a wheel."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGE)}


def shell(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """python3 -m rootwrapd."""
    return subprocess.run(
        [sys.executable, "-m", "rootwrapd", *words], input=stdin, capture_output=True,
        encoding="utf-8", cwd="/", env=ENVIRONMENT, timeout=30, check=False)


@pytest.mark.parametrize("words, stdin, code, out", [
    (["cat"], "in", 0, "in"),
    (["--", "sh", "-c", "echo $0; exit 7", "-x"], "", 7, "-x\n"),
    (["sh", "-c", "kill -TERM $$"], "", 143, ""),
    (["not-allowed"], "", 99, ""),
    (["/opt/no/such/program"], "", 96, ""),
])
def test_from_a_shell(service: str, words: list[str], stdin: str, code: int, out: str) -> None:
    done = shell("--socket", service, *words, stdin=stdin)
    assert (done.returncode, done.stdout) == (code, out), done.stderr
    assert (done.stderr == "") == (code not in (96, 99))


def test_from_a_shell_by_a_command(command: list[str]) -> None:
    quoted = " ".join(f"'{word}'" for word in command)
    done = shell("--daemon-command", quoted, "cat", stdin="x")
    assert (done.returncode, done.stdout) == (0, "x"), done.stderr


def test_from_a_shell_it_is_as_if_run_directly(service: str) -> None:
    """Directory, umask and nice level are the caller's."""
    def before() -> None:
        os.umask(0o077)
        os.nice(3)

    script = ["sh", "-c", "pwd; umask; nice"]
    found = [subprocess.run(
        [*words, *script], cwd="/usr/share", env=ENVIRONMENT, preexec_fn=before,
        capture_output=True, encoding="utf-8", check=True, timeout=30).stdout
        for words in ([], [sys.executable, "-m", "rootwrapd", "--socket", service])]
    assert found[0] == found[1]
    assert found[1].startswith("/usr/share\n0077\n")


def test_the_version_is_told() -> None:
    assert shell("--version").stdout == "rootwrapd 0.1.0\n"


def test_a_timeout_from_a_shell(service: str) -> None:
    assert shell("--socket", service, "--timeout", "0.2", "sleep", "30").returncode == 124


@pytest.mark.parametrize("words, code", [
    ([], 2), (["--socket", "/x"], 2), (["--nonsense"], 2), (["--socket", "/x", "true"], 125),
    (["--help"], 0), (["--version"], 0),
    *[(["--socket", "/x", "--timeout", timeout, "true"], 2) for timeout in ("0", "-1", "nan", "x")],
])
def test_a_wrong_command_line_is_told(words: list[str], code: int) -> None:
    done = shell(*words)
    assert done.returncode == code
    assert done.stdout if code == 0 else done.stderr
    assert "Traceback" not in done.stderr


def test_signals_are_passed_on(service: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "rootwrapd", "--socket", service, "sh", "-c",
         "trap 'echo got; exit 5' TERM; echo up; while :; do sleep 0.05; done"],
        stdout=subprocess.PIPE, cwd="/", env=ENVIRONMENT) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b"got\n"
        assert process.wait() == 5


def test_the_wheel_has_all_of_it_and_needs_nothing(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", tmp_path, source],
        check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == "rootwrapd-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith("rootwrapd/")}
        metadata = archive.read("rootwrapd-0.1.0.dist-info/METADATA").decode()
    tracked = {f"rootwrapd/{path.name}" for path in (PACKAGE / "rootwrapd").iterdir()
               if path.suffix in (".py", ".typed")}
    assert names == tracked
    assert "rootwrapd/py.typed" in names
    assert "Requires-Dist" not in metadata


def test_debians_package_has_all_of_it(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    done = subprocess.run(
        ["dpkg-buildpackage", "--build=binary", "--no-sign"], cwd=source, capture_output=True,
        encoding="utf-8", env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (package,) = tmp_path.glob("*.deb")
    assert package.name == "python3-rootwrapd_0.1.0_all.deb"
    depends = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True,
                             encoding="utf-8", check=True).stdout
    assert depends.strip() == "python3:any"
    root = tmp_path / "root"
    subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    installed = root / "usr/lib/python3/dist-packages"
    assert {path.name for path in (installed / "rootwrapd").iterdir()} == {
        path.name for path in (PACKAGE / "rootwrapd").iterdir() if path.name != "__pycache__"}
    done = subprocess.run(
        [sys.executable, "-c", "import rootwrapd; print(rootwrapd.__file__)"], capture_output=True,
        encoding="utf-8", cwd="/", env={"PYTHONPATH": str(installed)}, check=True)
    assert done.stdout.startswith(str(installed))


def test_the_client_needs_nothing_but_the_standard_library() -> None:
    """The hook for Cinder alone imports what Cinder brings."""
    for path in (PACKAGE / "rootwrapd").glob("*.py"):
        if path.name == "cinder.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                     else [node.module or ""] if isinstance(node, ast.ImportFrom)
                     and not node.level else [])
            assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names, path


def test_the_types_hold() -> None:
    mypy = shutil.which("mypy", path="/usr/bin")
    assert mypy, "Debian's mypy is missing: packaging/install-deps check"
    done = subprocess.run(
        [mypy, "--config-file", PACKAGE / "pyproject.toml", "--python-version", "3.9",
         "--cache-dir", "/dev/null"],
        cwd=PACKAGE, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout
