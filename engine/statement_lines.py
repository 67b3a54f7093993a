"""The lines of financial statements, by the names that companies and readers give them.

"Cash flow from operations" is printed as "net cash provided by operating activities", and "turnover" as "net
sales". The names are those usual under US GAAP and IFRS; which of them a company prints is not known, nor
what it calls its own measures. Two names of one line are near, not always equal: a reader sees the row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from engine.words import content_stems


class Statement(StrEnum):
    """A primary statement, by what it reports."""

    INCOME = "income"
    POSITION = "position"
    CASH = "cash"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a statement."""

    names: tuple[str, ...]
    """The first is the one that it goes by here."""
    statements: frozenset[Statement]
    """Where it stands as a line of its own; empty for what only notes and prose state."""

    @property
    def term(self) -> str:
        """What stands for any of its names."""
        return f"={self.names[0]}"


_INCOME = """
revenue; revenues; net revenue; total revenue; sales; net sales; total net sales; turnover; top line
  ; sales revenue
cost of sales; cost of revenue; cost of goods sold; cost of products sold; cost of services; cogs
  ; cost of product
gross profit; gross margin; gross income
operating income; income from operations; operating profit; profit from operations; operating earnings
  ; earnings from operations; operating loss; loss from operations; operating result; ebit
operating expenses; operating costs; opex; costs and expenses
research and development; r&d; research and development expense; research and development costs
selling, general and administrative; sg&a; general and administrative; g&a
  ; sales, general and administrative; marketing, general and administrative; administrative expenses
  ; selling and administrative
sales and marketing; selling and marketing; marketing; selling expenses; selling and distribution
interest expense; interest cost; finance cost; interest charges; interest and other expense
interest income; finance income; investment income; interest and other income
income before income taxes; income before tax; income before provision for income taxes; pre-tax income
  ; pretax income; profit before tax; profit before taxation; earnings before taxes
  ; earnings before income taxes; pre-tax profit; pretax profit; loss before income taxes; loss before tax
  ; loss before provision for income taxes; income before benefit from income taxes; pretax loss
  ; pre-tax loss
provision for income taxes; income tax expense; income tax provision; income tax benefit; tax expense
  ; tax charge; benefit from income taxes; benefit for income taxes; provision for taxes on income
  ; tax provision; income taxes; taxation; income tax charge
net income; net loss; net earnings; net profit; profit for the year; profit for the period
  ; loss for the year; profit after tax; net result; bottom line; earnings after tax
earnings per share; eps; net income per share; income per share; net earnings per share
  ; earnings per common share; net income per common share; income per common share; net loss per share
  ; loss per share; loss per common share; net loss per common share; earnings per ordinary share
  ; net earnings per common share
weighted average shares; weighted average number of shares; weighted average common shares outstanding
  ; weighted average number of common shares outstanding; weighted average shares outstanding
  ; shares used in per share computation; weighted average shares used in per share computation
  ; shares used to compute earnings per share; weighted average number of common shares
  ; shares used to compute net income per share; weighted average common shares
comprehensive income; comprehensive loss; total comprehensive income
dividends per share; dividend per share; dividends declared per share; cash dividends per share
  ; dividends declared per common share; cash dividends declared per common share
  ; dividends per common share; dividends paid per share; distributions per share
  ; dividends per ordinary share
"""
_POSITION = """
cash and cash equivalents; cash equivalents; cash on hand; cash position; cash balance; cash
marketable securities; short-term investments; available-for-sale securities; available-for-sale
assets held for sale; held for sale
accounts receivable; receivables; trade receivables; trade and other receivables
  ; trade accounts receivable; debtors
inventories; inventory; stock of inventory; merchandise inventories
current assets; total current assets
property, plant and equipment; property and equipment; pp&e; fixed assets; tangible fixed assets
intangible assets; intangibles; other intangible assets; acquired intangible assets
total assets; balance sheet total
accounts payable; payables; trade payables; trade and other payables; trade accounts payable; creditors
accrued liabilities; accrued expenses; accruals; accrued and other liabilities
deferred revenue; unearned revenue; contract liabilities; deferred income
current liabilities; total current liabilities
long-term debt; long-term borrowings; long-term loans; non-current borrowings; noncurrent borrowings
  ; term loans; long-term borrowing; long-term notes payable; non-current debt; noncurrent debt
debt; borrowings; borrowing; indebtedness; notes payable; loans payable; loans and borrowings
total liabilities; liabilities in total
liabilities and equity; liabilities and stockholders' equity; liabilities and shareholders' equity
  ; equity and liabilities; liabilities and shareholders' deficit; liabilities and stockholders' deficit
  ; total liabilities and equity; total liabilities and stockholders' equity; total equity and liabilities
  ; total liabilities and shareholders' equity; total liabilities and stockholders' deficit
stockholders' equity; shareholders' equity; equity; stockholder's equity; shareowners' equity
  ; shareholders' funds; stockholders' deficit; shareholders' deficit; net assets; owners' equity
retained earnings; accumulated deficit; retained deficit; accumulated earnings; accumulated losses
treasury stock; treasury shares
shares outstanding; outstanding shares; shares issued and outstanding; common shares outstanding
"""
_CASH = """
net cash from operating activities; operating cash flow; cash flow from operations
  ; cash flow from operating activities; net cash provided by operating activities
  ; net cash used in operating activities; cash from operations; net cash used for operating activities
  ; cash generated from operations; cash provided by operations
  ; net cash generated from operating activities; net cash flow from operating activities
  ; operating cash flows; cash generate from operations; cash used in operations
  ; net cash inflow from operating activities
net cash from investing activities; investing cash flow; cash flow from investing activities
  ; cash used in investing; net cash provided by investing activities
  ; net cash used in investing activities; cash flow from investing
  ; net cash used for investing activities; net cash flow from investing activities
  ; cash flow from investments
net cash from financing activities; financing cash flow; cash flow from financing activities
  ; cash used in financing; net cash provided by financing activities
  ; net cash used in financing activities; cash flow from financing
  ; net cash used for financing activities; net cash flow from financing activities
depreciation and amortization; depreciation and amortisation; d&a
  ; depreciation, depletion and amortization
stock-based compensation; share-based compensation; equity-based compensation; stock compensation
  ; share-based payment; stock-based compensation expense; share-based compensation expense
  ; share-based payments
capital expenditures; capex; capital expenditure; capital spending; purchases of property and equipment
  ; purchases of property, plant and equipment; additions to property and equipment
  ; payments for property and equipment; additions to property, plant and equipment
  ; acquisition of property and equipment; property and equipment additions
  ; acquisition of property, plant and equipment; purchases of fixed assets
  ; purchase of land, property and equipment; property, plant and equipment additions
  ; purchase of equipment
dividends paid; dividends pay; payment of dividends; cash dividends paid; dividend payments
  ; distributions paid; pay dividends; payments of cash dividends; dividend payments to shareholders
  ; cash dividends
repurchases of common stock; share repurchases; stock repurchases; share buybacks; stock buybacks
  ; buybacks; buy-backs; stock buy back; shares buy back; buy back stock; buy back shares
  ; repurchases of shares; repurchases of stock; purchases of treasury stock; repurchases of common shares
  ; treasury stock purchases; payments to repurchase stock
  ; payments related to repurchases of common stock; purchase of common stock; share buyback
business acquisitions; purchases of businesses; acquisition of businesses; acquisitions of businesses
proceeds from debt; proceeds from issuance of debt; proceeds from borrowings; proceeds from long-term debt
  ; proceeds from issuance of long-term debt; issuance of debt; loan proceeds
repayments of debt; repayments of borrowings; principal payments of long-term debt
  ; payments of long-term debt; loan principal payments; repayments of long-term debt; debt repayments
  ; repayment of loans
proceeds from sales; proceeds from sale
interest paid; cash paid for interest
income taxes paid; cash paid for income taxes; taxes paid; cash paid for taxes
"""
_ELSEWHERE = """
employees; headcount; full-time employees; workforce; staff; number of employees; team members
  ; people employed
backlog; remaining performance obligations; order book
effective tax rate; effective income tax rate
"""
_DERIVED: Mapping[str, tuple[str, ...]] = {
    "gross margin": ("gross profit", "revenue"),
    "operating margin": ("operating income", "revenue"),
    "profit margin": ("net income", "revenue"),
    "net margin": ("net income", "revenue"),
    "free cash flow": ("operating cash flow", "capital expenditures"),
    "working capital": ("current assets", "current liabilities"),
    "current ratio": ("current assets", "current liabilities"),
    "quick ratio": ("current assets", "current liabilities", "inventories"),
    "debt to equity": ("total liabilities", "long-term debt", "stockholders' equity"),
    "leverage ratio": ("total liabilities", "long-term debt", "stockholders' equity"),
    "return on equity": ("net income", "stockholders' equity"),
    "return on assets": ("net income", "total assets"),
    "asset turnover": ("revenue", "total assets"),
    "inventory turnover": ("cost of sales", "inventories"),
    "days sales outstanding": ("accounts receivable", "revenue"),
    "interest coverage": ("operating income", "interest expense"),
    "payout ratio": ("dividends paid", "net income"),
    "ebitda": ("operating income", "depreciation and amortization"),
    "book value per share": ("stockholders' equity", "shares outstanding"),
    "net debt": ("debt", "cash and cash equivalents"),
    "long-term debt": ("debt",),
    "effective tax rate": ("provision for income taxes", "income before income taxes"),
}
"""Measures that no row need print, and the lines that they are computed from."""
_HEADS = {
    Statement.INCOME: r"(?:statements?\s+of\s+(?:consolidated\s+|comprehensive\s+)?"
    r"(?:operations|income|earnings|profit)|income\s+statements?|profit\s+(?:and|or)\s+loss)",
    Statement.POSITION: r"(?:balance\s+sheets?|statements?\s+of\s+(?:consolidated\s+)?financial"
    r"\s+(?:position|condition))",
    Statement.CASH: r"(?:statements?\s+of\s+(?:consolidated\s+)?cash\s+flows?|cash\s+flow\s+statements?)",
}
_HEAD = re.compile("|".join(f"(?P<{kind.value}>{form})" for kind, form in _HEADS.items()), re.IGNORECASE)
_ASIDE = re.compile(r"\([a-z ]{1,20}\)")
_JOINS = str.maketrans("-\u2010\u2011\u2013\u2014/", "      ")
_SURE = 5
"""Letters of a stem that its words begin with, but for a `y` that stands for `ies`."""
# Forms that the endings do not bring together.
_FORMS = {
    "paid": "pay",
    "spent": "spend",
    "bought": "buy",
    "held": "hold",
    "sold": "sell",
    "lent": "lend",
    "drawn": "draw",
    "wrot": "writ",
    "written": "writ",
    "built": "build",
    "lost": "los",
    "amortisat": "amortizat",
}


def beginnings(stem: str) -> frozenset[str]:
    """What the words of a stem begin with: each word that `terms` gives this stem for has one of these."""
    forms = {form for form, instead in _FORMS.items() if instead == stem}
    return frozenset(one[:_SURE].removesuffix("y") for one in {stem, *forms})


def terms(text: str) -> tuple[str, ...]:
    """The stems of a name or label in order: "(loss)" left out, the parts of "stock-based" apart."""
    plain = _ASIDE.sub(" ", text).translate(_JOINS)
    return tuple(_FORMS.get(one, one) for one in content_stems(plain))


def _read(table: str, *statements: Statement) -> Iterable[Line]:
    for row in re.sub(r"\n\s*;", ";", table.strip()).splitlines():
        yield Line(tuple(name.strip() for name in row.split(";")), frozenset(statements))


LINES: tuple[Line, ...] = (
    *_read(_INCOME, Statement.INCOME),
    *_read(_POSITION, Statement.POSITION),
    *_read(_CASH, Statement.CASH),
    *_read(_ELSEWHERE),
)


@lru_cache(maxsize=1)
def _index() -> Mapping[tuple[str, ...], Line]:
    return {terms(name): line for line in reversed(LINES) for name in reversed(line.names)}


@lru_cache(maxsize=1)
def _longest() -> Mapping[str, int]:
    """By the first term of a name, how many terms the longest such name has."""
    longest: dict[str, int] = {}
    for name in _index():
        longest[name[0]] = max(longest.get(name[0], 0), len(name))
    return longest


def lines_in(stems: Sequence[str]) -> list[tuple[int, int, Line]]:
    """The lines that stems in order name: from where, to where, and which; the longest names first."""
    found = []
    at = 0
    longest, index = _longest(), _index()
    while at < len(stems):
        for size in range(min(longest.get(stems[at], 0), len(stems) - at), 0, -1):
            line = index.get(tuple(stems[at : at + size]))
            if line is not None:
                found.append((at, at + size, line))
                at += size
                break
        else:
            at += 1
    return found


def in_one_name(stems: Sequence[str]) -> tuple[str, ...]:
    """The stems with each line's name as one term, `=net income`, the same for all its names."""
    result: list[str] = []
    at = 0
    for start, end, line in lines_in(stems):
        result += stems[at:start]
        result.append(line.term)
        at = end
    return (*result, *stems[at:])


def components(text: str) -> tuple[str, ...]:
    """The lines that a measure named in the text is computed from; none where it names no such measure."""
    said = f" {' '.join(terms(text))} "
    return next((parts for name, parts in _derived().items() if name in said), ())


@lru_cache(maxsize=1)
def _derived() -> Mapping[str, tuple[str, ...]]:
    return {f" {' '.join(terms(name))} ": parts for name, parts in _DERIVED.items()}


def statements_headed(text: str) -> frozenset[Statement]:
    """Which primary statements a heading, or the beginning of a table, names."""
    return frozenset(Statement(str(match.lastgroup)) for match in _HEAD.finditer(text))
