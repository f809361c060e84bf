"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("code", PYTHON, ids=[block.strip().splitlines()[-1][:40] for block in PYTHON])
def test_every_python_block_runs(code, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for library in ("torch", "gymnasium"):
        if f"import {library}\n" in code or f"from {library}" in code:
            pytest.importorskip(library)
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102
    assert "Traceback" not in capsys.readouterr().out


def test_every_block_was_found():
    assert README.count("```python") == len(PYTHON) >= 4


def test_every_file_it_links_to_is_there():
    missing = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not (ROOT / link).exists()]
    assert [] == missing


def test_the_settings_it_overrides_are_settings_of_the_run():
    run = yaml.safe_load((ROOT / "configs" / "cartpole_dqn_per.yaml").read_text(encoding="utf-8"))
    for key in re.findall(r"--set ([\w.]+)=", README):
        place = run
        for part in key.split("."):
            place = place[part]


def test_every_verb_of_make_it_names_exists():
    verbs = set(re.findall(r"`?make ([a-z][a-z0-9-]*)", README))
    told = subprocess.run(
        ["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True
    ).stdout
    assert verbs
    assert all(f"make {verb}" in told for verb in verbs)


def test_the_layers_it_lists_are_the_layers_there_are():
    from ding_buffer import middleware

    listed = set(re.findall(r"^\| `(\w+)", README, flags=re.MULTILINE))
    assert set(middleware.__all__) == listed
