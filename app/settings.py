"""Settings, read once from the environment (prefix `MUNIMENT_`). Nothing else reads it.

An unknown `MUNIMENT_` variable is refused: a misspelt setting must not be a silent default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.errors import Broken, WrongUse

_PREFIX = "MUNIMENT_"


class Settings(BaseSettings):
    """What an administrator can choose. Each field is the variable `MUNIMENT_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid")

    home: Path = Field(default_factory=lambda: Path.home() / ".local" / "share" / "muniment")
    """The data folder: the whole state. Two folders never touch."""
    database_url: SecretStr | None = None
    """An SQLAlchemy URL of a PostgreSQL database; None is SQLite inside `home`."""
    vector_store_url: str | None = None
    """A Chroma server in a private network, such as `http://chroma:8000`; None is files inside `home`."""
    keyword_store: Literal["folder", "postgresql"] = "folder"
    """Where words are searched: in files inside `home`, or in the PostgreSQL of `database_url`."""
    model: str = "auto"
    """Which language model answers: `auto`, `embedded`, a gpt-oss name, a folder or a `.gguf` file."""
    models: Path | None = None
    """A folder with models, looked into before `models` in `home`."""
    model_device: str = Field(default="auto", pattern="^(auto|cuda|cpu)$")
    """Where a folder of weights is run; `auto` is CUDA where there is a device."""
    model_precision: str = Field(default="auto", pattern="^(auto|int8|nf4)$")
    """`auto` keeps what the folder holds; the others pack a 16-bit model while loading it."""
    model_adapter: Path | None = None
    """A folder with a LoRA adapter for the model."""
    model_allow_unpacked: bool = False
    """Run gpt-oss in 16 bits where its four-bit weights cannot be kept: over three times the memory."""
    reranker: Path | None = None
    """A folder with a CrossEncoder that puts the first passages of a search in order."""
    model_queue: int = Field(default=20, gt=0)
    """How many questions may wait for the model; one more is answered with "busy"."""
    model_slots: int = Field(default=1, gt=0, le=16)
    """Answers written at once, where the model's runtime can."""
    model_threads: int | None = Field(default=None, gt=0, le=512)
    """Threads that read prompts with llama.cpp; without, one for each core."""
    model_decode_threads: int | None = Field(default=None, gt=0, le=512)
    """Threads that write answers with llama.cpp; without, as many, or half for the embedded model."""
    model_context: int | None = Field(default=None, ge=512, le=131_072)
    """Tokens of prompt and answer together, for each slot; without, the model's own. More is refused."""
    model_wait_s: float = Field(default=120, gt=0)
    """Longest time that a question waits for the model."""
    model_answer_s: float = Field(default=600, gt=0)
    """Longest time that the model may write at one answer; what it has by then is marked incomplete."""
    hourly_price: float | None = Field(default=None, ge=0)
    """What an hour of this machine costs, for `muniment cost`."""
    currency: str = "USD"
    """Of `hourly_price` and of the price list."""
    price_list: Path | None = None
    """A file with the prices of remote models."""
    remote_url: str | None = None
    """An OpenAI-compatible endpoint up to its version, such as `https://models.firm.example/v1`."""
    remote_model: str | None = None
    """The model at that endpoint, as the endpoint calls it."""
    remote_key: SecretStr | None = None
    """The endpoint's key; a file is better, because other programs of the same user can read variables."""
    remote_key_file: Path | None = None
    """A file that holds the endpoint's key and nothing else."""
    remote_ca_file: Path | None = None
    """Certificates that the endpoint's is compared with, in place of the machine's own."""
    remote_context: int = Field(default=16_384, gt=0)
    """Tokens that the endpoint's model takes, prompt and answer together."""
    remote_reasons: bool = False
    """The endpoint's model thinks before it answers, as gpt-oss does."""
    remote_silence_s: float = Field(default=120, gt=0)
    """Longest time that the endpoint may say nothing."""
    address: str = "127.0.0.1"
    """Where the pages are served. Anything but loopback needs a TLS proxy in front."""
    port: int = Field(default=8501, gt=0, lt=65_536)
    max_file_mb: int = Field(default=200, gt=0)
    """Files larger than this are refused."""
    parse_timeout_s: float = Field(default=300, gt=0)
    """Longest time that reading one file may take."""
    parse_memory_mb: int = Field(default=4_096, gt=0)
    """Most memory that reading one file may take."""
    sample: bool = True
    """Make the sample matter at the first start."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        WrongUse: a value does not fit, or a `MUNIMENT_` variable is not a setting.
    """
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(_PREFIX) and name not in known)
    if unknown:
        raise WrongUse(f"{unknown[0]} is not a setting; docs/operating.md lists them")
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"{_PREFIX}{str(first['loc'][0]).upper()}"
        raise WrongUse(f"{name} does not fit: {first['msg']}") from error
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})


def remote_key(settings: Settings) -> str | None:
    """The endpoint's key, from its variable or its file; None where it needs none.

    Raises:
        WrongUse: both are set, or the file is empty.
        Broken: the file cannot be read.
    """
    path = settings.remote_key_file
    if path is None:
        return settings.remote_key.get_secret_value() if settings.remote_key else None
    if settings.remote_key is not None:
        raise WrongUse("MUNIMENT_REMOTE_KEY and MUNIMENT_REMOTE_KEY_FILE are both set; keep the file")
    try:
        key = path.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Broken(f"{path} cannot be read as text; see MUNIMENT_REMOTE_KEY_FILE") from error
    if not key:
        raise WrongUse(f"{path} is empty; put the endpoint's key into it")
    return key


def point_at_kernels(folder: Path) -> None:
    """Let transformers take the MXFP4 kernels in `folder`/kernels, and never a hub, where they lie there."""
    found = [one for one in sorted(folder.glob("kernels/*/*")) if one.is_dir()]
    if found:
        pairs = (f"{one.parent.name}/{one.name}={one.absolute()}" for one in found)
        os.environ.setdefault("LOCAL_KERNELS", ":".join(pairs))


def keep_libraries_at_home() -> None:
    """Switch off every habit of our libraries to call out: tracing, telemetry, model hubs.

    Called before they are imported; what an administrator set stays only where it is the safe value.
    """
    os.environ.update(
        {
            "ANONYMIZED_TELEMETRY": "False",
            "DO_NOT_TRACK": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "LANGCHAIN_TRACING": "false",
            "LANGCHAIN_TRACING_V2": "false",
            "LANGSMITH_TRACING": "false",
            "LANGSMITH_TRACING_V2": "false",
            "ORT_DISABLE_TELEMETRY": "1",
            "OTEL_SDK_DISABLED": "true",
            "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
            "TOKENIZERS_PARALLELISM": "false",
        }
    )
