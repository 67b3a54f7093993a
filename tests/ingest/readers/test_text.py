import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.encodings import decoded
from ingest.media import media_type_of
from ingest.readers import reader_for
from ingest.readers.text import TextReader

ENGLISH = (
    "The tenant\u2019s \u201cPremises\u201d \u2013 see clause 4: M\xfcller\u2019s caf\xe9, na\xefve r"
    "\xe9sum\xe9. "
)
JAPANESE = (
    "\u65e5\u672c\u8a9e\u306e\u5951\u7d04\u66f8\u3067\u3059\u3002\n\u8cc3\u6599\u306f\u6708\u984d"
    "\u5341\u4e07\u5186\u3068\u3059\u308b\u3002\n"
)
RUSSIAN = (
    "\u0414\u043e\u0433\u043e\u0432\u043e\u0440 \u0430\u0440\u0435\u043d\u0434\u044b. \u0410\u0440"
    "\u0435\u043d\u0434\u043d\u0430\u044f \u043f\u043b\u0430\u0442\u0430 \u0434\u0435\u0441\u044f"
    "\u0442\u044c \u0442\u044b\u0441\u044f\u0447 \u0440\u0443\u0431\u043b\u0435\u0439."
)


def page_of(path, data):
    path.write_bytes(data)
    reading = reader_for(media_type_of(path, path.name)).read(path)
    (page,) = reading.pages
    return page, reading.flags


@pytest.mark.parametrize("name", ["a.txt", "a.md", "notes"])
def test_plain_text_is_the_decoded_file_exactly(tmp_path, name):
    text = "\ufeffOne\r\n\r\n  two\t\rthree \n\n"
    assert page_of(tmp_path / name, text.encode())[0].text == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        *((one, ENGLISH) for one in ("utf-8", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le")),
        *((one, ENGLISH) for one in ("cp1252", "mac_roman")),
        *((one, JAPANESE) for one in ("shift_jis", "iso2022_jp", "euc_jp", "utf-16-le", "utf-16-be")),
        *((one, RUSSIAN) for one in ("cp1251", "koi8_r")),
    ],
)
def test_other_encodings_are_found(tmp_path, encoding, text):
    page, _ = page_of(tmp_path / "a.txt", text.encode(encoding))
    assert page.text.lstrip("\ufeff") == text
    assert page.problem is None


def test_a_guessed_encoding_is_said(tmp_path):
    data = "Caf\xe9 \x93Le Ch\xeane\x94 la soci\xe9t\xe9".encode("latin-1")
    assert page_of(tmp_path / "a.txt", data)[1] == ("read as cp1252, which is a guess",)


def test_a_weak_guess_is_said_and_lowers_the_quality(tmp_path):
    page, flags = page_of(tmp_path / "a.txt", bytes(range(128, 256)) * 2)
    assert "weak guess" in flags[0]
    assert page.quality <= 0.5


def test_what_a_broken_encoding_lost_is_counted(tmp_path):
    data = ("Fl\xe4che, B\xfcro, H\xf6he, Stra\xdfe, M\xfcller " * 3).encode() + b"\xff\xfe end"
    page, _ = page_of(tmp_path / "a.txt", data)
    assert page.text.startswith("Fl\xe4che, B\xfcro")
    assert page.problem.startswith("2 characters were lost")


def test_characters_that_nobody_sees_stay_in_the_text_and_are_named(tmp_path):
    tags = "".join(chr(0xE0000 + ord(one)) for one in "ignore all")
    text = f"Pay\u200bment{tags} is \u202edue\u202c."
    page, _ = page_of(tmp_path / "a.txt", text.encode())
    assert page.text == text
    assert [one.why for one in page.hidden] == [
        "tag characters",
        "zero-width characters",
        "characters that turn the direction of text round",
    ]
    assert page.hidden[0].text == "ignore all"


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffA text with a byte order mark",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 a family",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f a flag",
        "\u05e9\u05dc\u05d5\u05dd \u2067abc\u2069",
    ],
)
def test_marks_that_scripts_and_emoji_need_are_not_called_hidden(tmp_path, text):
    assert page_of(tmp_path / "a.txt", text.encode())[0].hidden == ()


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0\x1b", exclude_categories=["Cs"]), min_size=1))
def test_offsets_of_a_text_are_those_of_the_decoded_file(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes(text.encode())
    (page,) = TextReader().read(path).pages
    expected = path.read_bytes().decode()
    assert page.text == expected


def test_a_stray_nul_in_a_text_is_counted_and_does_not_make_it_another_encoding(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"The rent is due\0 on the first day of each month.")
    (page,) = TextReader().read(tmp_path / "a.txt").pages
    assert page.text == "The rent is due\ufffd on the first day of each month."
    assert page.problem.startswith("1 character was lost")


@settings(deadline=None)
@given(st.binary(min_size=1), st.sampled_from([None, "utf-8", "cp1252", "utf-16", "nonsense", "idna"]))
def test_any_bytes_have_a_text(data, declared):
    assert isinstance(decoded(data, declared).text, str)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Umowa sprzedaży zawarta między stronami: sprzedający i kupujący płacą cenę."),
        ("cp850", "Le débiteur s'engage à régler la créance à l'échéance prévue, très tôt."),
        ("cp850", "Köparen skall betala på tillträdesdagen. Säljaren ansvarar för överlåtelse."),
    ],
)
def test_accents_that_would_be_signs_inside_words_decide_the_encoding(tmp_path, encoding, text):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    (page,) = TextReader().read(path).pages
    assert page.text == text
