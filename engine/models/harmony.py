"""gpt-oss prompts and replies in harmony, the only form that those models were trained on.

`openai_harmony` alone makes the control tokens. Rules go into the developer message, effort into the system
message, and retrieved passages into tool messages, which have the least authority of all; no date is
written, so the same conversation gives the same ids on any day. Text of people and documents is encoded as
ordinary text: no document can end a message or begin one. The vocabulary is a file on this machine, checked
by its SHA-256 and never fetched. This module knows nothing of weights.
"""

from __future__ import annotations

import codecs
import os
import tempfile
from collections.abc import Iterator
from enum import Enum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import openai_harmony as oh
from openai_harmony import HarmonyEncoding, HarmonyError, Role, StreamableParser

from engine.models.base import (
    AnalysisDelta,
    Conversation,
    Done,
    Event,
    FinalDelta,
    FinishReason,
    PromptPassage,
    Speaker,
    Usage,
    passage_header,
)
from storage.errors import Broken
from storage.ids import sha256_of_file

RETURN, CONSTRAIN, CHANNEL, START, END, MESSAGE, CALL = 200002, 200003, 200005, 200006, 200007, 200008, 200012
END_OF_TEXT = 199999
STOP_IDS = (RETURN, END_OF_TEXT, CALL)
"""After these a model has said all that it will. `<|end|>` is not among them: analysis ends with it too."""
FIRST_CONTROL_ID = 199998
"""All control tokens, the reserved ones too, stand from here to the vocabulary's end."""
VOCABULARY_FILE = "o200k_base.tiktoken"
VOCABULARY_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
# The name under which tiktoken's own cache keeps it: the SHA-1 of the address that it is published at.
_CACHED_NAME = "fb374d419588a4632f3f557e76b4b70aebbca790"
_TOOL = "functions.passages"
_EFFORTS = {
    "low": oh.ReasoningEffort.LOW,
    "medium": oh.ReasoningEffort.MEDIUM,
    "high": oh.ReasoningEffort.HIGH,
}
_loading = Lock()


def vocabulary_file(*folders: Path) -> Path:
    """The vocabulary in one of these folders, else the copy that LlamaIndex carries.

    Raises:
        Broken: there is none, or the one found has other bytes than the published ones.
    """
    spec = find_spec("llama_index.core")
    carried = [
        Path(where) / "_static" / "tiktoken_cache"
        for where in (spec and spec.submodule_search_locations) or ()
    ]
    for folder in (*folders, *carried):
        for name in (VOCABULARY_FILE, _CACHED_NAME):
            path = folder / name
            if path.is_file():
                if sha256_of_file(path) != VOCABULARY_SHA256:
                    raise Broken(
                        f"{path} is damaged (another SHA-256); put the published {VOCABULARY_FILE} there"
                    )
                return path
    raise Broken(
        f"gpt-oss needs the file {VOCABULARY_FILE} and nothing is downloaded; "
        "put it into the model's folder (docs/gpt-oss.md says where it comes from)"
    )


@cache
def encoding(vocabulary: Path) -> HarmonyEncoding:
    """The encoding from that file. Raises `Broken` when the file cannot be read."""
    with _loading, tempfile.TemporaryDirectory(prefix="muniment-") as folder:
        (Path(folder) / VOCABULARY_FILE).symlink_to(vocabulary.absolute())
        # The native library reads this variable and, where it is not set, goes to the network.
        os.putenv("TIKTOKEN_ENCODINGS_BASE", folder)
        try:
            return oh.load_harmony_encoding(oh.HarmonyEncodingName.HARMONY_GPT_OSS)
        except HarmonyError as error:
            raise Broken(f"{vocabulary} cannot be read as gpt-oss's vocabulary; reinstall it") from error
        finally:
            os.unsetenv("TIKTOKEN_ENCODINGS_BASE")


def count(text: str, encoder: HarmonyEncoding) -> int:
    """Tokens of plain text."""
    return len(encoder.encode(text, disallowed_special=()))


def head(conversation: Conversation, encoder: HarmonyEncoding) -> list[int]:
    """The ids that every prompt with these rules and this effort begins with."""
    ids: list[int] = encoder.render_conversation(oh.Conversation.from_messages(_head(conversation)))
    return ids


def render(conversation: Conversation, encoder: HarmonyEncoding) -> list[int]:
    """Prompt ids up to where the assistant's reply begins."""
    messages = [*_head(conversation), *_spoken(conversation)]
    # Earlier analysis was never kept, and an earlier reply ends with `<|end|>`, as harmony's history does.
    whole = oh.Conversation.from_messages(messages)
    ids: list[int] = encoder.render_conversation_for_completion(whole, Role.ASSISTANT)
    return ids


def _head(conversation: Conversation) -> list[oh.Message]:
    # The identity stays the one that the model was trained with; what it is to do here stands in the rules.
    system = oh.SystemContent.new().with_reasoning_effort(_EFFORTS[conversation.effort])
    developer = oh.DeveloperContent.new().with_instructions(conversation.rules)
    return [
        oh.Message.from_role_and_content(Role.SYSTEM, system),
        oh.Message.from_role_and_content(Role.DEVELOPER, developer),
    ]


def _spoken(conversation: Conversation) -> Iterator[oh.Message]:
    for turn in conversation.turns:
        if turn.speaker is Speaker.USER:
            yield oh.Message.from_role_and_content(Role.USER, turn.text)
        else:
            yield oh.Message.from_role_and_content(Role.ASSISTANT, turn.text).with_channel("final")
    yield oh.Message.from_role_and_content(Role.USER, conversation.question)
    if conversation.passages:
        # A tool answers only when it was called, so the call stands in front of its results.
        call = oh.Message.from_role_and_content(Role.ASSISTANT, "{}").with_channel("commentary")
        yield call.with_recipient(_TOOL).with_content_type("<|constrain|>json")
    for passage in conversation.passages:
        author = oh.Author.new(Role.TOOL, _TOOL)
        result = oh.Message.from_author_and_content(author, _numbered(passage)).with_channel("commentary")
        yield result.with_recipient("assistant")


def _numbered(passage: PromptPassage) -> str:
    lines = (f"L{number}: {line}" for number, line in enumerate(passage.text.split("\n"), start=1))
    return "\n".join([passage_header(passage), *lines])


class _Place(Enum):
    HEADER = "header"
    CONTENT = "content"
    BETWEEN = "between"


class _Kind(Enum):
    ANALYSIS = "analysis"
    FINAL = "final"
    UNMARKED = "unmarked"
    """In no channel that we know: shown only where there is no final text, and then as incomplete."""


class HarmonyStream:
    """Reply ids in, events out, each id once and at constant cost.

    A reply that breaks harmony's form is read as far as it can be. Its text in the final channel is given as
    it comes; where there is none, text in no known channel is given at the end, so that a reply is never
    lost; and the end says `incomplete`, so that it is never taken for a whole one. Neither analysis nor a
    call of a tool ever becomes final text.
    """

    def __init__(self, encoder: HarmonyEncoding) -> None:
        self._encoder = encoder
        self._parser = StreamableParser(encoder, Role.ASSISTANT, strict=False)
        self._place, self._kind = _Place.HEADER, _Kind.UNMARKED
        self._header: list[int] = []
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._unmarked: list[str] = []
        self._malformed = self._said_final = self._closed_final = self._ended = False
        self._analysis_tokens = self._tokens = 0

    @property
    def ended(self) -> bool:
        """True once the reply is over by harmony's rules, whatever else the model would write."""
        return self._ended

    def feed(self, token: int) -> list[Event]:
        """Take one id; give what it completes."""
        if self._ended:
            return []
        self._tokens += 1
        if self._place is _Place.CONTENT:
            return self._in_content(token)
        if self._place is _Place.HEADER:
            self._in_header(token)
        else:
            self._between(token)
        return []

    def finish(self, reason: FinishReason, prompt_tokens: int) -> list[Event]:
        """The last events, `Done` with them. `reason` is the runtime's: `STOP` for one of `STOP_IDS`."""
        events: list[Event] = []
        if self._place is _Place.HEADER and not self._ended:
            self._keep_header()
        unmarked = "".join(self._unmarked).strip()
        if unmarked and not self._said_final and reason is not FinishReason.CANCELLED:
            events.append(FinalDelta(unmarked))
        whole = self._closed_final and self._said_final and not self._malformed
        if self._ended and reason is FinishReason.LENGTH:
            reason = FinishReason.STOP
        if reason is FinishReason.STOP and not whole:
            reason = FinishReason.INCOMPLETE
        output = self._tokens - self._analysis_tokens
        return [*events, Done(reason, Usage(prompt_tokens, self._analysis_tokens, output))]

    def _in_content(self, token: int) -> list[Event]:
        if self._kind is _Kind.ANALYSIS:
            self._analysis_tokens += 1
        if token in (END, RETURN, CALL):
            self._parser.process(token)
            self._place = _Place.BETWEEN
            self._closed_final = self._kind is _Kind.FINAL and token != CALL
            self._ended = self._closed_final or token != END
            return self._text(b"", last=True)
        if token >= FIRST_CONTROL_ID:
            # The parser would write the control token into the text as if the model had spelt it.
            self._malformed = True
            rest = self._text(b"", last=True)
            if token == END_OF_TEXT:
                self._ended = True
            elif token in (START, CHANNEL, MESSAGE):
                self._open(token)
            return rest
        return self._text(self._bytes(token))

    def _in_header(self, token: int) -> None:
        if token == START and not self._header:
            self._open(token)
        elif token in (START, CHANNEL) and token in self._header:
            self._break_off()
            self._open(token)
        elif token in (END, *STOP_IDS):
            self._break_off()
            self._place, self._ended = _Place.BETWEEN, token != END
        elif token >= FIRST_CONTROL_ID and token not in (CHANNEL, MESSAGE, CONSTRAIN):
            self._malformed = True
        else:
            self._read_header(token)

    def _between(self, token: int) -> None:
        if token == START:
            self._open(token)
        elif token in STOP_IDS:
            self._ended = True
        else:
            self._malformed = True
            if token in (CHANNEL, MESSAGE):
                self._open(token)
            elif token < FIRST_CONTROL_ID:
                self._unmarked.append(self._bytes(token).decode("utf-8", "replace"))

    def _open(self, token: int) -> None:
        """Begin a header, with `<|start|>` or, where the model forgot it, with what comes after."""
        role = None if token == START else Role.ASSISTANT
        self._parser = StreamableParser(self._encoder, role, strict=False)
        self._place, self._header = _Place.HEADER, []
        self._read_header(token)

    def _read_header(self, token: int) -> None:
        self._header.append(token)
        try:
            self._parser.process(token)
            if token == MESSAGE:
                self._begin(
                    self._parser.current_role, self._parser.current_channel, self._parser.current_recipient
                )
        except (HarmonyError, ValueError):
            self._malformed = True
            if token == MESSAGE:
                self._parser = StreamableParser(self._encoder, Role.ASSISTANT, strict=False).process(MESSAGE)
                self._begin(Role.ASSISTANT, self._lenient()[0], None)

    def _begin(self, role: Role | None, channel: str | None, recipient: str | None) -> None:
        """A message's content begins: who speaks, and in which channel."""
        self._place = _Place.CONTENT
        self._utf8.reset()
        if role is not Role.ASSISTANT:
            # The model writes somebody else's turn: its own is over, and what follows is nobody's word.
            self._malformed = self._ended = True
        elif channel == "analysis" or (channel == "commentary" and recipient):
            self._kind = _Kind.ANALYSIS
            self._analysis_tokens += len(self._header)
        elif channel == "final" and recipient is None:
            self._kind = _Kind.FINAL
        else:
            self._kind = _Kind.UNMARKED
            self._malformed = True

    def _break_off(self) -> None:
        self._malformed = True
        self._keep_header()
        self._header = []

    def _keep_header(self) -> None:
        channel, rest = self._lenient()
        if channel != "analysis":
            self._unmarked.append(rest)

    def _lenient(self) -> tuple[str, str]:
        """Channel and other words of a header that the parser does not take, or that never ended."""
        ids = self._header[2:] if self._header[:1] == [START] else self._header
        before, marked, after = _partition(ids, CHANNEL)
        if not marked:
            return "", self._plain(before)
        words = self._plain(after).lstrip()
        channel, _space, rest = words.partition(" ")
        return channel, rest

    def _plain(self, ids: list[int]) -> str:
        text: str = self._encoder.decode([one for one in ids if one < FIRST_CONTROL_ID])
        return text

    def _bytes(self, token: int) -> bytes:
        # Public, exact for pieces of characters, and without the parser's habit of keeping text back.
        text: str = self._encoder.decode([token], errors="surrogateescape")
        return text.encode("utf-8", "surrogateescape")

    def _text(self, data: bytes, *, last: bool = False) -> list[Event]:
        text = self._utf8.decode(data, final=last)
        if not text:
            return []
        if self._kind is _Kind.ANALYSIS:
            return [AnalysisDelta(text)]
        if self._kind is _Kind.FINAL:
            self._said_final = True
            return [FinalDelta(text)]
        self._unmarked.append(text)
        return []


def _partition(ids: list[int], mark: int) -> tuple[list[int], bool, list[int]]:
    if mark not in ids:
        return ids, False, []
    at = ids.index(mark)
    return ids[:at], True, ids[at + 1 :]
