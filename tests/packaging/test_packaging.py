"""The package is what the tree says, and what is built from it is the package and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

import ding_buffer

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.pyc", "*.pyd", "*.so", "*.egg-info", "build")
KERNELS = ROOT / "ding_buffer" / "kernels"


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build reads, copied, so that the build leaves nothing behind in the checkout."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("ding_buffer", "middleware"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=NOT_SOURCE)
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="session")
def c_is_wanted() -> bool:
    """Whether the C kernels ought to be in what is built here."""
    setting = os.environ.get("DING_BUFFER_BUILD_KERNELS", "")
    return setting == "1" or (not setting and any(shutil.which(name) for name in ("cc", "gcc", "clang")))


def build(kind: str, tree: Path, into: Path, **settings: str) -> Path:
    code = f"from setuptools import build_meta; build_meta.build_{kind}({str(into)!r})"
    environment = {**os.environ, **settings}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", tree, tmp_path_factory.mktemp("sdist"))


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted(archive.namelist())


def kernels_of(folder: Path) -> list[str]:
    """Which kernels the package in a folder runs, and the file they come from."""
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        "from ding_buffer import kernel_info\n"
        "print(kernel_info()['name'], kernel_info().get('file'), sep='\\n')\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "DING_BUFFER_KERNELS"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout.split("\n")[:2]


def folders_with_source() -> list[Path]:
    found = []
    for folder, _, files in os.walk(ROOT / "ding_buffer", followlinks=True):
        if any(name.endswith(".py") for name in files):
            found.append(Path(folder))
    return found


def modules_on_disk() -> list[str]:
    files = (file for folder in folders_with_source() for file in folder.glob("*.py"))
    return sorted(file.relative_to(ROOT).as_posix() for file in files)


def test_the_package_list_names_exactly_the_packages_on_disk(project: dict[str, Any]) -> None:
    on_disk = sorted(".".join(folder.relative_to(ROOT).parts) for folder in folders_with_source())

    assert on_disk == sorted(project["tool"]["setuptools"]["packages"])


def test_every_folder_with_source_is_a_package() -> None:
    assert [] == [folder.name for folder in folders_with_source() if not (folder / "__init__.py").is_file()]


def test_the_home_of_the_layers_is_the_top_level_folder_reached_by_a_relative_link() -> None:
    link = ROOT / "ding_buffer" / "middleware"

    assert link.is_symlink()
    assert Path("..", "middleware") == link.readlink()
    assert not (ROOT / "middleware").is_symlink()


def test_the_wheel_puts_nothing_beside_ding_buffer_in_site_packages(
    wheel: Path, project: dict[str, Any]
) -> None:
    metadata = f"ding_buffer-{project['project']['version']}.dist-info"

    assert {"ding_buffer", metadata} == {name.split("/")[0] for name in names_in(wheel)}


def test_the_wheel_holds_every_module_the_kernels_in_c_and_the_marker_of_types(
    wheel: Path, c_is_wanted: bool
) -> None:
    packed = [name for name in names_in(wheel) if ".dist-info/" not in name]
    built = ["ding_buffer/kernels/compiled.abi3.so"] * c_is_wanted

    assert sorted([*modules_on_disk(), *built, "ding_buffer/py.typed"]) == packed


def test_one_wheel_serves_every_python(wheel: Path) -> None:
    assert [] != re.findall(r"-cp310-abi3-\w+\.whl$|-py3-none-any\.whl$", wheel.name)


def test_the_kernels_of_an_installed_wheel_run(wheel: Path, tmp_path: Path, c_is_wanted: bool) -> None:
    if not c_is_wanted:
        pytest.skip("the C kernels are left out here")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)

    assert ["c", str(tmp_path / "ding_buffer" / "kernels" / "compiled.abi3.so")] == kernels_of(tmp_path)


@pytest.mark.parametrize(
    "without",
    [{"DING_BUFFER_BUILD_KERNELS": "0"}, {"DING_BUFFER_BUILD_KERNELS": "", "CC": "false"}],
    ids=["not wanted", "no compiler"],
)
def test_without_a_compiler_the_package_is_whole_and_runs_on_numpy(
    tree: Path, tmp_path: Path, without: dict[str, str]
) -> None:
    copy = shutil.copytree(tree, tmp_path / "tree", symlinks=True, ignore=NOT_SOURCE)
    (tmp_path / "out").mkdir()
    wheel = build("wheel", copy, tmp_path / "out", **without)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    packed = [name for name in names_in(wheel) if ".dist-info/" not in name]

    assert sorted([*modules_on_disk(), "ding_buffer/py.typed"]) == packed
    assert ["numpy", "None"] == kernels_of(tmp_path / "site")


def test_where_the_kernels_must_build_a_failing_build_is_an_error(tree: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tree, tmp_path / "tree", symlinks=True, ignore=NOT_SOURCE)

    with pytest.raises(AssertionError, match="error: Command"):
        build("wheel", copy, tmp_path, DING_BUFFER_BUILD_KERNELS="1", CC="false")


@pytest.mark.parametrize("setting", ["0", ""])
def test_the_sdist_holds_the_source_of_the_kernels_wherever_it_is_made(
    tree: Path, tmp_path: Path, setting: str
) -> None:
    copy = shutil.copytree(tree, tmp_path / "tree", symlinks=True, ignore=NOT_SOURCE)
    (tmp_path / "out").mkdir()
    with tarfile.open(build("sdist", copy, tmp_path / "out", DING_BUFFER_BUILD_KERNELS=setting)) as archive:
        packed = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    sources = {path.relative_to(ROOT).as_posix() for path in KERNELS.glob("*.[ch]")}

    assert sources | {"setup.py", "MANIFEST.in", "pyproject.toml"} <= packed
    assert [] == [name for name in packed if name.endswith((".so", ".pyd", ".o"))]


def test_the_wheel_carries_the_license_and_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (commands,) = (name for name in names if name.endswith("entry_points.txt"))
        text = archive.read(commands).decode()

    assert [True] == [name.endswith("LICENSE") for name in names if "LICENSE" in name]
    assert "ding-buffer = ding_buffer.cli.main:main" in text


def test_the_sdist_builds_the_same_wheel_without_the_link(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        assert [] == [member.name for member in archive.getmembers() if member.issym()]
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    (tmp_path / "out").mkdir()

    assert names_in(wheel) == names_in(build("wheel", source, tmp_path / "out"))


def test_the_layers_of_an_installed_wheel_are_imported_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import importlib.util, ding_buffer.middleware\n"
        "print(ding_buffer.middleware.__file__)\n"
        "print(importlib.util.find_spec('middleware'))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)

    expected = [str(tmp_path / "ding_buffer" / "middleware" / "__init__.py"), "None"]
    assert expected == done.stdout.splitlines(), done.stderr


def test_every_extra_that_users_are_told_of_exists(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]

    assert {"torch", "tree", "gymnasium", "minari", "tensorboard", "cli", "run", "test", "dev", "all"} == set(
        extras
    )


def test_the_package_knows_its_version(project: dict[str, Any]) -> None:
    assert project["project"]["version"] == ding_buffer.__version__


def test_the_changelog_has_an_entry_for_the_version(project: dict[str, Any]) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert f"## [{project['project']['version']}]" in changelog


def test_continuous_integration_calls_make_test_and_nothing_more() -> None:
    script = ROOT / ".ci" / "run"
    commands = [line for line in script.read_text(encoding="utf-8").splitlines() if "make" in line]

    assert ["exec make test"] == commands
    assert os.access(script, os.X_OK)
