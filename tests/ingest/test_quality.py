import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.quality import judge, soundness

CLAUSE = (
    "The tenant shall pay the annual rent in equal monthly instalments in advance on the first day of each "
    "month without any deduction or set-off whatsoever except as required by law and subject to clause four "
)
GOOD = {
    "English": CLAUSE * 2,
    "German": "Der Mieter verpflichtet sich, die Miete monatlich im Voraus spätestens am dritten Werktag "
    "eines Monats auf das Konto des Vermieters zu zahlen; die Rechtsschutzversicherungsgesellschaft haftet. "
    * 3,
    "Polish": "Najemca zobowiązuje się płacić czynsz miesięczny z góry najpóźniej do piątego dnia każdego "
    "miesiąca na rachunek bankowy wynajmującego, chyba że strony postanowią inaczej na piśmie. " * 3,
    "Finnish": "Vuokralainen sitoutuu maksamaan kuukausivuokran etukäteen viimeistään jokaisen kuukauden "
    "viidentenä päivänä vuokranantajan pankkitilille, elleivät osapuolet kirjallisesti toisin sovi. " * 3,
    "Vietnamese": "Người thuê nhà cam kết thanh toán tiền thuê hàng tháng trước ngày mùng năm của mỗi "
    "tháng vào tài khoản ngân hàng của bên cho thuê, trừ khi hai bên có thỏa thuận khác bằng văn bản. " * 3,
    "Chinese": "承租人应于每月第一日预付当月租金除法律另有规定外不得扣减。" * 20,
    "Arabic": "يلتزم المستأجر بدفع الإيجار الشهري مقدماً في اليوم الأول من كل شهر. " * 10,
    "figures": "Revenue 1,234 5,678 (9,012) 34.5% Q1 Q2 Q3 " * 60,
    "leaders": "Contents" + "." * 90 + "4\nTerm " + "_" * 80,
    "symbols": "AAPL MSFT NVDA XOM CVX JNJ PFE BRK WMT TSLA " * 20,
    "addresses": "https://www.example.com/a/b?c=d&e=f ann@example.com\n" * 30,
    "paths": "see /a1/b2/c3 and /home/ann/2021/report2.txt for the rest of it. " * 10,
    "nothing": "",
}


@pytest.mark.parametrize("kind", GOOD)
def test_sound_text_of_any_kind_is_left_alone(kind):
    assert judge(GOOD[kind]).usable


def shifted(text, by):
    letters = string.ascii_lowercase
    return text.lower().translate(str.maketrans(letters, letters[by:] + letters[:by]))


BAD = {
    "codes": "(cid:12)(cid:7)(cid:80)" * 20,
    "glyph names": "/g12/g20/g17/g0/g29/g17\n/g10/g21/g29/g20/g17/g27 " * 10,
    "other codes": "MURA^RYNY^A]UNWWA[NcA^URAWNYQWZ\\QANAcRN\\WcA\\RY^AZSAGIBFDDAR_\\Z]C " * 3,
    "private": "\ue001\ue002 \ue003" * 40,
    "controls": "".join(chr(ord(one) - 64) if one.isalpha() else one for one in CLAUSE.upper()),
    "shifted": shifted(CLAUSE * 2, 3),
    "swapped": shifted(CLAUSE * 2, 7),
    "glued": "\n".join(CLAUSE.replace(" ", "")[at : at + 60] for at in range(0, 160, 15)),
    "torn": " ".join(CLAUSE.replace(" ", "")),
}


@pytest.mark.parametrize("kind", BAD)
def test_debris_is_found_and_named(kind):
    verdict = judge(BAD[kind])
    assert not verdict.usable
    assert verdict.fault


@given(st.text())
def test_every_text_has_a_score_between_nothing_and_all(text):
    assert 0 <= judge(text).score <= 1


def test_debris_of_a_broken_encoding_counts_as_unsound():
    assert soundness("The rent is due.") == 1.0
    assert soundness("(cid:12)(cid:7)") == 0.0
    assert soundness("\ufffd\ue001ab") == 0.5
