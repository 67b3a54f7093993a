"""What the two framework adapters share: a chat as a `Conversation`, and a prompt that fits the model.

Roles are kept apart down to the generator: a chat is never flattened into one text that a message could
break out of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.models.base import Conversation, Event, Generator, Speaker, Turn, Waiting
from storage.errors import Refused, WrongUse


def conversation_of(messages: Sequence[tuple[str, str]], *, effort: str = "low") -> Conversation:
    """Messages as (role, text), roles `system`, `user` and `assistant`; the last one is the question.

    Raises:
        WrongUse: the last message is not the user's, or a role is none of these.
    """
    rules = "\n\n".join(text for role, text in messages if role == "system")
    spoken = [(role, text) for role, text in messages if role != "system"]
    for role, _text in spoken:
        if role not in ("user", "assistant"):
            raise WrongUse(
                f"a message of role {role!r} cannot be given to this model; use system, user, assistant"
            )
    if not spoken or spoken[-1][0] != "user":
        raise WrongUse("the last message is not the user's; end the chat with a question")
    turns = tuple(Turn(Speaker(role), text) for role, text in spoken[:-1])
    return Conversation(rules, spoken[-1][1], turns=turns, effort=effort)


def generate(
    generator: Generator, conversation: Conversation, *, max_tokens: int | None, temperature: float, seed: int
) -> Iterator[Event]:
    """Render and generate, the output limited to what the model's context leaves. Raises `Refused`."""
    ids = generator.render(conversation)
    room = generator.context_tokens - len(ids)
    if room <= 0:
        raise Refused(
            f"the chat takes {len(ids)} of the model's {generator.context_tokens} tokens; shorten it"
        )
    wanted = max_tokens or generator.preferred_output_tokens
    events = generator.generate(ids, max_tokens=min(wanted, room), temperature=temperature, seed=seed)
    # A framework has no word for a place in a line.
    return (event for event in events if not isinstance(event, Waiting))
