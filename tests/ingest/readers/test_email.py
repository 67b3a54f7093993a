import binascii
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.media import EMAIL, MBOX, media_type_of
from ingest.readers import reader_for
from ingest.readers.base import ReadOptions, Unreadable
from ingest.readers.email import EmailReader
from tests.data.make_mail import HEADERS, PLAIN_MAIL, mail, tnef, tnef_text


@pytest.fixture
def read(tmp_path):
    def read(message, options=None):
        path = tmp_path / "a.eml"
        data = message.as_bytes() if isinstance(message, EmailMessage) else message
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        reading = EmailReader().read(path, options or ReadOptions())
        (page,) = reading.pages
        return reading, page, list(reading.attachments)

    return read


def body(page):
    return page.text.partition("\n\n")[2].strip()


def test_a_message_gives_its_main_headers_as_they_are_written_and_its_text(read):
    reading, page, _ = read(PLAIN_MAIL)
    assert page.text == (
        "From: Ann <ann@example.com>\nTo: Bob <bob@example.com>\nDate: Mon, 4 Mar 2024 10:00:00 +0000\n"
        "Subject: Caf\xe9 lease\n\nThe rent is $10.\n"
    )
    assert reading.title == "Caf\xe9 lease"
    assert page.problem is None


def test_a_blind_copy_and_another_reply_address_are_told(read):
    _, page, _ = read(mail("x", Bcc="c@example.com", **{"Reply-To": "other@example.com"}))
    assert "Bcc: c@example.com" in page.text
    assert "Reply-To: other@example.com" in page.text


def test_the_plain_text_is_taken_where_it_says_what_the_html_says(read):
    _, page, _ = read(
        mail("The rent is ten dollars.\n> Quoted: why?\n", "<p>The rent is <b>ten</b> dollars.</p>")
    )
    assert body(page) == "The rent is ten dollars.\n> Quoted: why?"


@pytest.mark.parametrize("stub", ["", "Please view this message in a browser."])
def test_the_html_is_taken_where_the_plain_text_is_a_stub(read, stub):
    html = "<p>The annual rent is $120,000, payable in advance.</p>" * 3
    assert "The annual rent is $120,000" in body(read(mail(stub, html))[1])


def test_a_plain_text_that_says_something_else_is_flagged(read):
    reading, _, _ = read(
        mail("Nothing to see here.", "<p>Pay ten million dollars to this account today.</p>")
    )
    assert "something else than its HTML" in reading.flags[0]


def test_hidden_text_of_the_html_is_kept_apart_unless_accepted(read):
    message = mail(None, "<p>Seen</p><p style='display:none'>Unseen</p>")
    _, page, _ = read(message)
    assert (body(page), [one.text for one in page.hidden]) == ("Seen", ["Unseen"])
    _, page, _ = read(message, ReadOptions(with_hidden=True))
    assert body(page) == "Seen\n\nUnseen"
    assert [one.text for one in page.hidden] == ["Unseen"]


def test_attachments_come_with_their_names_and_bytes_and_messages_as_messages(read):
    outer = mail("See attached.", files=[("Entwurf f\xfcr M\xfcller.txt", b"draft"), ("empty.bin", b"")])
    outer.add_attachment(mail("The inner text.", Date="Mon, 4 Mar 2024 10:00:00 +0000"))
    _, page, attached = read(outer)
    assert body(page) == "See attached."
    assert [one.name for one in attached] == [
        "Entwurf f\xfcr M\xfcller.txt",
        "empty.bin",
        "Lease of 4 Northgate.eml",
    ]
    assert attached[0].data == b"draft"
    assert (attached[1].data, attached[1].problem) == (None, "is empty; ask for it again")
    assert body(read(attached[2].data)[1]) == "The inner text."


def test_a_name_that_leads_elsewhere_is_cut_to_its_last_part(read):
    _, _, (attached,) = read(mail("x", files=[("../../etc/passwd", b"x")]))
    assert attached.name == "passwd"


def test_a_logo_in_the_text_is_flagged_and_a_photographed_page_is_attached(read):
    message = mail("x", "<p>x</p><img src='cid:a'><img src='cid:b'>")
    html = message.get_payload()[1]
    html.add_related(b"\x89PNG" + b"0" * 100, "image", "png", cid="<a>")
    html.add_related(b"\x89PNG" + b"0" * 50_000, "image", "png", cid="<b>")
    reading, _, attached = read(message)
    assert [len(one.data) for one in attached] == [50_004]
    assert reading.flags == ("shows 1 small pictures in its text: taken for logos and not read",)


def test_outlooks_own_packing_is_handed_on_as_a_file(read):
    packed = tnef(tnef_text(0x8004, b"Lease"))
    _, _, (attached,) = read(mail("x", files=[("winmail.dat", packed)]))
    assert (attached.name, attached.data, attached.problem) == ("winmail.dat", packed, None)


@pytest.mark.parametrize(
    "kind", ["multipart/encrypted; boundary=b", "application/pkcs7-mime; smime-type=enveloped-data"]
)
def test_an_encrypted_message_gives_its_headers_and_says_so(read, kind):
    _, page, _ = read(f"Subject: Secret\nFrom: a@example.com\nContent-Type: {kind}\n\n--b\n\nx\n--b--\n")
    assert page.text.startswith("From: a@example.com\nSubject: Secret")
    assert "is encrypted: only its headers were read" in page.problem


def test_a_signed_message_is_read_and_its_signature_is_no_attachment(read):
    reading, page, attached = read(
        "Subject: s\nContent-Type: multipart/signed; boundary=b\n\n--b\nContent-Type: text/plain\n\nAgreed.\n"
        "--b\nContent-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----\n--b--\n"
    )
    assert (body(page), attached) == ("Agreed.", [])
    assert "signature is not checked" in reading.flags[0]


def test_parts_are_told_apart_where_the_announced_boundary_is_missing(read):
    _, page, _ = read(
        "Subject: s\nContent-Type: multipart/mixed\n\n--found-it\nContent-Type: text/plain\n\nOne\n"
        "--found-it\nContent-Type: text/plain\n\nTwo\n--found-it--\n"
    )
    assert body(page) == "One\n\nTwo"


def test_a_message_whose_parts_cannot_be_told_apart_is_read_as_one_text(read):
    reading, page, _ = read("Subject: s\nContent-Type: multipart/mixed; boundary=b\n\nJust text.\n")
    assert body(page) == "Just text."
    assert "no boundary" in reading.flags[0]


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("iso-8859-1", "cp1252"), ("nonsense", "utf-8"), ("us-ascii", "utf-8"), ("utf-8", "cp1252")],
)
def test_a_wrong_charset_loses_no_letter(read, charset, encoding):
    head = f"Subject: s\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n"
    text = "Die Miete betr\xe4gt 5 \u20ac \u2013 f\xe4llig am Ersten."
    _, page, _ = read(head.encode() + text.encode(encoding))
    assert (body(page), page.problem) == (text, None)


def test_a_header_with_bytes_that_it_should_not_have_is_read(read):
    _, page, _ = read("Subject: M\xfcller & S\xf6hne\nFrom: a@b.c\n\nx".encode("cp1252"))
    assert "Subject: M\xfcller & S\xf6hne" in page.text


@pytest.mark.parametrize("data", [b"\n\n\n", b"X-Nothing: 1\n\n"])
def test_a_message_that_holds_nothing_is_unreadable(read, data):
    with pytest.raises(Unreadable, match="without headers or text"):
        read(data)


def test_a_message_nested_without_end_ends(read):
    data = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3_000))
    with pytest.raises(Unreadable, match="too deeply"):
        read(b"Subject: s\n" + data)


def test_a_mailbox_lists_its_messages_and_each_is_a_file(tmp_path):
    path = tmp_path / "box"
    path.write_bytes(
        b"".join(
            b"From ann@example.com Mon Mar  4 10:00:00 2024\n" + mail(f"Text {n}").as_bytes() + b"\n"
            for n in (1, 2)
        )
    )
    assert media_type_of(path, "box") == MBOX
    reading = reader_for(MBOX).read(path)
    assert len(next(reading.pages).text.splitlines()) == 2
    attached = list(reading.attachments)
    assert [one.name for one in attached] == [
        "00001 Lease of 4 Northgate.eml",
        "00002 Lease of 4 Northgate.eml",
    ]
    assert b"Text 2" in attached[1].data


def test_a_message_is_known_by_its_headers(tmp_path):
    path = tmp_path / "scan0001"
    path.write_text(PLAIN_MAIL)
    assert media_type_of(path, "scan0001.bin") == EMAIL


_lines = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\x85"), max_size=60
)


@settings(deadline=None)
@given(st.lists(_lines, min_size=1, max_size=6), st.lists(st.binary(min_size=1, max_size=40), max_size=3))
def test_no_line_and_no_file_of_a_message_is_lost_and_their_order_is_kept(tmp_path_factory, lines, files):
    path = tmp_path_factory.mktemp("mail") / "a.eml"
    named = [(f"{n}.bin", data) for n, data in enumerate(files)]
    path.write_bytes(mail("\n".join(lines) + "\n", files=named).as_bytes())
    reading = EmailReader().read(path)
    (page,) = reading.pages
    assert page.text.endswith("\n\n" + "\n".join(lines) + "\n")
    assert [(one.name, one.data) for one in reading.attachments] == named
    assert page.text.startswith(f"From: {HEADERS['From']}\n")


def test_a_file_that_an_old_program_wrote_into_the_text_comes_out_of_it(tmp_path):
    path = tmp_path / "a.eml"
    coded = binascii.b2a_uu(b"The annex says 6,600 euros.").decode()
    path.write_text(
        "From: a@example.com\nSubject: Annex\nMIME-Version: 1.0\n\n"
        f"See below.\nbegin 644 annex.txt\n{coded}`\nend\nBest, Ann\n"
    )
    reading = EmailReader().read(path)
    (page,) = reading.pages
    assert page.text.endswith("See below.\n[attached file annex.txt]\nBest, Ann\n")
    assert [(one.name, one.data) for one in reading.attachments] == [
        ("annex.txt", b"The annex says 6,600 euros.")
    ]


def test_words_that_begin_and_end_are_no_file(tmp_path):
    path = tmp_path / "a.eml"
    path.write_text("From: a@example.com\nSubject: x\n\nbegin 644 words\nthe work on Monday\nend\n")
    reading = EmailReader().read(path)
    (page,) = reading.pages
    assert "the work on Monday" in page.text
    assert list(reading.attachments) == []


def test_words_that_only_the_html_shows_as_struck_are_marked(read):
    _, page, _ = read(mail("The rent is 48 50 euros a day.", "<p>The rent is <s>48</s> 50 euros a day.</p>"))
    assert body(page) == "The rent is [struck through: 48] 50 euros a day."
