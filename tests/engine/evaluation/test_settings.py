"""What a search setting leaves out has no part in what comes back."""

import pytest

from engine.evaluation.running import SETTINGS
from engine.retrieval import MEASURED
from tests.engine.test_retrieval import FILING, LEASE, Desk


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    made.ingest("lease.txt", LEASE)
    made.ingest("filing.txt", FILING)
    yield made
    made.rooms.close()
    made.database.close()


@pytest.mark.parametrize(
    ("setting", "stages"),
    [
        ("dense", {"dense", "fused"}),
        ("keyword", {"keyword", "fused"}),
        ("dense-keyword", {"dense", "keyword", "fused"}),
    ],
)
def test_a_ranking_that_counts_nothing_brings_nothing(desk, setting, stages):
    found = desk.retriever.search(
        desk.scope, "What was revenue after the lease ends?", settings=SETTINGS[setting]
    )
    assert found.passages
    assert {stage for passage in found.passages for stage in passage.scores} == stages


def test_the_search_of_the_product_is_the_measured_one(desk):
    question = "What was revenue after the lease ends?"
    by_default = desk.retriever.search(desk.scope, question).passages
    assert by_default == desk.retriever.search(desk.scope, question, settings=MEASURED).passages
