from ingest.figures import figures_in, names_columns


def test_figures_are_counted_from_the_end():
    assert figures_in("Cost of sales $ 66,424 $ (69,373)") == 2
    assert figures_in("Dividends \u2014 \u2014 12.5%") == 3
    assert figures_in("Commitments and contingencies (4)") == 0
    assert figures_in("as of June 30, 2023") == 1


def test_periods_and_units_name_columns():
    for line in (
        "Three Months Ended",
        "June 30,",
        "2023 2022",
        "(in thousands)",
        "Fiscal Year",
        "As of May 1, 2023",
    ):
        assert names_columns(line), line
    for line in (
        "Operating expenses:",
        "The year was a good one for all of our customers and so on.",
        "Goodwill",
    ):
        assert not names_columns(line), line
