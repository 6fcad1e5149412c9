# SPDX-License-Identifier: Apache-2.0
"""Many filters: what it costs to load them, and to decide among them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rwbench.figures import (
    MICROSECONDS,
    MILLISECONDS,
    Figure,
    Result,
    Samples,
    Spread,
    difference,
    ratio,
)
from rwbench.plan import Plan, Progress, Subject, policy_timer, run_timer, time_commands
from rwtest import programs

SIZES = (10, 100, 1000, 10000)
FEW, MANY = SIZES[0], SIZES[-1]
FOLDER = Path("/etc/rootwrap-bench")
FILTERS_A_FILE = 100
EXEC_DIR = FOLDER / "bin"
N_ASKED = 6  # so many commands that are spread over the filters take turns in a measurement

# In the proportions of real files: most filters only name a command.
PLAIN = "{name}: CommandFilter, {name}, root"
EXPRESSION = r"{name}: RegExpFilter, {name}, root, {name}, --size, \d+[kMG]"
PATH = "{name}: PathFilter, {name}, root, -o, /var/lib/{name}"
ENVIRONMENT = "{name}: EnvFilter, env, root, LC_ALL=, {name}"
CYCLE = (PLAIN, PLAIN, PLAIN, EXPRESSION, PLAIN, PATH, PLAIN, ENVIRONMENT, PLAIN, EXPRESSION)

MODES = {"default": "", "oslo_compat": "oslo_compat = true\n"}


@dataclass(frozen=True)
class Case:
    """A kind of command to decide on."""

    name: str
    template: str | None  # of the filters that it is about
    arguments: tuple[str, ...]
    verdict: str


CASES = (
    Case("allowed by name", PLAIN, ("-v", "volume"), "allow"),
    Case("allowed by expression", EXPRESSION, ("--size", "10G"), "allow"),
    Case("refused, wrong argument", EXPRESSION, ("--size", "10X"), "unauthorized"),
    Case("refused, unknown command", None, ("-v", "volume"), "unauthorized"),
)


def name_of(number: int) -> str:
    """The command that a filter is about."""
    return f"tool{number:05}"


def config_of(size: int, mode: str) -> Path:
    """Of so many filters."""
    return FOLDER / f"{size}-{mode}.conf"


def numbers_of(size: int, template: str) -> list[int]:
    """Filters made from a template, spread over all there are."""
    numbers = [number for number in range(size) if CYCLE[number % len(CYCLE)] == template]
    count = min(N_ASKED, len(numbers))
    return [numbers[i * len(numbers) // count] for i in range(count)]


def write_policy(size: int) -> None:
    """So many filters, and a configuration for each mode."""
    folder = FOLDER / f"{size}.d"
    folder.mkdir()
    for start in range(0, size, FILTERS_A_FILE):
        lines = [CYCLE[number % len(CYCLE)].format(name=name_of(number))
                 for number in range(start, min(start + FILTERS_A_FILE, size))]
        path = folder / f"{start // FILTERS_A_FILE:03}.filters"
        path.write_text("[Filters]\n" + "\n".join(lines) + "\n", encoding="ascii")
    for mode, option in MODES.items():
        config_of(size, mode).write_text(
            f"[DEFAULT]\nfilters_path = {folder}\nexec_dirs = {EXEC_DIR}\n{option}",
            encoding="ascii")
    for template in (PLAIN, EXPRESSION):
        for number in numbers_of(size, template):
            program = EXEC_DIR / name_of(number)
            if not program.exists():
                program.symlink_to("/usr/bin/true")


def prepare() -> None:
    """All policies, once."""
    if FOLDER.exists():
        return
    EXEC_DIR.mkdir(parents=True)
    for size in SIZES:
        write_policy(size)


def time_loading(plan: Plan) -> list[Samples]:
    """Configuration and filter files, from the page cache, in a fresh process. Return: ms"""
    words = [policy_timer(), "load", str(plan.pick(10, 5)),
             *(config_of(size, "default") for size in SIZES)]
    samples = [Samples(f"{size} filters") for size in SIZES]
    progress = Progress("load")
    for block in range(plan.n_blocks):
        for of_size, ns in zip(samples, run_timer(words)["ns"], strict=True):
            of_size.blocks.append([value / 1e6 for value in ns])
        progress.show(block + 1, plan.n_blocks)
    return samples


def time_one_shot(plan: Plan) -> list[Samples]:
    """The whole program, with few filters and with many. Return: ms"""
    ours, command = str(programs.ours().program), name_of(numbers_of(FEW, PLAIN)[0])
    samples = time_commands(
        Progress("load, whole program"),
        [Subject(f"rootwrap CONFIG true, {size} filters",
                 [ours, str(config_of(size, "default")), command]) for size in (FEW, MANY)],
        plan, n_rounds=plan.pick(10, 5))
    for of_size in samples:
        of_size.blocks = [[value / 1e3 for value in block] for block in of_size.blocks]
    return samples


def load(plan: Plan) -> Result:
    """The libraries alone, and the program."""
    prepare()
    samples = time_loading(plan)
    few, many = time_one_shot(plan)
    figures = [Figure(f"load/{size}", f"loading {size:,} filters", of_size.spread, MILLISECONDS)
               for size, of_size in zip(SIZES, samples, strict=True)]
    figures.append(Figure(
        "load/program", f"what `rootwrap` takes longer with {MANY:,} filters than with {FEW}",
        difference(many, few), MILLISECONDS))
    return Result(figures, [*samples, few, many], "ms",
                  f"Files of {FILTERS_A_FILE} filters, read from the page cache.")


def ask(case: Case, size: int, mode: str, n_rounds: int) -> list[float]:
    """Decides in a process of its own. Return: microseconds a decision, in each round"""
    if case.template:
        names = [name_of(number) for number in numbers_of(size, case.template)]
    else:
        names = [f"absent{number}" for number in range(N_ASKED)]
    words: list[str | Path] = [policy_timer(), "decide", str(n_rounds), config_of(size, mode)]
    for name in names:
        words += ["--", name, *case.arguments]
    found = run_timer(list(words))
    if set(found["verdicts"]) != {case.verdict}:
        raise RuntimeError(f"{case.name}, {size} filters: {found['verdicts']}")
    return [ns / 1000 for ns in found["ns"][0]]


def decide(plan: Plan) -> Result:
    """Among many as among few?"""
    prepare()
    samples: dict[tuple[str, str, int], Samples] = {}
    n_blocks = plan.pick(20, 4)
    progress = Progress("decide")
    for block in range(n_blocks):
        for mode in MODES:
            for case in CASES:
                for size in (FEW, MANY):
                    key = (mode, case.name, size)
                    of_key = samples.setdefault(key, Samples(", ".join(map(str, key))))
                    of_key.blocks.append(ask(case, size, mode, plan.pick(500, 200)))
        progress.show(block + 1, n_blocks)
    ratios: dict[str, Spread] = {}
    for mode in MODES:
        for case in CASES:
            text = case.name if mode == "default" else f"{case.name}, {mode}"
            ratios[text] = ratio(samples[mode, case.name, MANY], samples[mode, case.name, FEW])
    worst = max(ratios, key=lambda text: ratios[text].median)
    figures = [Figure("decide/worst", f"the worst of these ({worst})", ratios[worst])]
    figures += [Figure(f"decide/{text}", text, spread) for text, spread in ratios.items()]
    figures += [Figure(f"decide/{case.name}/time", f"{case.name}: a decision among {MANY:,}",
                       samples["default", case.name, MANY].spread, MICROSECONDS)
                for case in (CASES[0], CASES[-1])]
    return Result(figures, list(samples.values()), "us",
                  f"A decision among {MANY:,} filters / the same among {FEW}, in a process that "
                  "keeps the policy.")
