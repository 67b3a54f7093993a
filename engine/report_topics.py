"""What companies' reports are asked about, in the words of those who ask and of those who write them.

Somebody asks about headcount; the report has a section "Human Capital". Each topic is a line of what it is
asked as and what sections about it are called: the items of annual and quarterly reports under Regulation S-K
and Form 10-K, and the usual titles of notes under US GAAP and IFRS. A heading is known by its words alone;
what stands under it is for the search to judge. English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from engine.words import content_stems

_TOPICS = """
headcount; staff; how many people; people employed; people work; number of employees; workforce; personnel
  = employees; human capital; our people; our team; team members; workforce; associates
management changes; leadership; new chief executive; new ceo; new cfo; succession; changes in management
  ; who runs; senior management; top management; board changes; who left the board
  = executive officers; management changes; departure of directors; appointment of officers
  ; leadership transition; succession; directors, executive officers and corporate governance
capital structure; capitalisation; how is financed; how it is financed
  = capitalization; capital structure; capital stock; share capital; stockholders' equity
  ; shareholders' equity; common stock; preferred stock; long-term debt; indebtedness
  ; liquidity and capital resources
liquidity; runway; going concern; fund itself; enough cash; source of cash
  = liquidity and capital resources; liquidity; sources of liquidity; funding requirements; going concern
  ; cash flows; cash requirements
borrow; borrowings; loans; lenders; credit lines; bonds; bank debt; debt; financing
  = debt; credit facility; credit facilities; credit agreement; notes payable; borrowings; loans payable
  ; revolving credit facility; term loan; senior notes; long-term debt; line of credit; indebtedness
fall due; falls due; come due; comes due; repay; maturity; maturities; mature; repayment schedule
  = debt maturities; maturities of long-term debt; principal repayments; contractual maturities
  ; future principal payments; contractual obligations
covenants; lending covenants; conditions of its loans = covenants; debt covenants; covenant compliance
lawsuits; lawsuit; disputes; sued; court cases; litigation; legal cases; legal trouble; claims against
  = legal proceedings; litigation; contingencies; legal matters; commitments and contingencies
dividends; payouts; payouts to shareholders; distributions to shareholders; pay out to shareholders
  = dividends; dividend policy; dividend information; distributions; special dividend
buy back; buy-backs; buyback; share buybacks; own shares; repurchases; share repurchases; stock repurchases
  = share repurchase; stock repurchase; repurchase program; issuer purchases of equity securities
  ; repurchases of common stock; treasury stock; capital return program
bought; takeover; takeovers; purchase of a company; purchase of a business; acquired; acquisition; merger
  = acquisitions; acquisition; business combinations; business combination; mergers; acquisition activity
sold its business; divested; disposals; sale of a business; discontinued
  = divestitures; dispositions; discontinued operations; assets held for sale
after the balance sheet date; after year end; after the year end; events after; since year end
  ; after the reporting date; after the period
  = subsequent events; subsequent event; events after the reporting period
divisions; business lines; segments; lines of business; by region; by country; geography
  = segment information; segments; reportable segments; operating segments; geographic information
accounting methods; accounting policies; how are booked; how is booked; accounted for
  = significant accounting policies; critical accounting policies; critical accounting estimates
auditor; auditors; audit firm; audit opinion; audit fees; accountants
  = report of independent registered public accounting firm; principal accountant fees and services
  ; audit fees; independent auditors; critical audit matters
weaknesses of control; internal controls; control failures
  = internal control over financial reporting; material weakness; controls and procedures
biggest customers; largest customers; customer concentration; main customers
  = major customers; concentration of credit risk; concentration of revenue; customers; significant customers
  ; concentrations
rent; rents; leases; rented; lease payments
  = leases; lease commitments; operating leases; finance leases; lease obligations
commitments; off-balance; purchase commitments
  = contractual obligations; material cash requirements; commitments; purchase obligations
  ; off-balance sheet arrangements
currency risk; exchange rates; interest rate risk; hedge; hedging; market risk
  = quantitative and qualitative disclosures about market risk; foreign currency; foreign exchange risk
  ; exchange rate risk; interest rate risk; derivative financial instruments; hedging
premises; sites; offices; plants; factories; buildings; where is located
  = properties; facilities; principal properties
restructuring; plant closures; close plants; job cuts; lay-offs; layoffs; redundancies
  = restructuring; special charges; exit costs; severance; facility closure; workforce reduction
pensions; pension plan; retirement benefits
  = retirement plans; employee benefit plans; defined benefit; pension plans; retirement benefits
share options; stock options; share awards; stock awards; equity awards; share-based pay
  = stock-based compensation; share-based compensation; equity compensation plans; stock options
outlook; guidance; forecast; expectations for = outlook; guidance; forward-looking; future outlook
rivals; competitors; competition = competition; competitive advantages; competitive conditions
biggest shareholders; largest shareholders; who owns; main shareholders
  = security ownership of certain beneficial owners; beneficial ownership; principal shareholders
executive pay; pay of executives; bonuses; salaries of executives
  = executive compensation; summary compensation table; compensation discussion and analysis
directors' pay; directors' fees = director compensation; compensation of directors
dealings with insiders; related parties; related party
  = related party transactions; certain relationships and related transactions
patents; trademarks; intellectual property = intellectual property; patents; trademarks; licenses
write-downs; writedowns; write-offs; impairments; impaired
  = impairment; goodwill and intangible assets; impairment charges; inventory provisions; inventory valuation
tax disputes; tax charge; tax rate; tax position; taxes; tax
  = income taxes; provision for income taxes; tax contingencies; effective tax rate; unrecognized tax benefits
what could go wrong; risks; main risks; threats = risk factors; summary of risk factors; risks related
season; seasonal; seasonality = seasonality; seasonal
order book; orders; backlog = backlog; remaining performance obligations; orders
suppliers; raw materials; supply = suppliers; raw materials; sources of supply; manufacturing
insurance cover; insured; insurance = insurance; insurance coverage
state aid; grants; subsidies = government grants; grants; incentives
capital spending; investment plans; capex
  = capital expenditures; capital resources; construction in progress; property, plant and equipment
"""
"""What it is asked as = what sections about it are called."""


_OF_REPORTS = re.compile(
    r"balance\s+sheet|statements?\s+of\s+(?:\w+\s+)?(?:operations|income|earnings|cash\s+flows)|cash\s+flow\s+statement"
    r"|income\s+statement|statements?\s+of\s+(?:\w+\s+)?financial\s+position|management.s\s+discussion\s+and\s+analysis"
    r"|disclosures\s+about\s+market\s+risk|election\s+of\s+directors|compensation\s+discussion\s+and\s+analysis"
    r"|certain\s+beneficial\s+owners",
    re.IGNORECASE,
)
_LEAST_MARKS = 2
_LONGEST_HEADING = 80


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of reports; stems between blanks."""

    asked: tuple[str, ...]
    called: tuple[str, ...]

    @classmethod
    def of(cls, line: str) -> Topic:
        """Read a line of the table; longer names of sections are asked for as well."""
        asked, called = ([" ".join(one.split()) for one in part.split(";")] for part in line.split("="))
        names = _stems(called)
        return cls((*_stems(asked), *(one for one in names if one.count(" ") > 2)), names)


@lru_cache(maxsize=1)
def _topics() -> tuple[Topic, ...]:
    return tuple(map(Topic.of, _TOPICS.strip().replace("\n  ", " ").splitlines()))


@lru_cache(maxsize=512)
def topics_of(question: str) -> frozenset[int]:
    """The topics that a question is about, by its words; as numbers that mean nothing else."""
    said = _between(question)
    return frozenset(
        number for number, one in enumerate(_topics()) if any(each in said for each in one.asked)
    )


@lru_cache(maxsize=16_384)
def topics_headed(heading: str) -> frozenset[int]:
    """The topics that a heading says a section is about."""
    said = _between(heading)
    return frozenset(
        number for number, one in enumerate(_topics()) if any(each in said for each in one.called)
    )


def headings_in(text: str) -> list[str]:
    """The first two lines of a passage that may be headings: short, and no sentence's end."""
    return [one for one in text.split("\n", 2)[:2] if len(one) <= _LONGEST_HEADING and one[-1:] != "."]


def is_report(headings: Iterable[str]) -> bool:
    """Whether these are headings of a company's report: at least two that only such reports have."""
    marks = {one[0].lower() for heading in headings for one in _OF_REPORTS.finditer(heading)}
    return len(marks) >= _LEAST_MARKS


def _stems(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(said for one in names if (said := _between(one)).strip()))


def _between(text: str) -> str:
    return f" {' '.join(content_stems(text))} "
