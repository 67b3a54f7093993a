"""A command's services are built once its process is ready for them."""

import subprocess
import sys

_OPEN = """
import gc, sys
from pathlib import Path
from app.commands.session import Session
from app.settings import Settings

session = Session(Settings(home=Path(sys.argv[1])), sys.stdout, sys.stderr, Path.cwd())
session.services
print(gc.get_freeze_count() > 100_000, len(gc.get_objects()) < 50_000)
session.close()
"""


def test_a_full_collection_walks_through_no_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _OPEN, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]
