"""The table of a question about every document: every row is there, and nothing in it is markup."""

from app.surveys import survey_html

BODY = {
    "coverage": "\u201crent\u201d was found in 1 of 2 documents. Looked at 2 of 3 documents.",
    "citations": [{"n": 1, "page": 4, "quote": "The <b>rent</b> is due."}],
    "documents": [
        {
            "document": "a<i>.pdf",
            "status": "found",
            "reason": "1 of 3 pages could not be read",
            "citation": 1,
        },
        {"document": "b.pdf", "status": "not_found", "reason": "", "citation": None},
        {"document": "c.pdf", "status": "not_searchable", "reason": "it needs a password", "citation": None},
    ],
}


def test_every_document_stands_in_the_table_or_is_named_below_it():
    shown = survey_html(BODY)
    assert "The &lt;b&gt;rent&lt;/b&gt; is due.\u2060<sup>[1]</sup>" in shown
    assert "a&lt;i&gt;.pdf" in shown
    assert "1 of 3 pages could not be read" in shown
    assert "<summary>1 document where it was not found</summary><ul><li>b.pdf</li></ul>" in shown
    assert "<li>c.pdf: it needs a password</li>" in shown
    assert "Looked at 2 of 3 documents." in shown
    assert "may be about something else" in shown


def test_a_document_is_named_once_in_its_own_line():
    row = {
        "document": "c.pdf",
        "status": "not_searchable",
        "reason": "'c.pdf' is cut short",
        "citation": None,
    }
    assert "<li>c.pdf: is cut short</li>" in survey_html({**BODY, "citations": [], "documents": [row]})


def test_where_nothing_was_found_there_is_no_table_and_the_names_are_open():
    shown = survey_html({**BODY, "citations": [], "documents": BODY["documents"][1:]})
    assert "<table" not in shown
    assert "may be about something else" not in shown
    assert "<details open><summary>1 document where" in shown
