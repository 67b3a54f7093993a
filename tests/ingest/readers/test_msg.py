import pytest

from ingest.media import MSG, media_type_of
from ingest.readers.base import Unreadable
from ingest.readers.email import EmailReader
from ingest.readers.msg import MsgReader
from tests.data.make_mail import msg, msg_properties, msg_text

# 4 March 2024, 10:00 UTC, in tenths of microseconds since 1601.
SENT = 133540200000000000


def recipient(name, address, kind):
    return {**msg_properties(8, {0x0C15: kind}), **msg_text(0x3001, name), **msg_text(0x39FE, address)}


def message(header=32, **folders):
    return {
        **msg_properties(header, {0x0039: SENT, 0x3FDE: 1252}),
        **msg_text(0x0037, "Lease of 4 Northgate"),
        **msg_text(0x0C1A, "Ann M\xfcller"),
        **msg_text(0x5D01, "ann@example.com"),
        **msg_text(0x1000, "The rent is $10.\r\n\r\n> Quoted: why?\r\n"),
        **folders,
    }


def read(path):
    assert media_type_of(path, path.name) == MSG
    reading = MsgReader().read(path)
    (page,) = reading.pages
    return reading, page, list(reading.attachments)


def test_a_message_gives_its_people_its_date_and_its_text(tmp_path):
    people = {
        "__recip_version1.0_#00000000": recipient("Bob", "bob@example.com", 1),
        "__recip_version1.0_#00000001": recipient("Cy, LLP", "cy@example.com", 2),
        "__recip_version1.0_#00000002": recipient("Di", "di@example.com", 3),
    }
    reading, page, _ = read(msg(tmp_path / "a.bin", message(**people)))
    assert page.text == (
        "From: Ann M\xfcller <ann@example.com>\nTo: Bob <bob@example.com>\nCc: Cy, LLP <cy@example.com>\n"
        "Bcc: Di <di@example.com>\nDate: Mon, 04 Mar 2024 10:00:00 +0000\nSubject: Lease of 4 Northgate\n\n"
        "The rent is $10.\n\n> Quoted: why?\n"
    )
    assert (reading.title, page.problem) == ("Lease of 4 Northgate", None)


def test_the_html_is_read_in_its_code_page_where_there_is_no_text(tmp_path):
    html = "<p>Miete: 5 \u20ac</p>".encode("cp1252").ljust(4_096)
    tree = {**message(), "__substg1.0_10130102": html, **msg_text(0x1000, "")}
    assert read(msg(tmp_path / "a.msg", tree))[1].text.endswith("\n\nMiete: 5 \u20ac")


def test_files_and_messages_inside_it_are_attachments(tmp_path):
    data = bytes(range(256)) * 20
    file = {
        **msg_properties(8),
        **msg_text(0x3707, "Entwurf f\xfcr Bob.pdf"),
        "__substg1.0_37010102": data,
    }
    inner = {**msg_properties(8), "__substg1.0_3701000D": message(24)}
    tree = message(**{"__attach_version1.0_#00000000": file, "__attach_version1.0_#00000001": inner})
    _, _, attached = read(msg(tmp_path / "a.msg", tree))
    assert [one.name for one in attached] == ["Entwurf f\xfcr Bob.pdf", "Lease of 4 Northgate.eml"]
    assert attached[0].data == data
    path = tmp_path / "inner.eml"
    path.write_bytes(attached[1].data)
    (page,) = EmailReader().read(path).pages
    assert page.text.startswith("From: Ann M\xfcller <ann@example.com>\nDate: Mon, 04 Mar 2024")
    assert "> Quoted: why?" in page.text


def test_a_message_cut_short_is_damaged(tmp_path):
    path = msg(tmp_path / "a.msg", message())
    path.write_bytes(path.read_bytes()[:3_000])
    with pytest.raises(Unreadable, match="damaged Outlook message"):
        MsgReader().read(path)


def test_a_subject_may_hold_any_character_that_ends_a_line(tmp_path):
    tree = {**message(), **msg_text(0x0037, "Lease\x0bof 4\u2028Northgate")}
    assert "Subject: Lease of 4 Northgate" in read(msg(tmp_path / "a.msg", tree))[1].text
