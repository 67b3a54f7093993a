"""One exchange with an OpenAI-compatible endpoint: a request body out, pieces of a reply in.

What is promised: nothing goes anywhere but to the address that is set (no redirect is followed, no proxy is
taken from the environment); TLS is verified; a request is sent again only while no word of a reply has come,
and never after a refusal; what the server writes about an error is never repeated, since it may hold words
of the request. This module knows nothing of prompts or redaction.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from engine.models.base import AnalysisDelta, Busy, FinalDelta, FinishReason, Usage
from storage.errors import Broken, MunimentError, Refused, WrongUse

_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
_LONGEST_RETRY_AFTER_S = 30.0
_LONGEST_LINE = 1 << 20
_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
_ENDS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}
Put = Callable[[AnalysisDelta | FinalDelta], None]
Backoff = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is served, and how long anything may take. Raises `WrongUse` where it cannot be meant."""

    url: str
    """Up to and with the version, such as `https://models.firm.example/v1`."""
    model: str
    """As the endpoint calls it."""
    key: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    """Certificates that are trusted in place of the machine's own."""
    connect_s: float = 10.0
    read_s: float = 120.0
    """Longest silence, the first word included."""
    whole_s: float = 600.0
    """Longest time for one reply with all attempts."""
    context_tokens: int = 16_384
    reasons: bool = False
    """The model thinks before it answers and takes `reasoning_effort`."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongUse("MUNIMENT_REMOTE_URL is not an address; write https://HOST/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise WrongUse("MUNIMENT_REMOTE_URL has more than host and path; put a key into its own setting")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise WrongUse(f"MUNIMENT_REMOTE_URL would send text to {parts.hostname} in the open; use https")
        if not self.model:
            raise WrongUse("MUNIMENT_REMOTE_MODEL is empty; say which model the endpoint shall answer with")

    @property
    def host(self) -> str:
        """Host and port, as a person is told where text goes."""
        return urlsplit(self.url).netloc

    def trust(self) -> ssl.SSLContext:
        """What certificates are compared with. Raises `Broken` when the file cannot be read."""
        try:
            return ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        except OSError as error:  # ssl.SSLError is one
            raise Broken(
                f"{self.ca_file}: no certificates in it that can be read; see MUNIMENT_REMOTE_CA_FILE"
            ) from error


def full_jitter(attempt: int) -> float:
    """Seconds before the next attempt: anything from none to twice the last most, so that callers spread."""
    return random.uniform(0, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt))  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class End:
    """How a reply ended, and what the endpoint counted; None where it counted nothing."""

    finish: FinishReason
    usage: Usage | None = None


class _Again(Exception):
    """It may go better the next time; `problem` is what a person is told when there is none."""

    def __init__(self, problem: MunimentError, after_s: float = 0.0) -> None:
        super().__init__()
        self.problem, self.after_s = problem, after_s


class _BrokeOff(Exception):
    """The reply cannot be read any further."""


async def converse(
    endpoint: Endpoint, body: bytes, put: Put, *, trust: ssl.SSLContext, backoff: Backoff = full_jitter
) -> End:
    """Post the body and `put` each piece of the reply as it comes. Cancelling it closes the connection.

    A reply that breaks off, or is not whole in time, ends as incomplete.

    Raises:
        Busy: the endpoint has no room, or no word came in time.
        Refused: the endpoint does not take the request as it is.
        Broken: it cannot be reached, does not know us or the model, or does not speak this language.
    """
    said = False

    def heard(piece: AnalysisDelta | FinalDelta) -> None:
        nonlocal said
        said = True
        put(piece)

    try:
        async with asyncio.timeout(endpoint.whole_s):
            attempt = 0
            while True:
                attempt += 1
                try:
                    return await _once(endpoint, body, heard, trust)
                except (_BrokeOff, httpx.TransportError) as error:
                    if said:
                        return End(FinishReason.INCOMPLETE)
                    again = _lost(endpoint, error)
                except _Again as error:
                    again = error
                if attempt == _ATTEMPTS or again.after_s > _LONGEST_RETRY_AFTER_S:
                    raise again.problem from again
                await asyncio.sleep(max(again.after_s, backoff(attempt)))
    except TimeoutError as error:
        if said:
            return End(FinishReason.INCOMPLETE)
        raise _silent(endpoint, endpoint.whole_s) from error


async def _once(endpoint: Endpoint, body: bytes, put: Put, trust: ssl.SSLContext) -> End:
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    limits = httpx.Timeout(endpoint.read_s, connect=endpoint.connect_s)
    async with (
        # The environment's proxies and keys are nobody's setting.
        httpx.AsyncClient(verify=trust, timeout=limits, trust_env=False, follow_redirects=False) as client,
        client.stream(
            "POST", f"{endpoint.url.rstrip('/')}/chat/completions", content=body, headers=headers
        ) as response,
    ):
        if response.status_code != httpx.codes.OK:
            raise _refusal(endpoint, response)
        return await _read(response.aiter_bytes(), put)


async def _read(chunks: AsyncIterator[bytes], put: Put) -> End:
    """Server-sent events. Raises `_BrokeOff` for what is none."""
    finish: FinishReason | None = None
    usage: Usage | None = None
    async for line in _lines(chunks):
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            # Without a reason nobody can say that the reply is whole.
            return End(finish or FinishReason.INCOMPLETE, usage)
        try:
            event: dict[str, Any] = json.loads(data)
            usage = _usage(event.get("usage")) or usage
            # The last event, with the usage, has no choice.
            for choice in event["choices"][:1]:
                delta = choice.get("delta") or {}
                # vLLM names it `reasoning`; other servers, and vLLM before, `reasoning_content`.
                if thought := delta.get("reasoning_content") or delta.get("reasoning"):
                    put(AnalysisDelta(str(thought)))
                if word := delta.get("content"):
                    put(FinalDelta(str(word)))
                if reason := choice.get("finish_reason"):
                    finish = _ENDS.get(reason, FinishReason.INCOMPLETE)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _BrokeOff from error
    if finish is None:
        raise _BrokeOff
    return End(finish, usage)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    # Not the client's own lines: those also end at characters that JSON may hold as they are.
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise _BrokeOff
        for line in whole:
            yield line.rstrip(b"\r")


def _usage(counted: dict[str, Any] | None) -> Usage | None:
    if not counted:
        return None
    details = counted.get("completion_tokens_details") or {}
    thoughts = int(details.get("reasoning_tokens") or 0)
    written = int(counted.get("completion_tokens") or 0)
    return Usage(int(counted.get("prompt_tokens") or 0), thoughts, max(0, written - thoughts))


def _refusal(endpoint: Endpoint, response: httpx.Response) -> Exception:
    status, host = response.status_code, endpoint.host
    if status in _TRY_AGAIN:
        after = retry_after(response.headers.get("Retry-After", ""), now=datetime.now(UTC))
        wait = f"in {after:.0f} s" if after else "in a minute"
        problem: MunimentError
        if status in (429, 503):
            problem = Busy(f"{host} has no room for this request (status {status}); ask again {wait}")
        else:
            problem = Broken(f"{host} failed (status {status}); ask again {wait}, or tell who runs it")
        return _Again(problem, after)
    if status in (401, 403):
        return Broken(f"{host} does not accept the key (status {status}); see MUNIMENT_REMOTE_KEY_FILE")
    if status == 404:
        return Broken(
            f"{host} has no model {endpoint.model!r} at that address (status 404); check MUNIMENT_REMOTE_URL "
            "and MUNIMENT_REMOTE_MODEL"
        )
    if response.is_redirect:
        return Broken(
            f"{host} sends elsewhere (status {status}), and nothing goes there; set MUNIMENT_REMOTE_URL to "
            "the address itself"
        )
    return Refused(
        f"{host} does not take this request (status {status}); ask about fewer passages, or set "
        "MUNIMENT_REMOTE_CONTEXT to what the model reads"
    )


def retry_after(value: str, *, now: datetime) -> float:
    """Seconds that a server asks to wait, from either form of its header; 0 where it cannot be read."""
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())


def _lost(endpoint: Endpoint, error: Exception) -> _Again:
    """What a lost connection is to the next attempt. Raises what another attempt would not mend."""
    host = endpoint.host
    if isinstance(error, httpx.ReadTimeout):
        # It may be at work on it still: asking again would double the load that made it slow.
        raise _silent(endpoint, endpoint.read_s) from error
    if isinstance(_root(error), ssl.SSLCertVerificationError):
        raise Broken(
            f"{host} shows a certificate that is not trusted; see MUNIMENT_REMOTE_CA_FILE"
        ) from error
    if isinstance(error, _BrokeOff):
        return _Again(
            Broken(f"{host} does not answer as an OpenAI-compatible endpoint; check MUNIMENT_REMOTE_URL")
        )
    return _Again(Broken(f"{host} cannot be reached; see that it runs and that MUNIMENT_REMOTE_URL names it"))


def _root(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def _silent(endpoint: Endpoint, seconds: float) -> Busy:
    return Busy(f"{endpoint.host} had no word ready after {seconds:.0f} s; try again later")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
