"""The wheel's interface, translated for transformers, with a product of plain torch for its kernels."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.integrations import hub_kernels, mxfp4
from transformers.quantizers import quantizer_mxfp4

from engine.models import loading, mxfp4_kernels
from engine.models.base import Conversation, PromptPassage, gather
from engine.models.loading import LoadOptions
from engine.models.mxfp4_kernels import HUB, Kernels, bridge, found, given, wrong
from engine.models.proving import difference
from engine.models.transformers_runtime import TransformersGenerator
from engine.models.weights import read_checkpoint
from storage.errors import Refused

VALUES = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])
ASKING = Conversation("Answer.", "What holds?", (PromptPassage(1, "a.pdf", 1, "", "No sublease. " * 9),))


@dataclass
class Held:
    data: torch.Tensor
    shape: Any
    layout: str = "as it came"


@dataclass(frozen=True)
class Specs:
    name: str
    fn: Callable[..., torch.Tensor] | None
    fn_arg_names: tuple[str, ...] = ()
    reduction_n: int = 1


def swiglu(pairs: torch.Tensor, alpha: float, limit: float) -> torch.Tensor:
    gate, up = pairs[:, ::2].clamp(max=limit), pairs[:, 1::2].clamp(-limit, limit)
    return gate * torch.sigmoid(alpha * gate) * (up + 1)


def convert_layout(held: Held, layout: str) -> Held:
    return Held(held.data, held.shape, layout)


def plain_data(held: Held, layout: str) -> torch.Tensor:
    assert held.layout == layout
    return held.data


def product(unpacked: Callable[..., torch.Tensor], spoil: str = "") -> Callable[..., torch.Tensor]:
    """The wheel's `matmul`, as its description says it; `spoil` leaves something out."""

    def matmul(a: Any, b: Any, bias: Any, **named: Any) -> torch.Tensor:
        if spoil == "failing":
            raise NotImplementedError
        config, gather_indx, scatter_indx = (
            named[key] for key in ("precision_config", "gather_indx", "scatter_indx")
        )
        assert config.b_microblock_size == 32
        blocks, scales = unpacked(b, "values"), unpacked(config.b_mx_scale, "scales")
        low, high = VALUES[(blocks & 15).long()], VALUES[(blocks >> 4).long()]
        weights = torch.stack([low, high], 2).flatten(1, 2)
        weights *= torch.exp2(scales.float() - (126 if spoil == "scale" else 127)).repeat_interleave(32, 1)
        assert list(b.shape) == list(weights.shape)
        rows = a.float() if gather_indx is None else a[gather_indx].float()
        out, start = [], 0
        for expert, many in enumerate(named["a_ragged_metadata"].slice_sizes.tolist()):
            one = rows[start : start + many] @ weights[expert]
            out.append(one if spoil == "bias" else one + bias[expert])
            start += many
        assert start == len(rows)
        result = torch.cat(out)
        act = named["fused_activation"]
        if act is not None:
            wide = result.shape[1]
            result = swiglu(result.flip(1) if spoil == "order" else result, *act.fn_args)
            assert wide == result.shape[1] * act.specs.reduction_n
        if named["gammas"] is not None:
            result = result * named["gammas"][:, None]
        if scatter_indx is not None:
            result = torch.zeros_like(result).index_copy_(0, scatter_indx.long(), result)
        return result.to(a.dtype)

    return matmul


def stand_in(spoil: str = "") -> Any:
    """A wheel of plain torch, with the names that the bridge needs."""
    return SimpleNamespace(
        matmul=SimpleNamespace(
            matmul=product(plain_data, spoil),
            PrecisionConfig=lambda **named: SimpleNamespace(**named),
            FusedActivation=lambda specs, args: SimpleNamespace(specs=specs, fn_args=args),
            FnSpecs=Specs,
            FlexCtx=SimpleNamespace,
            InFlexData=SimpleNamespace,
        ),
        swiglu=SimpleNamespace(swiglu_fn=swiglu),
        tensor=SimpleNamespace(
            FP4="fp4",
            wrap_torch_tensor=lambda data, dtype=None: Held(data, data.shape),
            convert_layout=convert_layout,
            make_ragged_tensor_metadata=lambda sizes, rows: SimpleNamespace(slice_sizes=sizes),
        ),
        layout=SimpleNamespace(
            make_default_matmul_mxfp4_w_layout=lambda mx_axis: {-2: "values"}[mx_axis],
            make_default_matmul_mxfp4_w_scale_layout=lambda mx_axis: {-2: "scales"}[mx_axis],
        ),
    )


def wheel_of(device: str) -> Any:
    """The real wheel with the layouts of a device, its weights laid out so and read back for the product."""
    pytest.importorskip("triton", reason="triton is not installed (it comes with torch for CUDA)")
    pytest.importorskip("triton_kernels.matmul", reason="no wheel, or triton before 3.8")
    real = {name: import_module(f"triton_kernels.{name}") for name in ("matmul", "swiglu", "tensor")}
    layouts = import_module("triton_kernels.tensor_details.layout")
    strided = layouts.StridedLayout(-2)
    hopper = {
        "values": layouts.HopperMXValueLayout(mx_axis=-2, mma_version=3),
        "scales": layouts.HopperMXScaleLayout(mx_axis=-2, num_warps=8),
    }
    chosen = hopper if device == "hopper" else dict.fromkeys(hopper, strided)

    def unpacked(held: Any, kind: str) -> torch.Tensor:
        assert held.storage.layout == chosen[kind]
        return real["tensor"].convert_layout(held, strided).storage.data  # type: ignore[no-any-return]

    names = {
        key: getattr(real["matmul"], key)
        for key in ("PrecisionConfig", "FusedActivation", "FnSpecs", "FlexCtx", "InFlexData")
    }
    tensors = {key: getattr(real["tensor"], key) for key in ("FP4", "wrap_torch_tensor", "convert_layout")}
    ragged = real["tensor"].make_ragged_tensor_metadata_torch
    return SimpleNamespace(
        matmul=SimpleNamespace(matmul=product(unpacked), **names),
        swiglu=real["swiglu"],
        tensor=SimpleNamespace(make_ragged_tensor_metadata=ragged, **tensors),
        layout=SimpleNamespace(
            make_default_matmul_mxfp4_w_layout=lambda mx_axis: chosen["values"],
            make_default_matmul_mxfp4_w_scale_layout=lambda mx_axis: chosen["scales"],
        ),
    )


@pytest.fixture(scope="module")
def pair(tiny_gpt_oss: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Plain and packed, with biases that are not zero, as a trained model has them."""
    folder = tmp_path_factory.mktemp("biased")
    made: dict[str, torch.Tensor] = {}
    for source in tiny_gpt_oss:
        shutil.copytree(source, folder / source.name)
        file = folder / source.name / "model.safetensors"
        tensors = load_file(file)
        for name in [one for one in tensors if ".experts." in one and one.endswith("_bias")]:
            tensors[name] = made.setdefault(name, torch.randn(tensors[name].shape).to(torch.bfloat16))
        save_file(tensors, file, metadata={"format": "pt"})
    assert made
    return folder / tiny_gpt_oss[0].name, folder / tiny_gpt_oss[1].name


@pytest.fixture
def as_on_a_device(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Let transformers and our checks go the way that they go on CUDA, with these kernels."""

    def go(wheel: Any) -> None:
        there = Kernels("stand-in 1", bridge(wheel))
        monkeypatch.setattr(mxfp4_kernels, "found", lambda: there)
        monkeypatch.setattr(loading, "mxfp4_obstacle", lambda _device: None)
        monkeypatch.setattr(quantizer_mxfp4.Mxfp4HfQuantizer, "validate_environment", lambda *_a, **_n: None)
        monkeypatch.setattr(quantizer_mxfp4, "get_current_accelerator", lambda: torch.device("cuda"))
        monkeypatch.setattr(mxfp4, "triton_kernels_hub", None, raising=False)

    return go


WHEELS: dict[str, Callable[[], Any]] = {
    "stand-in": stand_in,
    "wheel, any device": lambda: wheel_of("any"),
    "wheel, hopper": lambda: wheel_of("hopper"),
}


@pytest.mark.parametrize("kind", WHEELS)
def test_packed_experts_say_what_unpacked_ones_say(
    kind: str, pair: tuple[Path, Path], as_on_a_device: Callable[[Any], None]
) -> None:
    plain = loading.load(read_checkpoint(pair[0]), LoadOptions(device="cpu")).model
    as_on_a_device(WHEELS[kind]())
    loaded = loading.load(read_checkpoint(pair[1]), LoadOptions(device="cpu"))
    assert (loaded.quantization, loaded.experts) == ("mxfp4", "stand-in 1")
    for tokens in (1, 7, 90):
        torch.manual_seed(tokens)
        made = torch.randn(2, tokens, plain.config.hidden_size, dtype=torch.bfloat16)
        for layer in range(2):
            with torch.inference_mode():
                wanted = plain.model.layers[layer].mlp(made)[0]
                got = loaded.model.model.layers[layer].mlp(made)[0]
            assert difference(wanted, got) < 0.01


def test_a_reply_of_packed_experts_is_recorded_with_their_kernels(
    tiny_gpt_oss: tuple[Path, Path], as_on_a_device: Callable[[Any], None]
) -> None:
    as_on_a_device(stand_in())
    generator = TransformersGenerator(tiny_gpt_oss[1], options=LoadOptions(device="cpu"))
    assert gather(generator.generate(generator.render(ASKING), max_tokens=16)).text.startswith("The notice")
    assert generator.identity.quantization == "mxfp4"
    assert generator.conditions["packed_experts"] == "stand-in 1"
    generator.close()


@pytest.mark.parametrize("spoil", ["scale", "bias", "order", "failing"])
def test_kernels_that_are_wrong_are_refused_or_left_for_unpacked_weights(
    spoil: str, pair: tuple[Path, Path], as_on_a_device: Callable[[Any], None]
) -> None:
    as_on_a_device(stand_in(spoil))
    checkpoint = read_checkpoint(pair[1])
    with pytest.raises(Refused, match=r"cannot stay in MXFP4: its kernels .*, stand-in 1, .* in a trial"):
        loading.load(checkpoint, LoadOptions(device="cpu"))
    loaded = loading.load(checkpoint, LoadOptions(device="cpu", allow_unpacked=True))
    assert (loaded.quantization, loaded.experts) == ("bf16 (unpacked from mxfp4)", "")


def test_memory_that_runs_out_in_a_trial_is_not_taken_for_wrong_numbers(
    pair: tuple[Path, Path], as_on_a_device: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_on_a_device(stand_in())
    checkpoint = read_checkpoint(pair[1])
    model = loading.load(checkpoint, LoadOptions(device="cpu")).model

    def full(*_a: Any) -> None:
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(mxfp4_kernels, "_published", full)
    with pytest.raises(torch.OutOfMemoryError):
        wrong(model, checkpoint)


def test_other_kernels_are_asked_for_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_kernels, "get_kernel", lambda name, **_named: f"the hub's {name}")
    before = hub_kernels.get_kernel
    monkeypatch.setattr(mxfp4_kernels, "found", lambda: Kernels("stand-in 1", "ours"))
    with given():
        assert hub_kernels.get_kernel(HUB, version=1) == "ours"
        assert hub_kernels.get_kernel("another", version=1) == "the hub's another"
    assert hub_kernels.get_kernel is before
    monkeypatch.setattr(mxfp4_kernels, "found", lambda: Kernels("the hub's own", None))
    with given():
        assert hub_kernels.get_kernel is before


def test_the_kernels_on_this_machine_are_the_hubs_else_the_wheels_else_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(*_a: Any, **_n: Any) -> None:
        raise FileNotFoundError

    def answer(triton: bool, release: str) -> Kernels | str:
        found.cache_clear()
        monkeypatch.setattr("transformers.utils.import_utils.is_triton_available", lambda _least: triton)
        monkeypatch.setattr(mxfp4_kernels, "installed", lambda _package: release)
        return found()

    monkeypatch.setattr(mxfp4_kernels, "_wheel", stand_in)
    monkeypatch.setattr(hub_kernels, "get_kernel", absent)
    assert str(answer(True, "none")).endswith("FileNotFoundError; tokenspeed-triton-kernels: not installed")
    assert "wants triton 3.8.0" in str(answer(False, "1.0"))
    assert str(answer(True, "1.0")) == "tokenspeed-triton-kernels 1.0"
    monkeypatch.setattr(mxfp4_kernels, "_wheel", absent)
    monkeypatch.setattr(hub_kernels, "get_kernel", lambda *_a, **_n: "there")
    assert answer(False, "none") == Kernels("gpt-oss-triton-kernels 1", None)
    found.cache_clear()
