import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.media import TNEF, media_type_of
from ingest.readers.base import Unreadable
from ingest.readers.tnef import TnefReader
from tests.data.make_mail import tnef, tnef_attribute, tnef_properties, tnef_text

CODE_PAGE = tnef_attribute(0x9007, struct.pack("<II", 1252, 0))
SENT = tnef_attribute(0x8005, struct.pack("<7H", 2024, 3, 4, 10, 0, 0, 1))
FILE_BEGINS = tnef_attribute(0x9002, bytes(14), level=2)


@pytest.fixture
def read(tmp_path):
    def read(packed):
        path = tmp_path / "winmail.dat"
        path.write_bytes(packed)
        assert media_type_of(path, path.name) == TNEF
        reading = TnefReader().read(path)
        (page,) = reading.pages
        return page, list(reading.attachments)

    return read


def test_a_message_for_any_mail_program_gives_its_sender_its_date_and_its_text(read):
    name, address = b"Ann M\xfcller\0", b"SMTP:ann@example.com\0"
    sender = struct.pack("<4H", 4, 0, len(name), len(address)) + name + address
    page, _ = read(
        tnef(
            CODE_PAGE,
            tnef_attribute(0x8000, sender),
            SENT,
            tnef_text(0x8004, b"Lease"),
            tnef_text(0x800C, b"The rent is \x80 48,200.\r\n"),
        )
    )
    assert page.text == (
        "From: Ann M\xfcller <ann@example.com>\nDate: Mon, 04 Mar 2024 10:00:00 +0000\nSubject: Lease\n\n"
        "The rent is \u20ac 48,200.\n"
    )
    assert page.problem is None


def test_what_outlook_adds_goes_before_what_it_says_to_all(read):
    people = struct.pack("<I", 1) + tnef_properties({0x3001: "Bob", 0x39FE: "bob@example.com", 0x0C15: 2})
    page, files = read(
        tnef(
            tnef_text(0x8004, b"Lease of..."),
            tnef_attribute(0x9004, people),
            tnef_attribute(0x9003, tnef_properties({0x0037: "Lease of 4 Northgate", 0x1000: "Six months."})),
            FILE_BEGINS,
            tnef_text(0x8010, b"ENTWUR~1.PDF", level=2),
            tnef_attribute(0x800F, b"%PDF-1.7", level=2),
            tnef_attribute(0x9005, tnef_properties({0x3707: "Entwurf f\xfcr Bob.pdf"}), level=2),
        )
    )
    assert page.text == "Cc: Bob <bob@example.com>\nSubject: Lease of 4 Northgate\n\nSix months.\n"
    assert [(one.name, one.data) for one in files] == [("Entwurf f\xfcr Bob.pdf", b"%PDF-1.7")]


def test_a_message_inside_it_is_a_file_of_its_own(read):
    inner = tnef(tnef_text(0x8004, b"Inner"), tnef_text(0x800C, b"Rent: 12"))
    packed = bytes(16) + inner
    held = struct.pack("<IHHII", 1, 0x0D, 0x3701, 1, len(packed)) + packed + bytes(-len(packed) % 4)
    _, (attached,) = read(
        tnef(tnef_text(0x8004, b"Outer"), FILE_BEGINS, tnef_attribute(0x9005, held, level=2))
    )
    assert attached.name == "Inner.eml"
    assert b"Subject: Inner" in attached.data


def test_a_spoiled_byte_is_told(read):
    packed = bytearray(tnef(tnef_text(0x8004, b"Lease"), tnef_text(0x800C, b"Rent 48"), SENT))
    packed[packed.index(b"48")] = ord("9")
    page, _ = read(bytes(packed))
    assert "check sum" in page.problem
    assert "Rent 98" in page.text


def test_one_that_breaks_off_gives_what_it_has_and_says_so(read):
    packed = tnef(tnef_text(0x8004, b"Lease"), tnef_text(0x800C, b"The rent is 48,200."))
    page, _ = read(packed[:-15])
    assert "Subject: Lease" in page.text
    assert "breaks off" in page.problem


def test_one_of_which_nothing_is_left_is_damaged(tmp_path):
    path = tmp_path / "winmail.dat"
    path.write_bytes(tnef()[:5])
    with pytest.raises(Unreadable, match="damaged"):
        TnefReader().read(path)


WHOLE = tnef(
    CODE_PAGE,
    tnef_text(0x8004, b"Lease"),
    tnef_attribute(0x9003, tnef_properties({0x1000: "Six months.", 0x1009: b"\0" * 20, 0x0C15: 1})),
    FILE_BEGINS,
    tnef_attribute(0x9005, tnef_properties({0x3707: "a.txt", 0x3701: b"Rent"}), level=2),
)


@settings(deadline=None)
@given(at=st.integers(4, len(WHOLE) - 1), value=st.integers(0, 255), cut=st.integers(4, len(WHOLE)))
def test_no_damage_makes_it_stumble(tmp_path_factory, at, value, cut):
    data = bytearray(WHOLE)
    data[at] = value
    path = tmp_path_factory.getbasetemp() / "damaged.dat"
    path.write_bytes(bytes(data[:cut]))
    try:
        reading = TnefReader().read(path)
    except Unreadable:
        return
    assert [page.number for page in reading.pages] == [1]
    list(reading.attachments)
