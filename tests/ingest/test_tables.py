from ingest.lines import lines_of
from ingest.tables import Tables, tables_in

INCOME = """CONSOLIDATED STATEMENTS OF INCOME
(in millions, except per share data)
Three Months Ended June 30,
2023 2022
Net sales $ 134,383 $ 121,234
Operating expenses:
Cost of sales 69,373 66,424
Fulfillment 21,305 20,342
Total operating expenses 126,702 117,917
Operating income 7,681 3,317"""


def told(text, *, tables=None):
    """What each line of a page's tables is told, by the line's text."""
    lines = lines_of(text)
    rows = (tables or Tables()).rows(lines)
    return {lines[place].text: tuple(one.text for one in row.told) for place, row in rows.items()}


def test_a_printed_row_is_told_caption_header_unit_and_section():
    rows = told(INCOME)
    header = "(in millions, except per share data) Three Months Ended June 30, 2023 2022"
    caption = "CONSOLIDATED STATEMENTS OF INCOME"
    assert rows["Net sales $ 134,383 $ 121,234"] == (caption, header)
    assert rows["Cost of sales 69,373 66,424"] == (caption, header, "Operating expenses:")
    assert rows["Operating income 7,681 3,317"] == (caption, header)


def test_the_first_section_of_a_table_is_no_caption():
    rows = told("2023 2022\nCurrent assets:\nCash 12 14\nInventories 3 5\nTotal current assets 15 19")
    assert rows["Inventories 3 5"] == ("2023 2022", "Current assets:")


def test_a_sentence_that_leads_to_a_table_gives_its_unit():
    rows = told("Our leases were as follows (in thousands):\n2023 2022\nShort 12 14\nLong 3 5")
    assert rows["Long 3 5"] == ("Our leases were as follows (in thousands):", "2023 2022")


def test_a_label_that_goes_on_in_the_next_line_is_not_parted_from_its_figures():
    text = "2023 2022\nNet income 7 9\nGains on securities held for sale, net of\ntaxes 12 14"
    rows = Tables().rows(lines_of(text))
    assert [row.joined for row in rows.values()] == [False, True, False, True]


def test_rows_at_the_head_of_the_next_page_keep_the_header():
    tables = Tables()
    told(INCOME, tables=tables)
    rows = told(
        "Interest income 661 159\nInterest expense (840) (584)\nNet income 6,750 2,028", tables=tables
    )
    assert rows["Interest expense (840) (584)"][1].endswith("Three Months Ended June 30, 2023 2022")


def test_a_header_of_its_own_replaces_that_of_the_page_before():
    tables = Tables()
    told(INCOME, tables=tables)
    rows = told("2021 2020\nInterest income 661 159\nInterest expense 840 584", tables=tables)
    assert rows["Interest expense 840 584"] == ("2021 2020",)


def test_a_header_is_forgotten_where_prose_ends_the_page():
    tables = Tables()
    told(INCOME + "\nSee the notes to these statements.\nThey are part of them.\nAll of them.", tables=tables)
    rows = told("Interest income 661 159\nInterest expense 840 584", tables=tables)
    assert rows["Interest expense 840 584"] == ()


def test_cells_and_markdown_and_delimited_lines_have_their_first_row_for_header():
    assert told("Name | Rent\nNorth | 12\nSouth | 14")["South | 14"] == ("Name | Rent",)
    assert told("| Name | Rent |\n|---|---|\n| South | 14 |")["| South | 14 |"] == ("Name | Rent",)
    assert told("name,city,rent\nA,Bath,12\nB,York,14")["B,York,14"] == ("name,city,rent",)


def test_the_titles_of_a_sheet_are_its_header_without_addresses():
    sheet = (
        "A1: Income\nA2: (in thousands)\nB4: 2023 | C4: 2022\nA5: Rent | B5: 12 | C5: 14\n"
        "A6: Costs\nA7: Staff | B7: 3 | C7: 5"
    )
    rows = told(sheet)
    assert rows["A5: Rent | B5: 12 | C5: 14"] == ("Income (in thousands) 2023 | 2022",)
    assert rows["A7: Staff | B7: 3 | C7: 5"] == ("Income (in thousands) 2023 | 2022", "Costs")


def test_a_first_row_of_figures_is_no_header():
    assert told("North | 12 | 7\nSouth | 14 | 8")["South | 14 | 8"] == ()


def test_a_row_with_its_first_cell_alone_is_a_section():
    rows = told("Item | 2023\nRevenue |\nRent | 12\nFees | 3".replace("Revenue |", "| Revenue | |"))
    assert rows["Fees | 3"] == ("Item | 2023", "Revenue")


def test_columns_that_are_named_anew_begin_a_table_of_their_own():
    text = "June 30, 2022\nRent 12 14\nFees 3 5\nJune 30, 2023\nRent 22 24\nFees 6 7"
    assert told(text)["Fees 6 7"] == ("June 30, 2023",)
    assert len(tables_in(text.split("\n"))) == 2


def test_prose_with_numbers_is_no_table():
    prose = (
        "On June 30, 2023 we had 12 leases and 14 options, of which 3 were renewed in 2022 and 2023.\n"
        "The remaining term was 17.9 years and 17.5 years as of December 31, 2022 and June 30, 2023.\n"
        "We expect to pay $266 million and $269 million in the years 2024 and 2025, or 12% of sales."
    )
    assert told(prose) == {}
