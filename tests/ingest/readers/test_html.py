import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.readers.base import ReadOptions, Unreadable
from ingest.readers.html import HtmlReader, html_text


def hidden(html):
    return [(one.text, one.why) for one in html_text(html).hidden]


@pytest.fixture
def page_of(tmp_path):
    def page_of(data, options=None):
        path = tmp_path / "a.html"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        reading = HtmlReader().read(path, options or ReadOptions())
        return reading, next(reading.pages)

    return page_of


def test_html_gives_its_visible_text_with_blocks_apart_and_rows_on_lines(page_of):
    reading, page = page_of(
        "<!doctype html><html><head><title>Notice</title><style>p{}</style></head><body><h1>Notice</h1>"
        "<script>alert(1)</script><!-- hidden --><p>Thirty   <b>days</b></p>"
        "<table><tr><th>Year</th><th>Rent</th></tr><tr><td>1</td><td>$10</td></tr></table>after</body></html>"
    )
    assert page.text == "Notice\n\nThirty days\n\nYear | Rent\n1 | $10\n\nafter"
    assert (reading.title, page.hidden) == ("Notice", ())


def test_a_sign_in_a_cell_of_its_own_joins_its_figure():
    cells = "".join(f"<td>{one}</td>" for one in ("Loss", "$", "(1,234", ")", "", "5", "%"))
    html = f"<table><tr>{cells}</tr></table>"
    assert html_text(html).text == "Loss | $(1,234) | 5%"


def test_a_table_in_a_cell_keeps_its_lines():
    html = "<table><tr><td>a<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table></td></tr></table>"
    assert html_text(html).text == "a\n\n1 | 2\n3"


def test_preformatted_text_keeps_its_columns():
    assert html_text("<p>x</p><pre>Rent     10\n  Tax     1</pre>").text == "x\n\nRent     10\n  Tax     1"


def test_what_is_filled_into_a_form_is_text():
    html = "<input value='Ann'><input type=hidden value=token><textarea>note</textarea>"
    assert html_text(html).text.split() == ["Ann", "note"]


def test_a_bar_of_links_is_dropped_and_a_table_of_contents_is_not():
    html = "<nav><a href='/'>Home</a> <a href='/x'>Shop</a></nav><nav><a href='#1'>1. Term</a></nav>"
    assert html_text(html).text == "1. Term"


@pytest.mark.parametrize(
    ("html", "why"),
    [
        ("<p style='display:none'>x</p>", "display: none"),
        ("<p style='display: none !important'>x</p>", "display: none"),
        ("<style>.a, .b {display:none}</style><p class='b'>x</p>", "display: none"),
        ("<p hidden>x</p>", "hidden element"),
        ("<p style='visibility:hidden'>x</p>", "visibility: hidden"),
        ("<p style='font-size:0'>x</p>", "text of no size"),
        ("<p style='font-size:1px'>x</p>", "text of no size"),
        ("<p style='opacity:0'>x</p>", "fully transparent"),
        ("<p style='position:absolute;left:-9999px'>x</p>", "off the page"),
        ("<p style='color:#FFF'>x</p>", "white on white"),
        ("<p><font color=white>x</font></p>", "white on white"),
        ("<p style='color:red;background:red'>x</p>", "in the colour of its background"),
    ],
)
def test_hidden_text_is_kept_apart_with_how_it_hides(html, why):
    found = html_text(f"<p>seen</p>{html}<p>seen too</p>")
    assert found.text == "seen\n\nseen too"
    assert [(one.text, one.why) for one in found.hidden] == [("x", why)]


@pytest.mark.parametrize(
    "html",
    [
        "<p aria-hidden=true>x</p>",
        "<table bgcolor=navy><tr><td><font color=white>x</font></td></tr></table>",
        "<div style='background:#003'><p style='color:white'>x</p></div>",
        "<div style='font-size:0'><p style='font-size:12px'>x</p></div>",
        "<div style='visibility:hidden'><p style='visibility:visible'>x</p></div>",
        "<style>@media print {.a {display:none}}</style><p class=a>x</p>",
        "<p style='opacity:0.5;left:-1px;font-size:0.9em'>x</p>",
    ],
)
def test_what_a_browser_shows_is_text(html):
    found = html_text(html)
    assert (found.text, found.hidden) == ("x", ())


def test_hidden_text_that_was_accepted_is_text_and_stays_flagged(page_of):
    _, page = page_of("<p>a</p><p hidden>b</p><p>c</p>", ReadOptions(with_hidden=True))
    assert page.text == "a\n\nb\n\nc"
    assert [one.text for one in page.hidden] == ["b"]


def test_the_hidden_data_of_a_filing_is_named_as_such():
    html = (
        "<div style='display:none'><ix:header><ix:hidden>0001234</ix:hidden></ix:header></div><p>Item 1</p>"
    )
    assert hidden(html) == [("0001234", "data of an inline XBRL filing that is not shown")]


@pytest.mark.parametrize(
    "data",
    [
        "<meta charset=windows-1252><p>5 \u20ac \u2013 M\xfcller</p>".encode("cp1252"),
        "<meta charset=utf-8><p>5 \u20ac \u2013 M\xfcller</p>".encode("cp1252"),
        "<p>5 \u20ac \u2013 M\xfcller</p>".encode("utf-16"),
        "<meta content='text/html; charset=utf-16'><p>5 \u20ac \u2013 M\xfcller</p>".encode(),
    ],
)
def test_the_encoding_is_found_and_not_believed_blindly(page_of, data):
    assert page_of(data)[1].text == "5 \u20ac \u2013 M\xfcller"


def test_seven_bit_japanese_is_not_taken_for_ascii(page_of):
    text = "\u65e5\u672c\u8a9e\u306e\u5951\u7d04\u66f8"
    assert page_of(f"<meta charset=iso-2022-jp><p>{text}</p>".encode("iso2022_jp"))[1].text == text


def test_html_reads_no_external_entity(page_of, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    html = f'<!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}">]><html><body><p>a &x; b</p></body></html>'
    assert "the secret" not in page_of(html)[1].text


def test_elements_nested_without_end_are_refused_and_many_levels_are_read():
    assert html_text("<div>" * 1_000 + "deep" + "</div>" * 1_000).text == "deep"
    with pytest.raises(Unreadable, match="too deeply"):
        html_text("<div>" * 100_000 + "deep")


_words = st.text("abcdefghijklmnopqrstuvwxyz\xe4\u20ac\u4e2d0123456789", min_size=1, max_size=8)
_tags = st.sampled_from(["p", "div", "b", "li", "h2", "span", "td", "section", "x-y", "pre"])


@settings(deadline=None)
@given(st.lists(st.tuples(_tags, _words, _words), min_size=1, max_size=12))
def test_no_word_of_html_is_lost_and_the_order_is_kept(pieces):
    html = "".join(f"<{tag}>{one}</{tag}> {two} " for tag, one, two in pieces)
    found = html_text(f"<html><body>{html}</body></html>").text.replace("|", " ").split()
    assert "".join(found) == "".join(one + two for _, one, two in pieces)


@settings(deadline=None)
@given(st.text(max_size=80), st.booleans())
def test_any_markup_gives_a_text(source, wrapped):
    assert isinstance(html_text(f"<p>{source}" if wrapped else source).text, str)


def test_what_was_deleted_in_html_cannot_be_quoted_as_in_force(tmp_path):
    path = tmp_path / "a.html"
    path.write_text("<p>Notice: <del>thirty </del><ins>sixty</ins> days<del> </del>.</p>")
    (page,) = HtmlReader().read(path).pages
    assert page.text == "Notice: [deleted: thirty] [inserted: sixty] days ."


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("<html><head><title>Deed<body><p>Words.</p>", "<title> is never closed"),
        ("<p>Before.</p><script>var x = 1; <p>After.</p>", "<script> is never closed"),
        ("<p>Before.</p><!-- so <p>After.</p>", "comment in it is never closed"),
        ("<frameset><frame src='a.html'></frameset>", "in frames"),
    ],
)
def test_what_html_swallows_is_told(tmp_path, source, why):
    path = tmp_path / "a.html"
    path.write_text(source)
    (page,) = HtmlReader().read(path).pages
    assert why in page.problem


@pytest.mark.parametrize(
    "source",
    [
        "<title>Deed</title><script>document.write('<script src=x>')</script><p>Words.</p>",
        "<script><!-- old\nvar x = 1;</script><p>Words.</p>",
        "<title/><script src='x'/><p>Words.</p>",
        "<p>Words.</p><!-- end -->",
    ],
)
def test_html_that_swallows_nothing_is_complete(tmp_path, source):
    path = tmp_path / "a.html"
    path.write_text(source)
    (page,) = HtmlReader().read(path).pages
    assert (page.text, page.problem) == ("Words.", None)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Rent: <s>48,200</s> 50,000", "Rent: [struck through: 48,200] 50,000"),
        ("Rent: <strike>48 </strike>50", "Rent: [struck through: 48] 50"),
        ('<span style="text-decoration: line-through">48</span>50', "[struck through: 48]50"),
        (
            '<span style="text-decoration-line: underline line-through"><s>48</s></span>',
            "[struck through: 48]",
        ),
        ('<p style="text-decoration:line-through">one</p><p>two</p>', "[struck through: one]\n\ntwo"),
        ("<del><s>48</s></del>", "[deleted: 48]"),
        ("<style>.gone {text-decoration: line-through}</style><b class=gone>48</b>", "[struck through: 48]"),
        ('<table><tr style="text-decoration:line-through"><td>A<td>B</table>', "[struck through: A | B]"),
        ("<table><tr><td><s>A</s><td>B</table>", "[struck through: A] | B"),
        ("<s><img></s>x", "x"),
    ],
)
def test_words_with_a_line_through_them_are_marked(html, text):
    assert html_text(html).text == text


def test_boxes_tell_whether_they_are_ticked():
    html = "<input type=checkbox checked>Furnished <input type=radio>Pets"
    assert html_text(html).text == "[x] Furnished [ ] Pets"


def test_a_raised_digit_behind_a_figure_does_not_change_it():
    html = "10<sup>6</sup> m<sup>2</sup>, 48,200<sup><a href=#n>1</a></sup> of the 5<sup>th</sup>"
    assert html_text(html).text == "10^6 m2, 48,200^1 of the 5th"
    styled = "<table><tr><td>48,200<span style='vertical-align: super'>(1)</span></td><td>7</td></tr></table>"
    assert html_text(styled.replace("(1)", "1")).text == "48,200^1 | 7"
    assert html_text(styled).text == "48,200(1) | 7"
    assert html_text("<p>48,200</p><p><sup>1</sup> Of the lease</p>").text == "48,200\n\n1 Of the lease"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ol><li>One<li>Two</ol>", "1. One\n2. Two"),
        ("<ol start=4><li>Four<li value=9>Nine<li>Ten</ol>", "4. Four\n9. Nine\n10. Ten"),
        ("<ol type=a><li>A<ol type=i><li>In</ol><li>B</ol>", "a. A\n\ni. In\n\nb. B"),
        ("<ol reversed><li>Two<li>One</ol>", "2. Two\n1. One"),
        ("<ol style='list-style: none'><li>1.1 Own</ol>", "1.1 Own"),
        ("<ol style='list-style-type: upper-roman'><li>First</ol>", "I. First"),
        ("<ul><li>Bullet</ul>", "Bullet"),
    ],
)
def test_the_numbers_of_a_list_are_read_as_they_are_drawn(html, text):
    assert html_text(html).text == text


def test_a_frame_that_the_page_holds_itself_is_read():
    assert "Inner 71" in html_text("<p>Outer</p><iframe srcdoc='&lt;p&gt;Inner 71&lt;/p&gt;'></iframe>").text
