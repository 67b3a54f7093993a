"""A store in a folder of its own, for every part that works on one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.audit import AuditLog
from storage.database import Database
from storage.library import Library
from storage.records import Actor, Role


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def actor():
    return Actor(id="operator:test", name="test", role=Role.ADMINISTRATOR, via="command line")


@pytest.fixture
def database(home):
    opened = Database.in_folder(home)
    yield opened
    opened.close()


@pytest.fixture
def audit(database):
    return AuditLog(database)


@pytest.fixture
def library(database, home, audit):
    return Library(database, home, audit)


@pytest.fixture(scope="session")
def tiny_gpt_oss(tmp_path_factory) -> tuple[Path, Path]:
    """Folders of one tiny gpt-oss: its experts in 16 bits, and packed as the published weights are."""
    from tests.engine.models.checkpoints import gpt_oss_pair

    return gpt_oss_pair(tmp_path_factory.mktemp("gpt-oss"))


@pytest.fixture(scope="session")
def tiny_chat_model(tmp_path_factory) -> Path:
    """The folder of a tiny Llama with a chat template."""
    from tests.engine.models.checkpoints import chat_model

    return chat_model(tmp_path_factory.mktemp("models") / "chat")


@pytest.fixture(scope="session")
def tiny_gpt_oss_gguf(tiny_gpt_oss, tmp_path_factory) -> Path:
    """The same tiny gpt-oss in a GGUF file."""
    from tests.engine.models.gguf_checkpoint import gpt_oss_gguf

    return gpt_oss_gguf(tiny_gpt_oss[0], tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory) -> Path:
    """The embedded model as a folder of Hugging Face weights."""
    from engine.models.embedded import embedded_weights
    from tests.engine.models.smollm2_folder import smollm2_folder

    weights = embedded_weights()
    if weights is None:
        pytest.skip("the embedded model's weights are not installed")
    return smollm2_folder(weights, tmp_path_factory.mktemp("models") / "smollm2")


@pytest.fixture(scope="session")
def model_endpoint() -> Iterator[str]:
    """The address of an OpenAI-compatible endpoint on loopback (`tests/endpoint_server.py`)."""
    from tests.servers import model_endpoint

    with model_endpoint() as url:
        yield url
