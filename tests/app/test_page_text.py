import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from app import page_text


class _Seen(HTMLParser):
    """What a browser makes of some HTML: its tags, its text, and the text inside marks."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.marked = [], "", ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        self.tags.append(f"/{tag}")

    def handle_data(self, data):
        self.text += data
        if self.tags.count("mark") > self.tags.count("/mark"):
            self.marked += data


_SHEET = "Sheet: P&L\n\nA1: Line | B1: 2024\nA3: EBITDA | C3: $5,065 | D3:E3: a: b | c"
_TEXTS = st.text(st.sampled_from("ab<&>\"'|: \nA1[]insertedd"), max_size=120)


def _html(text, **options):
    [part] = page_text.parts(text)
    return page_text.text_html(text, part, **options)


def _bare(text):
    return re.sub(r"[\s|]", "", text)


@given(_TEXTS, st.integers(-5, 130), st.integers(-5, 130))
def test_all_of_a_page_is_shown_in_order_and_none_of_it_becomes_markup(text, start, end):
    seen = _Seen(_html(text, start=start, end=end))
    assert _bare(seen.text) == _bare(text)
    known = {"p", "mark", "ins", "del", "span", "div", "table", "tbody", "tr", "td"}
    assert {one.lstrip("/") for one in seen.tags} <= known
    if 0 <= start < end <= len(text):
        assert _bare(seen.marked) == _bare(text[start:end])
    else:
        assert seen.marked == ""


def test_a_sheet_is_a_grid_whose_cited_cell_is_marked():
    start = _SHEET.index("$5,065")
    shown = _html(_SHEET, start=start, end=start + 6, sheet=True)
    assert '<td class="m-right"><mark>$5,065</mark></td>' in shown
    assert "<th>3</th><td>EBITDA</td><td></td>" in shown
    assert "<td>a: b | c</td>" in shown


def test_a_sheet_of_too_many_columns_is_shown_row_by_row():
    names = [f"{a}{b}" for a in "ABC" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    text = " | ".join(f"{name}1: x" for name in names)
    assert _bare(_Seen(_html(text, sheet=True)).text) == _bare(text)


def test_tracked_changes_are_shown_as_such():
    shown = _html("due within [deleted: 30][inserted: 45 <days>]")
    assert "<del>[deleted: 30]</del><ins>[inserted: 45 &lt;days&gt;]</ins>" in shown


def test_a_mail_stands_under_its_headers():
    shown = _html("From: Ann\nSubject: Rent: more\n\nDear Ben: hello")
    assert '<p class="m-mail"><span>Subject: </span>Rent: more</p>' in shown
    assert "<p>Dear Ben: hello</p>" in shown


@given(st.lists(st.integers(0, 50_000), max_size=6))
def test_a_long_text_comes_in_parts_that_are_all_of_it(lengths):
    text = "\n".join("x" * length for length in lengths)
    divided = page_text.parts(text)
    assert "".join(text[one.start : one.end] for one in divided) == text
    assert all(one.end - one.start <= page_text.PART_CHARS for one in divided)
    for number, one in enumerate(divided):
        if one.end > one.start:
            assert page_text.part_with(divided, one.start) == number
