"""What the documentation says exists, exists: links, commands, settings."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer

from app.cli import app
from app.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMAND = typer.main.get_command(app)


def committed_text() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: there is no list of committed files")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    kinds = {".py", ".md", ".toml", ".txt", ".yml", ".svg", ".css", ".json", ""}
    return [file for file in files if file.suffix in kinds and file.is_file()]


def anchor_free(page: Path) -> list[str]:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    return [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page):
    assert [target for target in anchor_free(page) if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page):
    for words in re.findall(r"`(?:\.venv/bin/)?muniment ([a-z][^`]*)`", page.read_text(encoding="utf-8")):
        name, _, rest = words.partition(" ")
        assert name in COMMAND.commands, words
        inner = getattr(COMMAND.commands[name], "commands", None)
        sub = rest.split(" ")[0]
        assert not inner or not sub or sub in inner, words


def test_the_readme_has_the_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "```\nmake run\n```" in readme
    assert "```\nmake test\n```" in readme


def test_every_setting_is_in_the_table_and_no_other():
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(MUNIMENT_\w+)`", page, re.MULTILINE))
    assert named == {f"MUNIMENT_{name.upper()}" for name in Settings.model_fields}


def test_make_help_lists_every_command_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    described = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    assert described == {"help", "run", "test", "check", "format", "bench", "clean"}


def test_the_checks_run_by_ci_are_those_that_people_run():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "set -euo pipefail" in script
    assert script.splitlines()[-2:] == ["make check", "make test"]


def test_no_committed_text_names_a_registry_or_a_place_on_one_machine():
    hosts = "|".join(
        ("pypi" + r"\.org", "pythonhosted" + r"\.org", "download" + r"\.pytorch", "index" + "-url")
    )
    places = "|".join(("/ro" + "ot/", "/wo" + "rk/", "/tm" + "p/v/"))
    found = [
        file.relative_to(ROOT).as_posix()
        for file in committed_text()
        if re.search(f"{hosts}|{places}", file.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_versions_are_exact_and_carry_no_address():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line)] == []


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([\w.!]+)", text, re.MULTILINE)
    return {normal(name): version for name, version in found}


def listed(name: str) -> dict[str, str]:
    return pins((ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8"))


SETS = ("run", "dev", "bench", "cuda", "quantized", "postgres")


@pytest.mark.parametrize("name", SETS)
def test_what_is_installed_has_the_pinned_version_and_a_hash(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    version = r"[\w.-]+==[\w.!]+(?: ; [^\\\n]+)?"
    assert re.fullmatch(rf"#.*\n(?:{version}(?: \\\n    --hash=sha256:[0-9a-f]{{64}})+\n)+", text)
    pinned = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    assert {one: version for one, version in listed(name).items() if pinned.get(one) != version} == {}


@pytest.mark.parametrize("name", SETS)
def test_what_the_project_names_is_among_what_is_installed(name):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] if name == "run" else project["optional-dependencies"][name]
    names = {normal(re.split(r"[\[>=<;]", one)[0]) for one in wanted}
    # torch comes in a build of each machine's own, without a hash.
    assert names - listed(name).keys() - listed("run").keys() <= {"torch"}


def test_everything_pinned_is_installed_by_some_set():
    pinned = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    assert pinned.keys() - {one for name in SETS for one in listed(name)} == {"torch"}
