"""What the layout promises: the direction of imports, one place for each edge, and nothing that calls out."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("app", "engine", "ingest", "storage")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
# Clients for other machines, and libraries that phone home; loopback needs none of them.
CALLING_OUT = {
    "requests",
    "aiohttp",
    "urllib3",
    "ftplib",
    "smtplib",
    "paramiko",
    "boto3",
    "posthog",
    "sentry_sdk",
}


def imported_by(path: Path) -> set[str]:
    """Top-level packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_point_one_way():
    check = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_no_client_for_other_machines(path):
    assert not imported_by(path) & CALLING_OUT


def test_only_a_model_s_endpoint_and_a_chroma_server_are_called_over_http():
    calling = {name_of(path) for path in MODULES if "httpx" in imported_by(path)}
    assert calling == {"engine/models/endpoint.py", "storage/chroma_server.py"}


def test_streamlit_and_the_web_server_stay_in_app():
    outside = [path for path in MODULES if path.relative_to(ROOT).parts[0] != "app"]
    assert not [
        name_of(p) for p in outside if imported_by(p) & {"streamlit", "typer", "uvicorn", "starlette"}
    ]


def test_the_settings_alone_read_our_environment():
    readers = [
        name_of(p) for p in MODULES if re.search(r"os\.environ\b|os\.getenv", p.read_text(encoding="utf-8"))
    ]
    named = [name for name in readers if "MUNIMENT_" in (ROOT / name).read_text(encoding="utf-8")]
    assert named == ["app/settings.py"]


def test_nothing_that_starts_imports_the_script_that_draws_the_samples():
    importers = [p for p in MODULES if "samples.make" in p.read_text(encoding="utf-8")]
    assert [name_of(p) for p in importers] == ["app/samples/make.py"]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_promises(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or not path.read_text(
        encoding="utf-8"
    )
