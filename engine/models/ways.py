"""Which attention reads a prompt, which one writes, how a pass is run: decided from what is there, with why.

gpt-oss adds a learned sink to the scores of each head. torch's own fused attention has none, so only an
attention that knows sinks may be chosen for it; a wrong one would give fluent, wrong words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from storage.records import JsonValue

FLASH = "kernels-community/vllm-flash-attn3"
GROUPED = "muniment_grouped"
AS_READ = "as read"
PIECE_TOKENS = 512
_HOPPER = (9, 0)


@dataclass(frozen=True, slots=True)
class Device:
    """What decides."""

    kind: str
    """`cuda` or `cpu`."""
    capability: tuple[int, int] = (0, 0)
    """Of the oldest CUDA device in use."""
    count: int = 1
    kernels: bool = False
    """Whether the package that loads attention kernels is installed in a version that fits."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a model is run on a device."""

    reading: tuple[str, ...]
    """Attention for prompts: the first that can be loaded and is right, the last of which always is."""
    writing: str
    """Attention for the passes that write, which takes a mask as rows have different lengths: `GROUPED`, or
    `AS_READ` for that of prompts."""
    graphs: bool = False
    """Whether a pass is recorded once and then replayed, which saves the time to launch each kernel."""
    guesses: bool = False
    """Whether the next tokens of a greedy reply that is alone are guessed from its prompt."""
    because: tuple[str, ...] = ()
    """Why nothing faster was taken, a phrase each."""

    def without_first(self, why: str) -> Way:
        """The same without the first attention for prompts, which cannot be had or is not right."""
        first, *others = self.reading
        assert others, "the last attention for prompts is always right"
        return replace(self, reading=tuple(others), because=(*self.because, f"{short(first)} {why}"))

    def to_json(self) -> dict[str, JsonValue]:
        """What moves the last bits of scores, for the record of an answer."""
        reading = short(self.reading[0])
        return {
            "attention_for_prompts": reading,
            "attention_for_replies": reading if self.writing == AS_READ else short(self.writing),
            "piece_tokens": self.piece_tokens,
            "guesses": self.guesses,
        }

    @property
    def piece_tokens(self) -> int:
        """How much of a prompt is read in one pass. Plain attention holds a score for each pair of tokens."""
        fused = self.writing == GROUPED and self.reading[0] != "eager"
        return 4 * PIECE_TOKENS if fused else PIECE_TOKENS


def way_for(device: Device, *, sinks: bool, together: bool = True) -> Way:
    """The way for a model whose heads have sinks, or have none, and whose replies can be written together.

    On a CPU it is the library's own, because passes there are limited by arithmetic: a guessed token costs
    what a written one does, and guesses change the shape of a pass and with it the last bits of its scores.
    """
    # Some older models know no fused attention.
    common = ("eager",) if sinks else ("sdpa", "eager")
    if device.kind != "cuda":
        return Way(common, AS_READ, because=("on a CPU arithmetic is the limit",))
    if not together:
        return Way(common, AS_READ, because=("this model's attention writes one reply at a time",))
    way = Way((FLASH, *common) if sinks else common, GROUPED, graphs=True, guesses=True)
    if sinks and (missing := _missing(device)):
        way = way.without_first(missing)
    if device.count > 1:
        why = f"a recorded pass belongs to one device and there are {device.count}"
        way = replace(way, graphs=False, because=(*way.because, why))
    return way


def short(attention: str) -> str:
    """An attention's name as people are told it."""
    return attention.removeprefix("muniment_").rpartition("/")[2]


def _missing(device: Device) -> str:
    if device.capability < _HOPPER:
        has = ".".join(map(str, device.capability))
        return f"needs compute capability 9.0 and the device has {has}"
    return "" if device.kernels else "needs the package `kernels` in a version that fits"
