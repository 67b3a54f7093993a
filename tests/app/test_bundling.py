"""One archive carries everything, says what is in it, and installs with no network."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

SCRIPT = "import os, sys\n\n\ndef main():\n    print('model' in sys.argv, os.environ['MUNIMENT_MODELS'])\n"


@pytest.fixture
def wheels(tmp_path):
    """A folder with one wheel, which stands for Muniment's own."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    files = {
        "stand_in.py": SCRIPT,
        "muniment-0.1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: muniment\nVersion: 0.1.0\n",
        "muniment-0.1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "muniment-0.1.0.dist-info/entry_points.txt": "[console_scripts]\nmuniment = stand_in:main\n",
    }
    record = "".join(f"{name},,\n" for name in files) + "muniment-0.1.0.dist-info/RECORD,,\n"
    with zipfile.ZipFile(folder / "muniment-0.1.0-py3-none-any.whl", "w") as wheel:
        for name, text in (files | {"muniment-0.1.0.dist-info/RECORD": record}).items():
            wheel.writestr(name, text)
    return folder


@pytest.fixture
def bundled(muniment, services, wheels, tiny_chat_model, tmp_path):
    """The archive of that wheel and a small model."""
    assert muniment("model", "install", tiny_chat_model, "--name", "small", "--approve").code == 0
    kernel = services.models.folders[0] / "kernels" / "somebody" / "kernel"
    kernel.mkdir(parents=True)
    (kernel / "code.txt").write_text("kernel")
    ran = muniment("bundle", "one.tar", "--wheels", wheels, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["models"] == ["small"]
    return tmp_path / "one.tar"


def test_the_same_parts_give_the_same_archive_and_it_checks_out(muniment, wheels, bundled):
    again = muniment("bundle", "two.tar", "--wheels", wheels, "--json").json
    assert again["sha256"] == hashlib.sha256(bundled.read_bytes()).hexdigest()
    assert muniment("bundle", "--check", bundled).code == 0
    assert muniment("bundle", "one.tar", "--wheels", wheels).code == 3


def test_a_flipped_byte_is_found_by_name(muniment, bundled):
    data = bytearray(bundled.read_bytes())
    data[data.index(b"chat_template.jinja", 5_000) + 1_000] ^= 1
    bundled.write_bytes(bytes(data))
    ran = muniment("bundle", "--check", bundled, "--json")
    assert ran.code == 1
    [problem] = ran.json["problems"]
    assert problem.endswith("is changed")


def test_what_is_no_archive_and_a_folder_without_our_wheel_are_told(muniment, bundled, tmp_path):
    (tmp_path / "other.tar").write_bytes(bundled.read_bytes()[:2_000])
    assert muniment("bundle", "--check", "other.tar").code == 4
    (tmp_path / "empty").mkdir()
    ran = muniment("bundle", "three.tar", "--wheels", "empty")
    assert (ran.code, "no wheel of muniment" in ran.err) == (2, True)


def test_a_model_with_a_changed_file_is_not_bundled(muniment, services, wheels, bundled):
    (services.models.folder("small") / "config.json").write_text("{}")
    ran = muniment("bundle", "three.tar", "--wheels", wheels)
    assert (ran.code, "config.json is changed" in ran.err) == (3, True)


def test_it_installs_from_itself_alone(bundled, tmp_path):
    with tarfile.open(bundled) as archive:
        archive.extractall(tmp_path, filter="data")
    folder, target = tmp_path / "muniment-offline", tmp_path / "there"
    # Where the only index is a folder that does not exist, whatever was looked for elsewhere would fail.
    environment = {**os.environ, "PYTHON": sys.executable, "PIP_INDEX_URL": "file:///nowhere"}
    done = subprocess.run(
        ["sh", folder / "install.sh", target], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"True {target / 'models'}" in done.stdout
    assert (target / "models" / "kernels" / "somebody" / "kernel" / "code.txt").read_text() == "kernel"

    shutil.rmtree(target)
    (folder / "models" / "small" / "config.json").write_text("{}")
    done = subprocess.run(["sh", folder / "install.sh", target], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert not (target / ".venv").exists()
