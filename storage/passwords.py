"""Passwords: what is accepted, how it is kept, and how guessing is slowed.

Knows nothing of accounts. No password is ever in a message, a record or a log.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from storage.errors import WrongUse

MINIMUM_CHARACTERS = 12
_MAXIMUM_CHARACTERS = 1_000
_FREE_FAILURES = 5
_LONGEST_WAIT = timedelta(minutes=15)
_MOST_REMEMBERED = 10_000

# OWASP's floor for argon2id is 19 MiB, 2 passes, 1 lane.
_hasher = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
_nobodys_hash = _hasher.hash(secrets.token_urlsafe(16))


def check_password(password: str, *, name: str) -> None:
    """Accept a new password for the user of that name.

    Raises:
        WrongUse: it is too short, too long, few characters over and over, or the name.
    """
    if len(password) < MINIMUM_CHARACTERS:
        raise WrongUse(f"the password has fewer than {MINIMUM_CHARACTERS} characters; choose a longer one")
    if len(password) > _MAXIMUM_CHARACTERS:
        raise WrongUse(f"the password has more than {_MAXIMUM_CHARACTERS} characters; choose a shorter one")
    if len(set(password)) < MINIMUM_CHARACTERS // 3:
        raise WrongUse("the password repeats too few characters; choose another one")
    if name.casefold() == password.casefold():
        raise WrongUse("the password is the user's name; choose another one")


def make_password() -> str:
    """A random password of 80 bits that can be read out: five groups of letters and digits."""
    return make_code(groups=5, characters=4, alphabet="abcdefghjkmnpqrstuvwxyz23456789")


def make_code(*, groups: int, characters: int, alphabet: str = "ABCDEFGHJKMNPQRSTUVWXYZ23456789") -> str:
    """A random code without letters that look alike, about 4.95 bits a character."""
    return "-".join("".join(secrets.choice(alphabet) for _ in range(characters)) for _ in range(groups))


def hash_password(password: str) -> str:
    """The argon2id form to be stored."""
    return _hasher.hash(_plain(password))


def password_fits(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one; with None (no such user) it costs as much and never fits."""
    try:
        fits = _hasher.verify(stored or _nobodys_hash, _plain(password[: _MAXIMUM_CHARACTERS + 1]))
    except (VerificationError, InvalidHashError):
        return False
    return fits and stored is not None


def needs_rehash(stored: str) -> bool:
    """Whether the stored form was made with other costs than today's."""
    return _hasher.check_needs_rehash(stored)


def _plain(password: str) -> bytes:
    # Keyboards differ in how they compose accents.
    return unicodedata.normalize("NFKC", password).encode(errors="surrogatepass")


def wait_after(failures: int) -> timedelta:
    """How long nobody may try again after so many failures in a row: never for good."""
    if failures <= _FREE_FAILURES:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - _FREE_FAILURES, 20)), _LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed attempts in a row, and until when the next must wait."""

    count: int = 0
    until: datetime | None = None

    def one_more(self, now: datetime) -> Failures:
        """After another failure at `now`."""
        wait = wait_after(self.count + 1)
        return Failures(self.count + 1, now + wait if wait else None)

    def seconds_left(self, now: datetime) -> int:
        """How long to wait from `now`, rounded up; 0 when an attempt is free."""
        return -int((now - self.until).total_seconds() // 1) if self.until and self.until > now else 0


class Counters:
    """Failures by key, in memory: for names that nobody has, and for addresses that a user came from."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, Failures] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Failures:
        """The failures under a key."""
        with self._lock:
            return self._failures.get(key, Failures())

    def put(self, key: str, failures: Failures) -> None:
        """Remember; the keys longest untouched are forgotten first."""
        with self._lock:
            self._failures.pop(key, None)
            self._failures[key] = failures
            while len(self._failures) > _MOST_REMEMBERED:
                self._failures.popitem(last=False)
