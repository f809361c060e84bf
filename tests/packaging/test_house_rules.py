"""The rules of the house that no linter knows: how files are named, how long they are, what they import."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
SAYS_NOTHING = {"base", "common", "helper", "helpers", "misc", "util", "utils"}
MADE_BY_TOOLS = {"__pycache__", "build", "dist", "htmlcov", "runs"}
# Written so that these patterns do not match their own text.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|tmp/(?:lab|dev|plan))/")
REGISTRY = re.compile(r"https?://[^\s\"')]*(?:py[p]i|python[h]osted|pytorch[.]org/whl|/simpl[e]\b)")


def sources() -> list[Path]:
    """Every module of the package, each once: the layers by their home, not by the link."""
    home = ROOT / "middleware"
    package = [path for path in (ROOT / "ding_buffer").rglob("*.py") if home not in path.resolve().parents]
    return sorted([*package, *home.rglob("*.py")])


def sources_in_c() -> list[Path]:
    return sorted((ROOT / "ding_buffer").rglob("*.[ch]"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = ("ding_buffer", *parts) if parts[0] == "middleware" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def written_by_hand(folder: Path = ROOT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        hidden = path.name.startswith(".") and path.name not in {".ci", ".gitignore"}
        if path.is_symlink() or hidden or path.name in MADE_BY_TOOLS or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from written_by_hand(path)
        elif path.suffix in {"", ".c", ".cfg", ".h", ".md", ".py", ".toml", ".txt", ".yaml", ".yml"}:
            yield path


def lines_that_match(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{shown(path)}:{number}"
        for path in written_by_hand()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def imports_of(path: Path) -> Iterator[tuple[int, str, str | None]]:
    """Yields line, module, and the name taken from it (None for a plain import) of every import in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, node.module or "", alias.name) for alias in node.names)


def test_no_file_has_more_than_400_lines() -> None:
    files = [*sources(), *sources_in_c()]
    long = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}

    assert {} == {path: lines for path, lines in long.items() if lines > MAX_LINES}


def test_every_file_name_says_what_lives_there() -> None:
    assert [] == [shown(path) for path in [*sources(), *sources_in_c()] if path.stem in SAYS_NOTHING]


def test_every_file_in_c_begins_by_saying_what_it_is() -> None:
    texts = {shown(path): path.read_text(encoding="utf-8") for path in sources_in_c()}

    assert [] == [path for path, text in texts.items() if not text.startswith("/* ")]


def test_no_file_is_named_after_a_standard_module() -> None:
    standard = set(sys.stdlib_module_names) - {"__init__", "__main__"}

    assert [] == [shown(path) for path in sources() if path.stem in standard]


def test_no_module_is_hidden_by_what_it_exports() -> None:
    hidden = [
        shown(path)
        for path in sources()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == path.stem
    ]

    # A command of the command line is found in the file of its name.
    assert [] == [path for path in hidden if not path.startswith("ding_buffer/cli/")]


def test_inside_the_package_only_leaf_modules_are_imported() -> None:
    packages = {module_name(path) for path in sources() if path.name == "__init__.py"}
    leaves = {module_name(path) for path in sources()} - packages
    through_a_front_door = [
        f"{shown(path)}:{line} {module}"
        for path in sources()
        for line, module, name in imports_of(path)
        if module in packages and f"{module}.{name}" not in leaves
    ]

    assert [] == through_a_front_door


def test_what_a_module_of_ours_is_asked_for_is_a_module_of_ours() -> None:
    ours = {module_name(path) for path in sources()}
    unknown = [
        f"{shown(path)}:{line} {module}"
        for path in sources()
        for line, module, _ in imports_of(path)
        if module.split(".")[0] in {"ding_buffer", "middleware"} and module not in ours
    ]

    assert [] == unknown


def test_every_module_has_the_test_file_of_its_name_in_the_same_place() -> None:
    without = []
    for path in sources():
        if path.name in {"__init__.py", "__main__.py"}:
            continue
        room = path.relative_to(ROOT).parent.parts
        room = room[1:] if room[0] == "ding_buffer" else room
        if not (ROOT / "tests").joinpath(*room, f"test_{path.stem.lstrip('_')}.py").is_file():
            without.append(shown(path))

    assert [] == without


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    assert [] == lines_that_match(MACHINE_PATH)


def test_no_file_names_the_address_of_a_package_index() -> None:
    assert [] == lines_that_match(REGISTRY)
