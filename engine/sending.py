"""What of a question may leave this machine, and the consent that lets exactly that go.

The matter's policy is read at the moment of sending and decides alone: a matter that is local only never
reaches a remote model, whatever failed or waits here, and a question that was to go there is never answered
by another model in silence. What goes was shown first, byte for byte, and is on record before it goes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from engine.models.base import Generator
from engine.models.redacted import RedactedGenerator
from engine.prompting import Prompt
from engine.redaction import Redactor
from storage.errors import Refused
from storage.ids import sha256_of
from storage.records import Actor, AuditEntry, JsonValue, Passage, Scope, Sending


class Route(StrEnum):
    """Which model a question goes to, and how."""

    HERE = "here"
    REMOTE = "remote"
    REDACTED = "redacted"


class Remote(Generator, Protocol):
    """A model elsewhere."""

    def payload(
        self, prompt_ids: Sequence[int], *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> bytes:
        """All that is sent to it for a prompt."""
        ...


class Policies(Protocol):
    """What is allowed, as it stands now."""

    def sending(self, scope: Scope) -> Sending: ...


class Log(Protocol):
    """The audit log, as far as sending needs it."""

    def append(
        self, kind: str, actor: Actor, *, matter_id: str | None = None, data: Mapping[str, JsonValue]
    ) -> AuditEntry: ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """All that would leave this machine for one question."""

    host: str
    model: str
    sending: Sending
    payload: bytes
    passages: tuple[Passage, ...]
    """Those whose text is in the payload."""
    redacted: Mapping[str, int] = field(default_factory=dict)
    """How many different persons, accounts and so on have placeholders, by kind."""

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the payload: what a consent is given to."""
        return sha256_of(self.payload)

    @property
    def messages(self) -> list[tuple[str, str]]:
        """The payload's messages as role and text, for a person to read."""
        return [(one["role"], one["content"]) for one in json.loads(self.payload)["messages"]]

    def to_json(self) -> dict[str, JsonValue]:
        """The `outgoing` object of `ask --json`."""
        return {
            "host": self.host,
            "model": self.model,
            "policy": self.sending.value,
            "payload_sha256": self.digest,
            "bytes": len(self.payload),
            "redacted": dict(self.redacted),
            "passages": [
                {"document": one.document, "page": one.chunk.span.page, "chunk_id": one.chunk.id}
                for one in self.passages
            ],
            "messages": [{"role": role, "content": text} for role, text in self.messages],
        }


def route(sending: Sending, *, remote_wanted: bool, remote_set: bool) -> Route:
    """Where a question goes. Nothing else decides it, and nothing that happens later changes it.

    Raises:
        Refused: it was to go to a remote model, and may not or cannot.
    """
    if not remote_wanted:
        return Route.HERE
    if sending is Sending.LOCAL_ONLY:
        raise Refused(
            "this matter is local only, and nothing of it is sent; an administrator in it can change that"
        )
    if not remote_set:
        raise Refused("no remote model is set, and nothing was sent; ask the model on this machine")
    return Route.REDACTED if sending is Sending.REDACT else Route.REMOTE


class Sender:
    """The one way from a question to a remote model."""

    def __init__(self, remote: Remote | None, policies: Policies, audit: Log) -> None:
        self._remote, self._policies, self._audit = remote, policies, audit

    def model(self, scope: Scope, question: str, passages: Sequence[Passage]) -> Generator:
        """The remote model as this matter may use it for one question. Nothing is sent by that.

        Raises:
            Refused: the matter is local only, or no remote model is set.
        """
        sending = self._policies.sending(scope)
        way = route(sending, remote_wanted=True, remote_set=self._remote is not None)
        assert self._remote is not None, "else it was refused"
        if way is Route.REMOTE:
            return self._remote
        texts = [question]
        for one in passages:
            texts += [one.document, *one.chunk.heading_path, one.chunk.text]
        return RedactedGenerator(self._remote, Redactor(texts))

    def outgoing(self, model: Generator, prompt: Prompt, *, temperature: float, seed: int) -> Outgoing:
        """What `model` would send for a prompt that it rendered."""
        assert self._remote is not None, "its model made the prompt"
        payload = self._remote.payload(
            prompt.ids, max_tokens=prompt.max_output_tokens, temperature=temperature, seed=seed
        )
        redacted = model.redacted(payload.decode()) if isinstance(model, RedactedGenerator) else {}
        identity = self._remote.identity
        sending = Sending.REDACT if isinstance(model, RedactedGenerator) else Sending.ALLOWED
        passages = tuple(source.passage for source in prompt.sources)
        return Outgoing(identity.device, identity.id, sending, payload, passages, redacted)

    def record(self, scope: Scope, outgoing: Outgoing, *, question: int, consent: str) -> None:
        """Put on record what is about to be sent; sending comes after.

        Raises:
            Refused: the consent was given to something else, or the policy is another one by now.
        """
        if outgoing.digest != consent or self._policies.sending(scope) is not outgoing.sending:
            raise Refused("what would be sent has changed since it was shown; look at it again, then send it")
        data: dict[str, JsonValue] = {
            "question": question,
            "host": outgoing.host,
            "model": outgoing.model,
            "policy": outgoing.sending.value,
            "payload_sha256": outgoing.digest,
            "bytes": len(outgoing.payload),
            "redacted": dict(outgoing.redacted),
            "passages": [
                {
                    "chunk_id": one.chunk.id,
                    "document_id": one.chunk.document_id,
                    "version_id": one.chunk.version_id,
                    "page": one.chunk.span.page,
                }
                for one in outgoing.passages
            ],
        }
        self._audit.append("question.sent", scope.actor, matter_id=scope.matter.id, data=data)
