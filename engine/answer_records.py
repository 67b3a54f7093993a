"""What the audit log keeps of an answer: ids, hashes, verdicts and how it was made; no words of documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.answers import Answer, twin_to_json
from engine.hearing import Heard
from engine.prompting import Prompt
from storage.ids import canonical_json, sha256_of
from storage.records import JsonValue


def answer_record(
    answer: Answer,
    prompt: Prompt | None,
    *,
    question: int,
    thread_id: str,
    sampling: Mapping[str, JsonValue],
    made_with: Mapping[str, JsonValue],
    heard: Heard | None = None,
    error: str | None = None,
) -> dict[str, JsonValue]:
    """The data of an `answer.given` or `answer.failed` entry.

    Args:
        answer: as it will be shown.
        prompt: what the model was given; None when it was not asked.
        question: index of the `question.asked` entry that this one closes.
        thread_id: the conversation that it belongs to.
        sampling: how the model's words were chosen.
        made_with: the code, libraries and settings that took part (`engine.circumstances`).
        heard: what the model wrote; None when it was not asked.
        error: the kind of error that ended it, such as `Busy`; never an error's words.
    """
    return {
        "question": question,
        "thread_id": thread_id,
        "question_sha256": sha256_of(answer.question.encode()),
        "turns": [],
        "outcome": answer.outcome.value,
        "error": error,
        "answer_sha256": shown_digest(answer),
        "sentences": [
            {
                "verdict": sentence.verdict.value,
                "quoted": sentence.quoted,
                "citations": list(sentence.citations),
                "sha256": sha256_of(sentence.text.encode()),
            }
            for sentence in answer.sentences
        ],
        "dropped": [
            {"verdict": sentence.verdict.value, "sha256": sha256_of(sentence.text.encode())}
            for sentence in answer.dropped
        ],
        "citations": [
            {
                "document_id": citation.document_id,
                "version_id": citation.version_id,
                "page": citation.span.page,
                "start": citation.span.start,
                "end": citation.span.end,
                "quote_sha256": sha256_of(citation.quote.encode()),
            }
            for citation in answer.citations
        ],
        "passages": [
            {
                "chunk_id": passage.chunk.id,
                "document_id": passage.chunk.document_id,
                "version_id": passage.chunk.version_id,
                "page": passage.chunk.span.page,
                "start": passage.chunk.span.start,
                "end": passage.chunk.span.end,
                "rank": passage.rank,
                "scores": dict(passage.scores),
                "text_sha256": sha256_of(passage.chunk.text.encode()),
                "given": passage.rank in answer.given,
                "left_out": passage.why.left_out if passage.why is not None else "",
                "also_in": [twin_to_json(twin) for twin in passage.also_in],
            }
            for passage in answer.passages
        ],
        "documents": [
            {"document_id": row.document_id, "status": row.status.value} for row in answer.documents
        ],
        "searched": None if answer.searched is None else answer.searched.to_json(),
        "prompt": None if prompt is None else _prompt_record(prompt),
        "model": dict(answer.model.to_json()),
        "sampling": dict(sampling),
        "made_with": dict(made_with),
        "reply": None if heard is None else _reply_record(heard),
        "finish_reason": answer.finish_reason,
        "usage": dict(answer.usage.to_json()),
        "timings_ms": dict(answer.timings_ms),
    }


def shown_digest(answer: Answer) -> str:
    """Hex SHA-256 of what the reader sees: words, verdicts and citations, wherever the boxes are drawn."""
    shown: JsonValue = {
        "answer": answer.text,
        "outcome": answer.outcome.value,
        "sentences": [sentence.to_json() for sentence in answer.sentences],
        "citations": [replace(citation, boxes=()).to_json() for citation in answer.citations],
    }
    return sha256_of(canonical_json(shown))


def _reply_record(heard: Heard) -> dict[str, JsonValue]:
    return {
        "sha256": sha256_of(heard.reply.encode()),
        "pieces": len(heard.pieces),
        "analysis_sha256": heard.analysis_sha256,
        "times_ms": dict(heard.times_ms),
    }


def _prompt_record(prompt: Prompt) -> dict[str, JsonValue]:
    return {
        "template": prompt.template.name,
        "template_sha256": prompt.template.digest,
        "tokens_sha256": prompt.digest,
        "tokens": len(prompt.ids),
        "max_output_tokens": prompt.max_output_tokens,
    }
