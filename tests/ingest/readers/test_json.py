import pytest

from ingest.media import JSON, media_type_of
from ingest.readers import reader_for


@pytest.mark.parametrize("name", ["a.json", "data.bin"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_json_is_the_decoded_file_exactly_whatever_it_is_called(tmp_path, name, encoding):
    text = '{"rent": 120000.10,\r\n "party": "M\xfcller",  "broken": [1, 2'
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    assert media_type_of(path, name) == JSON
    (page,) = reader_for(JSON).read(path).pages
    assert page.text.lstrip("\ufeff") == text


def test_a_note_that_begins_with_a_bracket_is_no_json(tmp_path):
    path = tmp_path / "note"
    path.write_text("[1] See Smith v Jones.")
    assert media_type_of(path, "note") != JSON
