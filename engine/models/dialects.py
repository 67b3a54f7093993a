"""How a model is spoken to: a conversation becomes prompt ids, and reply ids become events.

Two dialects: harmony for gpt-oss, and for every other model its own chat template. Of a template only the
frame is used: it is filled with placeholders, cut at them, and what people and documents wrote is encoded
apart, as ordinary text. So no text can become a control token, whatever the template does with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from openai_harmony import HarmonyEncoding

from engine.models import harmony
from engine.models.base import Conversation, Done, Event, FinalDelta, FinishReason, Usage, passage_header

_PLACE = "\u2042{}\u2042"
_PLACES = re.compile("\u2042(\\d+)\u2042")
# Some templates write today's date; a prompt on record must come out the same on another day.
_FIXED_DATE = "01 Jan 2026"


class Reader(Protocol):
    """Reads one reply, id by id."""

    @property
    def ended(self) -> bool:
        """True once the reply is over, whatever the model would write next."""
        ...

    def feed(self, token: int) -> list[Event]:
        """Take one id; give what it completes."""
        ...

    def finish(self, reason: FinishReason, prompt_tokens: int) -> list[Event]:
        """The last events, `Done` as the last of them."""
        ...


class Dialect(Protocol):
    """One model's own form."""

    @property
    def stop_ids(self) -> tuple[int, ...]:
        """After any of these the model has ended."""
        ...

    def count(self, text: str) -> int:
        """Tokens of plain text."""
        ...

    def render(self, conversation: Conversation) -> tuple[list[int], int]:
        """Prompt ids, and how many of the first are the same whatever is asked."""
        ...

    def reader(self) -> Reader:
        """A reader for one reply."""
        ...


class HarmonyDialect:
    """gpt-oss."""

    stop_ids = harmony.STOP_IDS

    def __init__(self, encoder: HarmonyEncoding) -> None:
        self._encoder = encoder

    def count(self, text: str) -> int:
        return harmony.count(text, self._encoder)

    def render(self, conversation: Conversation) -> tuple[list[int], int]:
        return harmony.render(conversation, self._encoder), len(harmony.head(conversation, self._encoder))

    def reader(self) -> Reader:
        return harmony.HarmonyStream(self._encoder)


class TemplateDialect:
    """Any other chat model, by the template and tokenizer in its folder."""

    def __init__(self, tokenizer: Any, stop_ids: Sequence[int]) -> None:
        """`tokenizer` is a fast one of transformers; `stop_ids` are those of the model's settings."""
        self._tokenizer = tokenizer
        own = tokenizer.eos_token_id
        self.stop_ids = tuple(dict.fromkeys([*stop_ids, *([own] if own is not None else [])]))
        added = tokenizer.added_tokens_decoder
        self._controls = frozenset(added)
        marks = sorted((str(token) for token in added.values()), key=len, reverse=True)
        # Also those that the tokenizer does not call special, such as marks of thinking or of tools.
        self._marks = re.compile("|".join(re.escape(mark) for mark in marks if len(mark) > 1) or r"(?!)")

    def count(self, text: str) -> int:
        return len(self._plain(text))

    def render(self, conversation: Conversation) -> tuple[list[int], int]:
        """The template's frame round texts that are encoded as ordinary text."""
        passages = "\n\n".join(f"{passage_header(one)}\n{one.text}" for one in conversation.passages)
        asked = f"{passages}\n\nQuestion: {conversation.question}" if passages else conversation.question
        texts = [conversation.rules, *(turn.text for turn in conversation.turns), asked]
        roles = ["system", *(turn.speaker.value for turn in conversation.turns), "user"]
        pieces = _PLACES.split(self._frame(roles))
        ids: list[int] = []
        head = 0
        # Every second piece is the number of a text.
        for at, piece in enumerate(pieces):
            if at % 2:
                head = head or (len(ids) if int(piece) else 0)
                ids += self._plain(texts[int(piece)])
            else:
                ids += self._tokenizer.encode(piece, add_special_tokens=False) if piece else []
        return ids, head

    def reader(self) -> Reader:
        return TextStream(self._tokenizer, self.stop_ids)

    def _frame(self, roles: list[str]) -> str:
        turns = [{"role": role, "content": _PLACE.format(at)} for at, role in enumerate(roles)]
        if not self._tokenizer.chat_template:
            bos = self._tokenizer.bos_token or ""
            return bos + "\n\n".join(str(turn["content"]) for turn in turns) + "\nAnswer: "
        try:
            frame = self._framed(turns)
            if len(_PLACES.findall(frame)) == len(roles):
                return frame
        except Exception as error:
            # A template raises whatever its writer chose.
            if "system" not in str(error).lower():
                raise
        # A model that knows no system turn is told the rules by the user's first one.
        turns[1]["content"] = f"{turns[0]['content']}\n\n{turns[1]['content']}"
        return self._framed(turns[1:])

    def _framed(self, turns: list[dict[str, str]]) -> str:
        frame: str = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True, date_string=_FIXED_DATE, enable_thinking=False
        )
        return frame

    def _plain(self, text: str) -> list[int]:
        """Ids of a text none of which is a control token, whatever is written in it."""
        ids: list[int] = []
        start = 0
        for mark in self._marks.finditer(text):
            # Cut inside the mark: neither half can be taken for it.
            ids += self._encoded(text[start : mark.start() + 1])
            start = mark.start() + 1
        ids += self._encoded(text[start:])
        return [one for one in ids if one not in self._controls]

    def _encoded(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return ids if text else []


class TextStream:
    """Reply ids of a model without channels: all of its text is final."""

    def __init__(self, tokenizer: Any, stop_ids: Sequence[int]) -> None:
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokenizer.backend_tokenizer
        self._decode = DecodeStream(skip_special_tokens=True)
        self._stop = frozenset(stop_ids)
        self._tokens = 0
        self._ended = False

    @property
    def ended(self) -> bool:
        return self._ended

    def feed(self, token: int) -> list[Event]:
        if self._ended:
            return []
        self._tokens += 1
        if token in self._stop:
            self._ended = True
            return []
        text = self._decode.step(self._tokenizer, token)
        return [FinalDelta(text)] if text else []

    def finish(self, reason: FinishReason, prompt_tokens: int) -> list[Event]:
        return [Done(reason, Usage(prompt_tokens, 0, self._tokens))]
