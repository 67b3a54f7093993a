"""Find what names or numbers a person or an account in a text, by rules.

What has a form of its own is found well: e-mail addresses, IBANs and cards by their check digits, social
security and employer numbers, telephone numbers with a usual grouping, and whatever stands behind "account
no.". Persons have no form. They are found by a title, an office, a signature, an initial, a common given
name or what stands before or behind; a bare surname only where the full name stands in the same question.
**A name that has none of these is missed**, and so is a company without its legal form. Amounts, dates and
everything that describes somebody without naming them stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from engine.words import word_set


class Kind(StrEnum):
    """What a piece of text gives away; also the word in its placeholder."""

    EMAIL = "EMAIL"
    IBAN = "IBAN"
    CARD = "CARD"
    TAX = "TAXID"
    ACCOUNT = "ACCOUNT"
    ID = "ID"
    PHONE = "PHONE"
    ADDRESS = "ADDRESS"
    COMPANY = "COMPANY"
    PERSON = "PERSON"


@dataclass(frozen=True, slots=True)
class Found:
    """Characters `start` up to, not including, `end` of a text."""

    start: int
    end: int
    kind: Kind


_UPPER = "".join(chr(one) for one in range(0x250) if chr(one).isupper())
_EDGE, _END = r"(?<![^\W_])", r"(?![^\W_])"
_TOKEN = rf"(?:(?:al|el|[Dd]['\u2019])-?)?[{_UPPER}](?:[^\W\d_]|['\u2019-](?=[^\W\d_]{{2}}))+{_END}"
_INITIAL = rf"[{_UPPER}]\."
_PARTICLE = r"(?:de|del|della|da|di|dos|du|van|von|der|den|la|le|bin|ibn|ter|ten)\s"
_PART = rf"(?:{_PARTICLE}){{0,2}}(?:{_TOKEN}|{_INITIAL}|[{_UPPER}](?=\s[{_UPPER}]))"
_FULL = rf"(?:{_TOKEN}|{_INITIAL})(?:\s{_PART}){{1,3}}"
_OFFICE = (
    r"(?:(?:managing|executive|senior|vice|deputy|non-executive|chief|general|loan|sales|finance|financial|legal"
    r"|operating|branch|project)\s)*(?:directors?|trustees?|officers?|president|secretary|treasurer|chair(?:man|woman)?"
    r"|partner|managers?|counsel|attorneys?|solicitors?|arbitrators?|witness(?:es)?|deponent|employees?|guarantors?"
    r"|consultants?|executives?|claimant|plaintiff|defendant|agent|accountant|auditor|adjuster|physician|c[efot]o)"
)
_TITLE = (
    r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Hon|Rev|Professor|Doctor|Judge|Justice|Sir|Dame|Lord|Lady|Herr|Frau|Monsieur"
    r"|Madame)\.?\s"
)
_TITLED = re.compile(rf"(?P<title>{_TITLE})?(?P<name>.*)", re.IGNORECASE | re.DOTALL)
_PERSONS = tuple(
    re.compile(rule)
    for rule in (
        rf"{_EDGE}{_TITLE}(?:Justice\s|Judge\s)?{_PART}(?:\s{_PART}){{0,2}}",
        rf"(?:/[sS]/|[Nn]ame:|NAME:|Attention:?|Attn\.?:?|attention of|Contact:|c/o|Beneficiary:|Witness:"
        rf"|[Ss]igned by|[Rr]eported by|[Cc]op(?:y|ies) to:?)\s*"
        rf"(?P<name>{_FULL}(?:(?:,\s(?:and\s)?|\sand\s){_FULL})*)",
        rf"(?P<name>{_FULL})(?=,?\s(?:\(|(?:as\s)?(?:the|our|its|an?)\s)?(?i:{_OFFICE})\b|,\sEsq)",
        rf"(?P<name>{_FULL})(?=,\s(?:an\sindividual|who\b|whose\b|residing\b)|\s(?:testified|stated|said|told|wrote|lives"
        rf"|resides|signed|resigned|deposed|(?:was|is)\s(?:hereby\s)?appointed)\b"
        rf"|\s\((?:the\s)?[\"\u201c](?:Executive|Employee|Consultant|Guarantor|Director|Trustee|Optionee|Participant))",
        rf"(?i:\b{_OFFICE}),?\s(?P<name>{_FULL})",
        rf"{_EDGE}(?P<name>{_INITIAL}\s?(?:{_INITIAL}\s?)*{_TOKEN})",
        rf"(?P<name>{_TOKEN})(?=\sv\.?\s{_TOKEN})",
        rf"(?<=\sv\.\s)(?P<name>{_TOKEN})",
    )
)
_MAYBE = re.compile(rf"{_EDGE}{_FULL}")
_COMPANY = re.compile(
    rf"{_EDGE}(?P<short>(?:{_TOKEN}|[{_UPPER}]{{1,5}})(?:\s(?:&\s|and\s|of\s)?(?:{_TOKEN}|[{_UPPER}]{{1,5}})){{0,5}}),?\s"
    r"(?:Inc|INC|Incorporated|INCORPORATED|Corp|CORP|Corporation|CORPORATION|L\.?L\.?C|Ltd|LTD|Limited|LIMITED|L\.?L\.?P"
    rf"|L\.P|LP|[Pp]lc|PLC|GmbH|GMBH|AG|S\.A|N\.V|B\.V|S\.r\.l|Co|CO|(?<=\w\w\s)(?:Company|COMPANY)){_END}\.?"
)
# Capitalised and no part of a name.
_NOT_A_NAME = word_set(
    "a accounting act address administrative affairs after agreement all also an and annex any appendix"
    " april are article as at attention attn august bank base be been before board book borrower business"
    " buyer by can capital certificate chapter chief class clause client closing code committee common"
    " company compliance consolidated consultant contract contractor corporate corporation could counsel"
    " court customer date december deed default did directors distributor division do does each east"
    " effective email employee employment equity event exchange executive exhibit family fax february"
    " federal financial first following for former franchisee franchisor friday from fund general group"
    " guarantor had has have he her here his holdings how human if in income information insurance"
    " interest internal international investment is it its january july june landlord law lease lender let"
    " letter licensee licensor loan managing march market marketing master may member monday month must"
    " name national net new no nor north not note notice november number october of office officer on"
    " operating operations option or other our page part party per period phone plan policy president"
    " price print production property purchase purchaser quarter real relations resources revenue right"
    " road rule saturday schedule second section securities security see seller senior september series"
    " service services share shares she should south state statement states stock street sunday supplier"
    " supply support tax technology telephone tenant term that the their these they this thursday time"
    " title to total trust tuesday under united value vendor vice was we wednesday were west what when"
    " where whereas who why will with would year yes york you your"
)
_NUMBERED = r"(?:\s?(?:no|nr|number|num|id)\b\.?|\s?#)"
_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.EMAIL, re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")),
    (Kind.TAX, re.compile(r"(?<![\w-])(?!000|666|9)\d{3}[- ](?!00)\d{2}[- ](?!0000)\d{4}(?![\w-])")),
    (Kind.TAX, re.compile(r"(?<![\w-])\d{2}-\d{7}(?![\w-])")),
    (
        Kind.ACCOUNT,
        re.compile(
            r"(?i:\b(?:account|acct|a/c|routing|aba|sort code|swift|bic|iban)\b(?:\scode)?"
            rf"{_NUMBERED}?(?:\sis)?:?)"
            r"\s(?P<name>[A-Z\d](?=[A-Z\d -]*\d)(?:[A-Z\d]|-(?=[A-Z\d])|\s(?=\d)){3,33})(?![^\W_])"
        ),
    ),
    (
        Kind.ID,
        re.compile(
            rf"(?i:\b(?:passport|policy|member|licen[cs]e|patient|claim|national insurance|customer|employee"
            rf"|social security|tax|vat){_NUMBERED}(?:\sis)?:?)"
            rf"\s(?P<name>[A-Z\d](?=[A-Z\d -]*\d)[A-Z\d-]{{3,20}})(?![^\W_])"
        ),
    ),
    (
        Kind.PHONE,
        re.compile(
            r"(?<![\w+])(?:\+\d{1,3}[\s.-]?(?:\(0?\d{1,4}\)[\s.-]?)?\d{1,4}(?:[\s.-]\d{2,5}){1,4}"
            r"|\(\d{3,4}\)\s?\d{3,4}[\s.-]\d{3,4}|\d{3}[.-]\d{3}[.-]\d{4}|0\d{2,4}\s\d{3,4}\s?\d{3,4})(?![\w-])"
        ),
    ),
    (
        Kind.ADDRESS,
        re.compile(
            rf"{_EDGE}\d{{1,5}}[A-Za-z]?\s(?:[NSEW]\.?\s)?(?:{_TOKEN}\s|\d+(?:st|nd|rd|th)\s){{1,3}}(?:Street|St|Avenue|Ave"
            rf"|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Way|Court|Ct|Place|Pl|Square|Sq|Terrace|Parkway|Pkwy|Highway|Hwy"
            rf"|Row|Close|Crescent|Gardens|Plaza){_END}\.?"
            rf"(?:,?\s(?:Suite|Ste\.?|Floor|Unit|Apt\.?|Room)\s[\w-]+)?(?:,\s{_TOKEN}(?:\s{_TOKEN}){{0,2}})?"
            rf"(?:,?\s(?:[A-Z]{{2}}|{_TOKEN}(?:\s{_TOKEN})?)\s\d{{5}}(?:-\d{{4}})?|,?\s[A-Z]{{1,2}}\d[A-Z\d]?\s\d[A-Z]{{2}})?"
        ),
    ),
    (
        Kind.ADDRESS,
        re.compile(
            rf"\bP\.?\s?O\.?\sBox\s\d+(?:,\s{_TOKEN}(?:\s{_TOKEN}){{0,2}},?\s(?:[A-Z]{{2}}|{_TOKEN})\s\d{{5}}(?:-\d{{4}})?)?"
        ),
    ),
    (
        Kind.ADDRESS,
        re.compile(rf"{_EDGE}[{_UPPER}][^\W\d_]*(?:stra(?:ss|\u00df)e|str\.|weg|platz|gasse|allee)\s\d+[a-z]?"
                   rf"(?:,\s\d{{5}}\s{_TOKEN})?"),
    ),
)  # fmt: skip
_IBAN = re.compile(r"(?<![^\W_])[A-Z]{2}\d{2}(?:\s?[A-Z\d]{4}){2,7}(?:\s?[A-Z\d]{1,4})?(?![^\W_])")
_CARD = re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])")


def sensitive(text: str) -> list[Found]:
    """What is found in one text by itself, in order; none overlaps another."""
    return merged([*_formed(text), *_companies(text), *_persons(text)])


def merged(found: list[Found]) -> list[Found]:
    """Those that overlap as one, so that nothing of either stays; the kind is the first one's."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if kept and one.start < kept[-1].end:
            last = kept.pop()
            one = Found(last.start, max(last.end, one.end), last.kind)
        kept.append(one)
    return kept


def short_name(company: str) -> str:
    """A company's name without its legal form; empty where that is too common a word to stand for it."""
    found = _COMPANY.match(company)
    short = found["short"] if found else ""
    return "" if short.casefold() in _NOT_A_NAME or len(short) < 3 else short


def surname(person: str) -> str:
    """The last word of a person's name; empty where it is no word to look for."""
    last = person.split()[-1]
    return "" if len(last) < 3 or last.endswith(".") or last.casefold() in _NOT_A_NAME else last


def titled(person: str) -> tuple[str, str]:
    """A person's title, without its full stop, and the name without it."""
    found = _TITLED.fullmatch(person)
    assert found is not None, "whatever the name is, it may be all of it"
    return (found["title"] or "").strip(". \t\n"), found["name"]


def is_iban(text: str) -> bool:
    """Whether the check digits are right (ISO 13616, mod 97)."""
    plain = "".join(text.split())
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def is_card(text: str) -> bool:
    """Whether the last digit is the check digit of the others (Luhn)."""
    digits = [int(one) for one in text if one.isdigit()]
    doubled = [sum(divmod(2 * one, 10)) for one in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


@cache
def given_names() -> frozenset[str]:
    """Common given names of several languages, in small letters; those that are also words are left out."""
    return frozenset((Path(__file__).parent / "given_names.txt").read_text(encoding="utf-8").split())


def _formed(text: str) -> Iterator[Found]:
    for match in _IBAN.finditer(text):
        if is_iban(match[0]):
            yield Found(*match.span(), Kind.IBAN)
    for match in _CARD.finditer(text):
        if is_card(match[0]):
            yield Found(*match.span(), Kind.CARD)
    for kind, form in _FORMS:
        for match in form.finditer(text):
            yield Found(*match.span("name" if "name" in form.groupindex else 0), kind)


def _companies(text: str) -> Iterator[Found]:
    for match in _COMPANY.finditer(text):
        start = _without_beginning(text, match.start(), match.end("short"))
        if start < match.end("short"):
            yield Found(start, match.end(), Kind.COMPANY)


def _persons(text: str) -> Iterator[Found]:
    for rule in _PERSONS:
        for match in rule.finditer(text):
            if "name" not in rule.groupindex:
                yield Found(*match.span(), Kind.PERSON)
                continue
            # A list of names behind one cue is several names.
            start = match.start("name")
            for one in re.finditer(_FULL if " " in match["name"] else _TOKEN, match["name"]):
                yield from _trimmed(text, start + one.start(), start + one.end())
    for match in _MAYBE.finditer(text):
        words = list(re.finditer(r"\S+", match[0]))
        for at, word in enumerate(words[:-1]):
            if word[0].casefold().partition("-")[0] in given_names():
                yield from _trimmed(text, match.start() + words[at].start(), match.end())
                break


def _trimmed(text: str, start: int, end: int) -> Iterator[Found]:
    """The stretch up to its first word that belongs to no name, if something is left."""
    start = _without_beginning(text, start, end)
    last = start
    for word in re.finditer(r"\S+", text[start:end]):
        if word[0].casefold() in _NOT_A_NAME and len(word[0]) > 1:
            break
        if text[start + word.end() : start + word.end() + 1] == ":":
            # A label of the next line, such as "Title:".
            break
        last = start + word.end()
    if text[start:last].endswith(("'s", "\u2019s")):
        last -= 2
    if last - start > 2:
        yield Found(start, last, Kind.PERSON)


def _without_beginning(text: str, start: int, end: int) -> int:
    for word in re.finditer(r"\S+", text[start:end]):
        if word[0].casefold() not in _NOT_A_NAME:
            return start + word.start()
    return end
