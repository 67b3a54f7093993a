"""Load a folder of weights with transformers, and say truthfully what stands in memory afterwards.

transformers answers a missing part by unpacking MXFP4 to 16 bits with a warning, which takes over three times
the memory and changes the arithmetic. Here that is a refusal, with the reason and the fix, unless it was
allowed and fits. What was loaded is read from the loaded model and not from what was asked for.
Heavy libraries are imported when something is loaded.
"""

from __future__ import annotations

import gc
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine.models import mxfp4_kernels
from engine.models.decoding import is_out_of_memory
from engine.models.mxfp4_kernels import installed, mxfp4_obstacle
from engine.models.ways import Device, Way, way_for
from engine.models.weights import Checkpoint, folder_digest, free_memory, tensor_names
from storage.errors import Broken, Refused
from storage.ids import canonical_json, sha256_of

PRECISIONS = ("auto", "int8", "nf4")
_MXFP4_EXPERTS = "Mxfp4GptOssExperts"
# Besides the weights: activations, the cache of keys and values, and what the libraries take.
_HEADROOM = 1.1
_GIB = 1 << 30
_TORCHS_OWN = ("eager", "sdpa")


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a model is to be loaded."""

    device: str = "auto"
    """`cuda`, `cpu`, or `auto`: CUDA where there is a device."""
    precision: str = "auto"
    """`auto` keeps what the folder holds; `int8` and `nf4` pack a model of 16 bits while loading it."""
    allow_unpacked: bool = False
    """Load MXFP4 weights as 16 bits where they cannot be kept packed."""
    adapter: Path | None = None
    """A folder with a LoRA adapter."""
    slots: int = 1
    """Generations at once, where the runtime and the model can."""
    threads: int | None = None
    """That read prompts with llama.cpp; None takes one for each core."""
    decode_threads: int | None = None
    """That write answers with llama.cpp; None leaves it to the model."""
    context_tokens: int | None = None
    """Of prompt and answer together, for each slot; None leaves it to the model."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory."""

    model: Any
    device: str
    quantization: str
    """What is really in memory, such as `mxfp4` or `bf16 (unpacked from mxfp4)`."""
    way: Way
    """How it is run; the first attention for prompts in it is the one that is in use."""
    experts: str = ""
    """The kernels that multiply packed experts, with their version; empty where none are packed."""


def preflight(checkpoint: Checkpoint, options: LoadOptions, *, tried: str = "") -> str:
    """The device that the model will be loaded on, from what can be known before loading it.

    `tried` is what a trial found wrong with the kernels for packed experts.

    Raises:
        Refused: the weights cannot be loaded here as asked; the message gives the reason and the fix.
    """
    device = _device(options.device)
    if options.precision not in PRECISIONS:
        raise Refused(f"{options.precision!r} is no precision; choose one of {', '.join(PRECISIONS)}")
    if checkpoint.is_mxfp4 and options.precision != "auto":
        raise Refused(
            f"{checkpoint.name} is packed in MXFP4 already and cannot be packed as {options.precision}; "
            "leave the precision at `auto`"
        )
    if options.precision == "nf4" and device == "cpu":
        raise Refused(f"{checkpoint.name}: `nf4` needs a CUDA device; choose `int8`")
    needed = checkpoint.bytes_stored if options.precision == "auto" else checkpoint.bytes_bf16 // 2
    obstacle = _obstacle(checkpoint, device, tried)
    if obstacle is not None:
        reason, fix = obstacle
        if not options.allow_unpacked:
            raise Refused(
                f"{checkpoint.name} cannot stay in MXFP4: {reason}; unpacked it takes "
                f"{_gib(checkpoint.bytes_bf16)} in place of {_gib(checkpoint.bytes_stored)}; {fix}"
            )
        needed = checkpoint.bytes_bf16
    free = free_bytes(device)
    if needed * _HEADROOM > free:
        raise Refused(
            f"{checkpoint.name} takes {_gib(needed)} and {_gib(free)} are free on {device}; "
            "free memory or choose a smaller model"
        )
    if options.adapter is not None:
        _check_adapter(options.adapter, checkpoint, packed=checkpoint.is_mxfp4 and obstacle is None)
    return device


def _obstacle(checkpoint: Checkpoint, device: str, tried: str) -> tuple[str, str] | None:
    if not checkpoint.is_mxfp4:
        return None
    fix = "install the versions in constraints.txt, or set MUNIMENT_MODEL_ALLOW_UNPACKED=true"
    return mxfp4_obstacle(device) or ((f"its kernels on this machine, {tried}", fix) if tried else None)


def load(checkpoint: Checkpoint, options: LoadOptions, *, tried: str = "") -> Loaded:
    """Load, then look at what was loaded; `tried` as for `preflight`.

    Raises:
        Refused: as `preflight`, or the library unpacked what was to stay packed, or packed experts are wrong.
        Broken: the library could not load the folder.
    """
    device = preflight(checkpoint, options, tried=tried)
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from engine.models.seats import can_sit_together

    # Its bars would be drawn into our own progress.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    unpack = _obstacle(checkpoint, device, tried) is not None
    packed = checkpoint.is_mxfp4 and not unpack
    arguments: dict[str, Any] = {
        "dtype": torch.bfloat16,
        "local_files_only": True,
        "trust_remote_code": False,
        "use_safetensors": True,
        **_packing(options.precision, device),
    }
    if unpack:
        from transformers.utils.quantization_config import Mxfp4Config

        arguments["quantization_config"] = Mxfp4Config(dequantize=True)
    if device == "cuda":
        arguments["device_map"] = "auto"
    way = way_for(_seen(device), sinks=checkpoint.is_gpt_oss, together=can_sit_together(checkpoint.config))
    model: Any = None
    while model is None:
        arguments["attn_implementation"] = way.reading[0]
        try:
            # The mode is set by the library: a loaded model is one for use and not for training.
            with mxfp4_kernels.given() if packed else nullcontext():
                model = AutoModelForCausalLM.from_pretrained(str(checkpoint.folder), **arguments)
        except (ImportError, OSError, ValueError, RuntimeError, KeyError) as error:
            # Attention whose kernel is not on this machine fails before any weights are read.
            if is_out_of_memory(error) or len(way.reading) == 1:
                raise Broken(
                    f"{checkpoint.name} could not be loaded ({type(error).__name__}); see docs/gpt-oss.md, "
                    "and check the folder and the kernels of the offline bundle"
                ) from error
            way = way.without_first(f"could not be loaded ({type(error).__name__})")
    quantization = _in_memory(model)
    if packed and quantization != "mxfp4":
        del model
        gc.collect()
        raise Refused(
            f"{checkpoint.name} was unpacked to 16 bits by transformers {version('transformers')} with "
            f"kernels {installed('kernels')}; install the versions in constraints.txt, or set "
            "MUNIMENT_MODEL_ALLOW_UNPACKED=true"
        )
    if options.precision != "auto" and not quantization.startswith(options.precision):
        raise Refused(
            f"{checkpoint.name} was loaded as {quantization} and not as {options.precision}; "
            "see docs/gpt-oss.md"
        )
    if checkpoint.is_mxfp4 and unpack:
        quantization = f"{quantization} (unpacked from mxfp4)"
    experts = str(mxfp4_kernels.found()) if packed else ""
    if packed and (why := mxfp4_kernels.wrong(model, checkpoint)):
        model = None
        _give_back(device)
        return load(checkpoint, options, tried=f"{experts}, {why}")
    way = _proved(model, way)
    if options.adapter is not None:
        model = _with_adapter(model, options.adapter)
    return Loaded(model, _device_name(device), quantization, way, experts)


def _give_back(device: str) -> None:
    import torch

    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def _proved(model: Any, way: Way) -> Way:
    """The way, without attention that is not torch's own and gives other numbers than the plain one."""
    from engine.models import proving

    while way.reading[0] not in _TORCHS_OWN and (why := proving.wrong(model)):
        way = way.without_first(why)
        model.set_attn_implementation(way.reading[0])
    return way


def digest(weights: str, adapter: Path | None) -> str:
    """The digest of the weights' folder, and with an adapter that of both."""
    if adapter is None:
        return weights
    return sha256_of(canonical_json({"weights": weights, "adapter": folder_digest(adapter)}))


def _packing(precision: str, device: str) -> dict[str, Any]:
    if precision == "auto":
        return {}
    import torch

    if device == "cpu":
        _needs("torchao")
        from torchao.quantization import Int8WeightOnlyConfig
        from transformers import TorchAoConfig

        return {"quantization_config": TorchAoConfig(Int8WeightOnlyConfig())}
    _needs("bitsandbytes")
    import transformers

    bits: Any = transformers.BitsAndBytesConfig
    if precision == "int8":
        return {"quantization_config": bits(load_in_8bit=True)}
    four = bits(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
    return {"quantization_config": four}


def _in_memory(model: Any) -> str:
    """The number format that most of the loaded weights have, by the kinds of their layers and tensors."""
    layers = {type(module).__name__ for module in model.modules()}
    if _MXFP4_EXPERTS in layers:
        return "mxfp4"
    if "Linear8bitLt" in layers:
        return "int8 (bitsandbytes)"
    if "Linear4bit" in layers:
        return "nf4 (bitsandbytes)"
    if any("torchao" in type(one).__module__ for one in model.parameters()):
        return "int8 (torchao)"
    kinds = {str(one.dtype).removeprefix("torch.") for one in model.parameters()}
    return "bf16" if "bfloat16" in kinds else "/".join(sorted(kinds))


def _check_adapter(folder: Path, checkpoint: Checkpoint, *, packed: bool) -> None:
    """An adapter on packed experts would be left out without a word."""
    files = sorted(folder.glob("*.safetensors"))
    if not files or not (folder / "adapter_config.json").is_file():
        raise Broken(f"{folder} is no LoRA adapter; it has adapter_config.json and a safetensors file")
    named = [name for file in files for name in tensor_names(file)]
    if packed and any(".experts." in name for name in named):
        raise Refused(
            f"the adapter {folder.name!r} changes experts, and on {checkpoint.name} in MXFP4 that would have "
            "no effect; use one for attention only, or merge it and export the model again"
        )


def _with_adapter(model: Any, folder: Path) -> Any:
    from peft import PeftModel

    try:
        adapted = PeftModel.from_pretrained(model, str(folder), is_trainable=False)
    except (ValueError, RuntimeError, KeyError, OSError) as error:
        raise Broken(
            f"the adapter {folder.name!r} does not fit this model; use the one made for it"
        ) from error
    return adapted.eval()


def _device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise Refused(
            "no CUDA device is to be had; check the driver with nvidia-smi, or set the device to `cpu`"
        )
    return wanted


def _seen(device: str) -> Device:
    if device == "cpu":
        return Device("cpu")
    import torch
    from transformers.utils import import_utils

    count = torch.cuda.device_count()
    oldest = min(torch.cuda.get_device_capability(one) for one in range(count))
    return Device("cuda", oldest, count, import_utils.is_kernels_available())


def _device_name(device: str) -> str:
    import torch

    if device == "cpu":
        return "cpu"
    names = [torch.cuda.get_device_name(one) for one in range(torch.cuda.device_count())]
    return " + ".join(names)


def free_bytes(device: str) -> int:
    """Bytes that can be had now on a device, those counted that the process keeps there unused."""
    if device == "cpu":
        return free_memory()
    import torch

    return sum(
        torch.cuda.mem_get_info(one)[0] + torch.cuda.memory_reserved(one) - torch.cuda.memory_allocated(one)
        for one in range(torch.cuda.device_count())
    )


def _needs(package: str) -> None:
    if installed(package) == "none":
        raise Broken(f"{package} is not installed and this precision needs it; install `muniment[quantized]`")


def _gib(size: int) -> str:
    return f"{size / _GIB:,.1f} GiB"
