import pytest

from ingest.media import HTML, XML, media_type_of
from ingest.readers import reader_for


def page_of(path, data):
    path.write_bytes(data)
    assert media_type_of(path, path.name) == XML
    (page,) = reader_for(XML).read(path).pages
    return page


@pytest.mark.parametrize("name", ["a.xml", "data.bin"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_xml_is_the_decoded_file_exactly_in_the_encoding_that_it_declares(tmp_path, name, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?>\r\n<a b="c">M\xfcller  &amp; Co</a>\n'
    assert page_of(tmp_path / name, text.encode(encoding)).text.lstrip("\ufeff") == text


def test_entities_are_not_resolved(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    bomb = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    text = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">{bomb}]><a>&x;&e9;</a>'
    assert page_of(tmp_path / "a.xml", text.encode()).text == text


def test_a_web_page_that_is_xml_too_is_a_web_page(tmp_path):
    path = tmp_path / "filing.xml"
    path.write_text(
        '<?xml version="1.0"?>\n<!-- made by a tool -->\n<html xmlns="http://www.w3.org/1999/xhtml"/>'
    )
    assert media_type_of(path, path.name) == HTML
