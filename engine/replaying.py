"""Repeat a recorded answer or summary, and say whether the inputs and the words are those on record.

The prompt is rebuilt from the record: the question as kept, the passages from the stored versions at their
spans, our own rules. Each part is held against its hash, then the token ids as a whole; the model writes only
where the prompt and the model are the ones on record. The repetition is itself on record. What a search would
find today is not asked: a record says what was found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event as CancelEvent
from typing import Any

from engine.answer_records import shown_digest
from engine.circumstances import Circumstances
from engine.composing import Composer
from engine.evidence import Source
from engine.hearing import Heard
from engine.models.base import Conversation, FinishReason, Generator
from engine.models.host import lane_of
from engine.models.line import Priority, Ticket
from engine.prompting import numbered, template
from engine.quoting import Similarity
from engine.replays import (
    Check,
    Output,
    Replay,
    compared,
    compared_model,
    compared_surroundings,
    first_difference,
)
from engine.summaries.combining import combine
from engine.summaries.records import Summary, calls_digest, statements_digest
from engine.summaries.repeating import Rebuilt, Stopped, named, rebuilt, repeated
from engine.summaries.templates import named_length, named_template
from storage.audit import AuditLog
from storage.errors import MunimentError, NotFound, Refused, WrongUse
from storage.ids import canonical_json, sha256_of
from storage.library import Library
from storage.merkle import leaf_hash
from storage.records import AuditEntry, JsonValue, Passage, Scope, Span
from storage.shelf import KeptAnswer, Shelf

_ANSWERS = ("answer.given", "answer.failed")
_SUMMARY = "summary.finished"
REPLAYABLE = (*_ANSWERS, _SUMMARY)
"""Kinds of entry that can be repeated."""
_PROVES_NOTHING = "the inputs differ, so other words would prove nothing"
_CUT = (FinishReason.CANCELLED.value, FinishReason.INCOMPLETE.value)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A passage as stored, with the page that it stands on."""

    passage: Passage
    page_text: str
    given: bool


class Replayer:
    """Repeats what is on record, with the model that answers now."""

    def __init__(
        self,
        library: Library,
        generator: Generator,
        audit: AuditLog,
        shelf: Shelf,
        *,
        circumstances: Circumstances | None = None,
        similarity: Similarity | None = None,
    ) -> None:
        """`similarity` must be the assistant's: it helps to choose quotes."""
        self._library, self._generator = library, generator
        self._audit, self._shelf = audit, shelf
        self._circumstances = circumstances or Circumstances()
        self._similarity = similarity

    def replay(self, scope: Scope, index: int, *, cancel: CancelEvent | None = None) -> Replay:
        """Repeat entry `index`, which must be of the scope's matter. Anybody in the matter may.

        Raises:
            NotFound: the matter has no such entry.
            WrongUse: it is no answer.
            Refused: it was recorded by a version that kept too little.
            Broken, Busy: the model or the log failed; that is on record as well.
        """
        entry = self._audit.entry(index)
        if entry.matter_id != scope.matter.id:
            raise NotFound(f"matter {scope.matter.name!r} has no entry {index}; the Audit page lists them")
        if entry.kind not in REPLAYABLE:
            raise WrongUse(
                f"entry {index} is {entry.kind!r} and cannot be replayed; {', '.join(REPLAYABLE)} can"
            )
        data = json.loads(entry.canonical)["data"]
        if "made_with" not in data:
            raise Refused(
                f"entry {index} holds too little to be replayed: it was left before its end, or an earlier "
                "version made it"
            )
        model = lane_of(self._generator, Ticket(scope.actor.id, Priority.SUMMARY, alone=True))
        repeat = self._summary if entry.kind == _SUMMARY else self._answer
        try:
            made = repeat(scope, entry, data, model, cancel or CancelEvent())
        except MunimentError as error:
            failed: dict[str, JsonValue] = {
                "entry": index,
                "entry_kind": entry.kind,
                "error": type(error).__name__,
            }
            self._record(scope, failed)
            raise
        self._record(scope, made.to_record())
        return made

    def _record(self, scope: Scope, data: Mapping[str, JsonValue]) -> None:
        self._audit.append("answer.replayed", scope.actor, matter_id=scope.matter.id, data=data)

    def _answer(
        self, scope: Scope, entry: AuditEntry, data: Mapping[str, Any], model: Generator, cancel: CancelEvent
    ) -> Replay:
        kept = self._shelf.recorded_answer(scope, entry.index)
        passages, gone = self._passages(scope, data["passages"])
        base = self._base(entry, data, model, asked=data["prompt"] is not None)
        base = base.given(
            _question_check(kept.question if kept else None, data["question_sha256"]),
            Check("passages", not gone, "; ".join(gone)),
        )
        if data["prompt"] is None:
            return replace(base, output=Output.NO_MODEL, detail=_without_model(data))
        sampling, prompt = data["sampling"], data["prompt"]
        rules = template(prompt["template"])
        base = base.given(compared("rules", prompt["template_sha256"], rules.digest))
        if kept is None or gone:
            return replace(base, detail="the prompt cannot be rebuilt")
        given = numbered([one.passage for one in passages if one.given])
        ids = model.render(Conversation(rules.rules, kept.question, given, effort=sampling["effort"]))
        base = base.given(compared("prompt", prompt["tokens_sha256"], sha256_of(canonical_json([*ids]))))
        if not base.inputs_equal:
            return replace(base, detail=_PROVES_NOTHING)
        heard = Heard()
        for event in model.generate(
            ids,
            max_tokens=prompt["max_output_tokens"],
            temperature=sampling["temperature"],
            seed=sampling["seed"],
            cancel=cancel,
        ):
            heard.take(event)
        assert heard.done is not None, "a generator ends with Done or raises"
        if heard.done.finish_reason is FinishReason.CANCELLED:
            return replace(base, detail="the replay was stopped")
        cut = entry.kind == "answer.failed" or data["finish_reason"] in _CUT
        why, at = _difference(data, kept.body["reply"], heard, cut=cut)
        if not (why or cut) and self._shown(kept, passages, heard, model) != data["answer_sha256"]:
            why = "the reply is equal and its check gives another answer"
        how = _how(sampling)
        if cut and not why:
            how = f"{how}; on record it was stopped, and is equal as far as it goes"
        return replace(
            base,
            output=Output.DIFFERS if why else Output.EQUAL,
            detail=f"{how}; {why}" if why else how,
            calls=1,
            calls_equal=int(not why),
            first_difference=at,
        )

    def _summary(
        self, scope: Scope, entry: AuditEntry, data: Mapping[str, Any], model: Generator, cancel: CancelEvent
    ) -> Replay:
        kept = self._shelf.recorded_summary(scope, entry.index)
        rules = named_template(data["template"])
        base = self._base(entry, data, model, asked=bool(data["calls"]))
        base = base.given(compared("rules", data["rules_sha256"], rules.digest))
        if kept is None:
            return replace(
                base.given(Check("calls", same=False, detail="the summary is not kept any more")),
                detail="the prompts cannot be rebuilt",
            )
        calls = Summary.from_json(kept.body).calls
        sections = rebuilt(self._library, scope, calls)
        gone = list(dict.fromkeys(one for one in sections if isinstance(one, str)))
        base = base.given(
            compared("calls", data["calls_sha256"], calls_digest(calls)),
            Check("passages", not gone, "; ".join(gone)),
        )
        if not base.inputs_equal:
            return replace(base, detail=_PROVES_NOTHING)
        found = [one for one in sections if isinstance(one, Rebuilt)]
        try:
            made = repeated(found, model, rules, cancel)
        except Stopped:
            return replace(base, detail="the replay was stopped")
        base = base.given(Check("prompt", not made.other_prompts, named(made.other_prompts)))
        if made.other_prompts:
            return replace(base, detail=_PROVES_NOTHING)
        why = named(made.other_replies)
        statements = combine(made.drafts, length=named_length(data["length"])).statements
        if not why and statements_digest(statements) != data["statements_sha256"]:
            why = "the replies are equal and their check gives other statements"
        how = _how(data["sampling"])
        return replace(
            base,
            output=Output.DIFFERS if why else Output.EQUAL,
            detail=f"{how}; {why}" if why else how,
            calls=len(calls),
            calls_equal=len(calls) - len(made.other_replies),
        )

    def _base(self, entry: AuditEntry, data: Mapping[str, Any], model: Generator, *, asked: bool) -> Replay:
        """What holds of every replay, before the model is asked."""
        whole = leaf_hash(entry.canonical).hex() == entry.leaf_hash
        inputs = [Check("record", whole, "" if whole else "its bytes are not those that were hashed")]
        if asked:
            form = data["made_with"].get("form_sha256")
            inputs += [
                compared_model(data["model"], model.identity),
                compared("chat form and vocabulary", form, self._circumstances.form(model)),
            ]
        now = self._circumstances.of(model, asked=asked)
        return Replay(
            index=entry.index,
            kind=entry.kind,
            inputs=tuple(inputs),
            surroundings=tuple(compared_surroundings(data["made_with"], now)),
            output=Output.NOT_COMPARED,
            detail="",
            model=model.identity,
        )

    def _shown(self, kept: KeptAnswer, passages: Sequence[_Stored], heard: Heard, model: Generator) -> str:
        """The digest of the answer that the checks make of the repeated reply today."""
        assert heard.done is not None, "only a whole reply is checked"
        sources = [Source(n, one.passage, one.page_text) for n, one in enumerate(passages, start=1)]
        given = [source for source, one in zip(sources, passages, strict=True) if one.given]
        composer = Composer(kept.question, given, quotable=sources, similarity=self._similarity)
        for piece in heard.pieces:
            composer.feed(piece)
        composer.finish(heard.done.finish_reason)
        answer = composer.compose().answer(
            kept.question,
            done=heard.done,
            reply=heard.reply,
            sources=given,
            passages=(),
            model=model.identity,
            # How many documents were searched is the search's word, not the model's.
            not_found=lambda: str(kept.body["answer"]),
        )
        return shown_digest(answer)

    def _passages(
        self, scope: Scope, recorded: Sequence[Mapping[str, Any]]
    ) -> tuple[list[_Stored], list[str]]:
        """The passages as stored at their versions and spans, and what of them is gone or changed."""
        paths = self._library.paths(scope, {one["document_id"] for one in recorded})
        found: list[_Stored] = []
        gone: dict[str, None] = {}
        for one in recorded:
            document_id, number = one["document_id"], one["page"]
            chunk = self._library.kept_chunk(scope, one["chunk_id"])
            if chunk is None or document_id not in paths:
                gone[f"document {document_id} was deleted or read anew"] = None
                continue
            page = next(self._library.page_stream(scope, one["version_id"], first_page=number), None)
            text = "" if page is None or page.number != number else page.text
            words = text[one["start"] : one["end"]]
            if sha256_of(words.encode()) != one["text_sha256"]:
                gone[f"page {number} of document {document_id} holds other words"] = None
                continue
            whole = replace(chunk, span=Span(number, one["start"], one["end"]), text=words)
            passage = Passage(whole, paths[document_id], one["rank"], 0.0)
            found.append(_Stored(passage, text, bool(one["given"])))
        return found, list(gone)


def _question_check(question: str | None, recorded: str) -> Check:
    if question is None:
        return Check("question", same=False, detail="it is not kept any more")
    return compared("question", recorded, sha256_of(question.encode()))


def _difference(data: Mapping[str, Any], recorded: str, heard: Heard, *, cut: bool) -> tuple[str, int | None]:
    """Where the repeated reply leaves the one on record: in words, and its token; empty where it is equal."""
    if sha256_of(recorded.encode()) != data["reply"]["sha256"]:
        return "the reply that is kept is not the one on record", None
    parted = first_difference(recorded, heard.pieces, cut=cut)
    if parted is not None:
        return f"token {parted[0]} (character {parted[1]}) differs", parted[0]
    if not cut and data["reply"]["analysis_sha256"] != heard.analysis_sha256:
        return "the reply is equal and the reasoning differs", None
    return "", None


def _how(sampling: Mapping[str, Any]) -> str:
    if not sampling["temperature"]:
        return "greedy"
    return f"sampled at temperature {sampling['temperature']}, repeated with the same seed {sampling['seed']}"


def _without_model(data: Mapping[str, Any]) -> str:
    what = "a pass over every document" if data["documents"] else "nothing fitting was found"
    return f"no model was asked ({what}): the passages on record are checked, the search is not repeated"
