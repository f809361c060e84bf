from __future__ import annotations

import subprocess
import sys

import pytest

from ding_buffer.cli.main import main


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_without_click_one_line_says_what_to_install() -> None:
    done = run("import sys; sys.modules['click'] = None\nfrom ding_buffer.cli.main import main\nmain()")

    assert 1 == done.returncode
    assert ["Error: click is not installed. It comes with an extra: pip install 'ding_buffer[run]'"] == (
        done.stderr.splitlines()
    )


def test_asking_for_help_loads_none_of_the_heavy_libraries() -> None:
    pytest.importorskip("click")
    done = run(
        "import sys; sys.argv = ['ding-buffer', 'run', '--help']\n"
        "from ding_buffer.cli.main import main\n"
        "try:\n    main()\nfinally:\n"
        "    print({'torch', 'gymnasium', 'matplotlib', 'rich'} & set(sys.modules))"
    )

    assert 0 == done.returncode
    assert done.stdout.startswith("Usage: ding-buffer run [OPTIONS] [CONFIG]")
    assert done.stdout.endswith("set()\n")


def test_it_hands_over_to_the_commands(monkeypatch, capsys) -> None:
    pytest.importorskip("click")
    monkeypatch.setattr(sys, "argv", ["ding-buffer", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()

    assert 0 == ended.value.code
    assert capsys.readouterr().out.startswith("ding-buffer, version ")
