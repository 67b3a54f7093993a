"""A killed load loses nothing: each document is live once, or listed; the next run completes it."""

import random

from .kills import rehearse

FILES = 50
KILLS = 10


def test_documents_are_live_once_and_whole_however_often_the_load_is_killed(tmp_path):
    seed = random.randrange(1 << 32)
    assert rehearse(tmp_path, kills=KILLS, seed=seed, count=FILES) >= 1, f"seed {seed}"
