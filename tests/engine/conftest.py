from pathlib import Path

import pytest

from tests.engine.summary_world import World, open_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A small matter to be summarised."""
    return open_world(tmp_path / "home")
