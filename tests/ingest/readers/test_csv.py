import pytest

from ingest.readers.csv import CsvReader


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_a_page_is_the_file_character_by_character(tmp_path, encoding, mark):
    text = f'Mieter{mark}Miete\r\n"M\xfcller{mark} S\xf6hne\nGmbH"{mark}1.234,50 \r\n'
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    reading = CsvReader().read(path)
    (page,) = list(reading.pages)
    assert page.text.removeprefix("\ufeff") == text
    assert page.problem is None
