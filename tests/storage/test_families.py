"""Drafts of one text are found as a family, and strangers are not."""

import numpy as np

from storage.families import families, likeness


def packed(numbers):
    return np.asarray(numbers, dtype="<u4").tobytes()


def near(numbers, changed):
    return [*range(10_000, 10_000 + changed), *numbers[changed:]]


def test_drafts_are_a_family_led_by_the_first_and_strangers_are_in_none():
    lease, other = list(range(128)), list(range(5_000, 5_128))
    [family] = families(
        [
            ("lease", packed(lease)),
            ("other", packed(other)),
            ("draft", packed(near(lease, 16))),
            ("far", packed(near(lease, 64))),
        ]
    )
    assert family.members == (("lease", 1.0), ("draft", 0.875))


def test_ten_thousand_copies_of_a_form_are_one_family():
    form = list(range(128))
    signatures = [(f"doc {n}", packed(near(form, n % 20))) for n in range(10_000)]
    [family] = families(signatures)
    assert len(family.members) == 10_000


def test_likeness_is_the_share_of_equal_numbers():
    form = list(range(128))
    assert likeness(packed(form), packed(near(form, 32))) == 0.75
    assert likeness(packed(form), packed(form)) == 1.0
