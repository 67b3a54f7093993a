"""Why a passage was found, as people read it: never markup from a document, nothing that was not recorded."""

from app.why import also_line, found_line, left_out_line, marked, passage_html, route_line, scores_html

WHY = {
    "reasons": ["says \u201claw\u201d", "similar in meaning (0.71)"],
    "terms": ["law"],
    "given": True,
    "left_out": "",
}
PASSAGE = {
    "rank": 1,
    "document": "a<b>.pdf",
    "page": 3,
    "text": "The law & the lawn.",
    "scores": {"dense": 0.71, "fused": 0.03},
    "ranks": {"dense": 2},
    "why": WHY,
}


def test_whole_words_are_marked_and_all_else_is_escaped():
    assert marked("The law & the lawn.", ["law"]) == "The <mark>law</mark> &amp; the lawn."
    assert marked("governing\nLaw", ["governing law"]) == "<mark>governing\nLaw</mark>"
    assert marked("<law>", []) == "&lt;law&gt;"
    assert marked("a.b axb", ["a.b"]) == "<mark>a.b</mark> axb"


def test_a_passage_says_where_it_stands_and_why_it_was_found():
    shown = passage_html(PASSAGE)
    assert "1. a&lt;b&gt;.pdf, p. 3" in shown
    assert "Found because: says \u201claw\u201d; similar in meaning (0.71)." in shown
    assert "Not given" not in shown
    left = {**PASSAGE, "why": {**WHY, "given": False, "left_out": "the model had room for the first passage"}}
    assert left_out_line(left) == "Not given to the model: the model had room for the first passage."
    assert left_out_line(left) in passage_html(left)


def test_a_companion_says_what_it_is_to_which_passage():
    brought = {**PASSAGE, "why": {**WHY, "reasons": [], "brought": "Section 8.2, referred to in passage 1"}}
    assert found_line(brought) == "Brought along: Section 8.2, referred to in passage 1."


def test_a_passage_says_where_its_words_stand_again():
    twins = [{"document": "draft <2>.pdf", "page": 4}, {"document": "draft 3.pdf", "page": 5}]
    again = {**PASSAGE, "also_in": twins}
    assert also_line(again) == "The same words also stand in draft <2>.pdf, p. 4; draft 3.pdf, p. 5."
    assert "The same words also stand in draft &lt;2&gt;.pdf, p. 4" in passage_html(again)
    assert also_line({**PASSAGE, "also_in": []}) == also_line(PASSAGE) == ""


def test_an_answer_from_before_reasons_were_kept_is_shown_without():
    old = {name: value for name, value in PASSAGE.items() if name not in ("why", "ranks")}
    assert found_line(old) == left_out_line(old) == route_line(None) == ""
    assert "Found because" not in passage_html(old)
    assert "0.710" in scores_html([old])


def test_scores_stand_with_the_place_in_their_stage():
    assert "0.710 (no. 2)" in scores_html([PASSAGE])


def test_the_route_is_said_only_where_a_document_was_named():
    route = {"document": "lease.pdf", "named_by": ["acme"], "searched_for": "rent"}
    assert "take" in route_line(route)
    assert "lease.pdf by \u201cacme\u201d" in route_line(route)
    assert route_line({**route, "document": None}) == ""
