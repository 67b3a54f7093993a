"""The kernels that keep gpt-oss's experts in MXFP4: which are there, how transformers gets them, and a trial.

transformers asks a hub. Here the hub's kernel is used where it lies on this machine, and else OpenAI's from a
wheel, whose later interface `bridge` translates. `wrong` holds the loaded experts against what was published
before anybody is answered with them. No CUDA device has run the wheel's kernels here yet.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace
from typing import Any

from engine.models.decoding import is_out_of_memory
from engine.models.weights import Checkpoint, tensor_names

HUB = "kernels-community/gpt-oss-triton-kernels"
WHEEL = "tokenspeed-triton-kernels"
_LEAST_CAPABILITY = (7, 5)
_LEAST_TRITON = "3.4.0"
_LEAST_TRITON_OF_WHEEL = "3.8.0"
"""The wheel names none, and older ones fail while it compiles."""
_SCALE_OF = 32
"""Weights that share a scale."""
_TOKENS = (1, 320)
"""One is how replies are written, many how prompts are read: the kernels cut them into other blocks."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """What multiplies packed experts."""

    name: str
    """With its version, for the record of an answer."""
    given: Any
    """What transformers is given in place of the hub's; None where it finds the hub's itself."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Routing:
    """Which expert reads which rows: rows are pairs of a token and an expert, in the order of experts."""

    ragged: Any
    gate_scal: Any
    """The weight of each row, under the name that transformers reads."""
    top_k: int


def mxfp4_obstacle(device: str) -> tuple[str, str] | None:
    """Why MXFP4 weights would not stay packed on this device, and what to do; None where they would."""
    import torch
    from transformers.utils import import_utils

    if device == "cpu":
        return (
            "transformers unpacks it on a CPU",
            "use the model's GGUF file, which llama.cpp runs packed, or a CUDA device, or set "
            "MUNIMENT_MODEL_ALLOW_UNPACKED=true",
        )
    capability = torch.cuda.get_device_capability()
    if capability < _LEAST_CAPABILITY:
        return (
            f"the device has compute capability {capability[0]}.{capability[1]} and 7.5 is needed",
            "use another device, or set MUNIMENT_MODEL_ALLOW_UNPACKED=true",
        )
    if not import_utils.is_triton_available(_LEAST_TRITON):
        return (
            f"triton {_LEAST_TRITON} or newer is not installed",
            "install the one that comes with torch for CUDA",
        )
    if not import_utils.is_kernels_available():
        least, below = import_utils.KERNELS_MIN_VERSION, import_utils.KERNELS_MAX_VERSION
        return (
            f"transformers {version('transformers')} wants `kernels` from {least} to below {below}, "
            f"and {installed('kernels')} is installed",
            "install `muniment[cuda]` with constraints.txt, whose versions go together",
        )
    there = found()
    if isinstance(there, str):
        return (
            f"no MXFP4 kernels could be loaded ({there})",
            "install `muniment[cuda]` with constraints.txt, or set MUNIMENT_MODEL_ALLOW_UNPACKED=true",
        )
    return None


@cache
def found() -> Kernels | str:
    """The kernels on this machine: the hub's where they lie here, else the wheel's; or why there are none."""
    from transformers.integrations import hub_kernels
    from transformers.utils import import_utils

    try:
        hub_kernels.get_kernel(HUB, version=1)
    except (ImportError, OSError, ValueError, RuntimeError, KeyError, AttributeError) as error:
        first = type(error).__name__
    else:
        return Kernels(f"{HUB.rpartition('/')[2]} 1", None)
    if (release := installed(WHEEL)) == "none":
        return f"{HUB}: {first}; {WHEEL}: not installed"
    if not import_utils.is_triton_available(_LEAST_TRITON_OF_WHEEL):
        return f"{HUB}: {first}; {WHEEL}: wants triton {_LEAST_TRITON_OF_WHEEL}, not {installed('triton')}"
    try:
        return Kernels(f"{WHEEL} {release}", bridge(_wheel()))
    except (ImportError, AttributeError, RuntimeError) as error:
        return f"{HUB}: {first}; {WHEEL} {release}: {type(error).__name__}"


def bridge(wheel: Any) -> Any:
    """The hub's kernel as transformers calls it, from the wheel's `matmul`, `swiglu`, `tensor` and `layout`.

    Which expert reads a token is decided by torch, as in the model that is not packed.
    """
    import torch

    def precision(*, weight_scale: Any, flex_ctx: Any) -> Any:
        return wheel.matmul.PrecisionConfig(
            b_mx_scale=weight_scale, b_microblock_size=_SCALE_OF, flex_ctx=flex_ctx
        )

    def activation(specs: Any, values: tuple[float, ...], columns: int) -> Any:
        return wheel.matmul.FusedActivation(replace(specs, reduction_n=columns), values)

    def routing(logits: Any, top_k: int) -> tuple[Routing, Any, Any]:
        scores, experts = logits.topk(top_k, dim=-1)
        taken = experts.flatten()
        # No number is read back by the host, so that a pass can be recorded.
        rows = torch.zeros(logits.shape[-1], dtype=torch.int32, device=logits.device)
        rows.scatter_add_(0, taken, torch.ones_like(taken, dtype=torch.int32))
        order = taken.argsort(stable=True)
        ragged = wheel.tensor.make_ragged_tensor_metadata(rows, taken.numel())
        weights = scores.softmax(dim=-1, dtype=torch.float32).flatten()[order]
        order = order.int()
        return Routing(ragged, weights, top_k), order // top_k, order

    def matmul_ogs(
        rows: Any,
        weights: Any,
        bias: Any,
        routed: Routing,
        *,
        precision_config: Any,
        gammas: Any,
        gather_indx: Any = None,
        scatter_indx: Any = None,
        fused_activation: Any = None,
    ) -> Any:
        out = wheel.matmul.matmul(
            rows,
            weights,
            bias,
            a_ragged_metadata=routed.ragged,
            gather_indx=gather_indx,
            scatter_indx=scatter_indx,
            precision_config=precision_config,
            gammas=gammas,
            fused_activation=fused_activation,
        )
        # The hub's kernel adds up what a token's experts say; the wheel leaves them one below the other.
        return out if scatter_indx is None else out.view(-1, routed.top_k, out.shape[-1]).sum(1)

    def values_layout(*, mx_axis: int) -> tuple[Any, dict[str, Any]]:
        assert mx_axis == 1, "the second of three axes, which the wheel counts from the end"
        return wheel.layout.make_default_matmul_mxfp4_w_layout(mx_axis=-2), {}

    return SimpleNamespace(
        matmul_ogs=SimpleNamespace(
            matmul_ogs=matmul_ogs,
            PrecisionConfig=precision,
            FusedActivation=activation,
            FnSpecs=wheel.matmul.FnSpecs,
            FlexCtx=wheel.matmul.FlexCtx,
            InFlexData=wheel.matmul.InFlexData,
        ),
        routing=SimpleNamespace(routing=routing),
        swiglu=wheel.swiglu,
        tensor=wheel.tensor,
        tensor_details=SimpleNamespace(
            layout=SimpleNamespace(
                make_default_matmul_mxfp4_w_layout=values_layout,
                # transformers lays scales out with this; the wheel has a layout for each kind of device.
                StridedLayout=wheel.layout.make_default_matmul_mxfp4_w_scale_layout(mx_axis=-2),
            )
        ),
    )


@contextmanager
def given() -> Iterator[None]:
    """Within it transformers gets the wheel's kernels where it asks for the hub's, if those were found."""
    from transformers.integrations import hub_kernels

    there = found()
    if isinstance(there, str) or there.given is None:
        yield
        return
    # It asks for other kernels in the same way, and has no other door for this one.
    library: Any = hub_kernels
    asked = library.get_kernel
    library.get_kernel = lambda name, *more, **of: there.given if name == HUB else asked(name, *more, **of)
    try:
        yield
    finally:
        library.get_kernel = asked


def wrong(model: Any, checkpoint: Checkpoint) -> str:
    """Why the packed experts are not to be used; empty when their first layer gives the published numbers.

    Raises torch's error when memory runs out.
    """
    import torch

    from engine.models.proving import is_other

    name, layer = next(pair for pair in model.named_modules() if type(pair[1]).__name__ == "Mxfp4GptOssMLP")
    device, random = layer.router.weight.device, torch.Generator().manual_seed(0)
    try:
        with torch.inference_mode():
            for many in _TOKENS:
                made = torch.randn(1, many, layer.router.hidden_dim, generator=random)
                made = made.to(device, layer.router.weight.dtype)
                got, logits = layer(made)
                wanted = _published(model.config, checkpoint, name, layer.experts, made[0], logits)
                # Of two experts with one score either may be taken.
                best = logits.topk(layer.router.top_k + 1, dim=-1).values
                sure = best[:, -2] > best[:, -1]
                if is_other(wanted[sure], got[0][sure]):
                    return "gave other numbers than unpacked experts in a trial"
    except Exception as error:
        # A compiler and other people's kernels raise what they like.
        if is_out_of_memory(error):
            raise
        return f"failed in a trial ({type(error).__name__})"
    return ""


def _published(config: Any, checkpoint: Checkpoint, name: str, packed: Any, rows: Any, logits: Any) -> Any:
    """What the experts of one layer say by transformers' own layer, one expert in memory at a time."""
    import torch
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors
    from transformers.models.gpt_oss.modeling_gpt_oss import GptOssExperts

    alone = copy.copy(config)
    alone.num_local_experts, alone._experts_implementation = 1, "eager"
    with torch.device("meta"):
        twin: Any = GptOssExperts(alone)  # type: ignore[no-untyped-call]
    scores, experts = logits.topk(config.num_experts_per_tok, dim=-1)
    weights = scores.softmax(dim=-1)
    out = torch.zeros_like(rows, dtype=torch.float32)
    for expert in experts.unique().tolist():
        token, place = (experts == expert).nonzero(as_tuple=True)
        for part in ("gate_up_proj", "down_proj"):
            blocks, scales = (
                _slice(checkpoint, f"{name}.experts.{part}_{kind}", expert).to(rows.device)
                for kind in ("blocks", "scales")
            )
            unpacked = convert_moe_packed_tensors(blocks, scales, dtype=rows.dtype)
            bias = getattr(packed, f"{part}_bias")[expert : expert + 1].to(rows.dtype)
            setattr(twin, part, torch.nn.Parameter(unpacked, requires_grad=False))
            setattr(twin, f"{part}_bias", torch.nn.Parameter(bias, requires_grad=False))
        said = twin(rows[token], torch.zeros_like(token)[:, None], weights[token, place][:, None])
        out.index_add_(0, token, said.float())
    return out


def _slice(checkpoint: Checkpoint, tensor: str, expert: int) -> Any:
    """One expert's part of a tensor on disk. Raises `KeyError` where no file has the tensor."""
    from safetensors import safe_open

    for shard in sorted(checkpoint.folder.glob("*.safetensors")):
        if tensor in tensor_names(shard):
            with safe_open(shard, framework="pt") as opened:
                return opened.get_slice(tensor)[expert : expert + 1]
    raise KeyError(tensor)


def _wheel() -> Any:
    """The wheel's modules that `bridge` needs. Raises `ImportError`."""
    paths = ("matmul", "swiglu", "tensor", "tensor_details.layout")
    modules = [import_module(f"triton_kernels.{path}") for path in paths]
    return SimpleNamespace(**{one.__name__.rpartition(".")[2]: one for one in modules})


def installed(package: str) -> str:
    """The version of a package, or `none`."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
