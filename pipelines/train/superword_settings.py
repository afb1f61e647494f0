"""Settings of superwords: what they are where none is given, and which go together."""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from pipelines.settings import BadSettings

if TYPE_CHECKING:
    from pipelines.train.settings import Train

SUPERWORDS: Final = ("superwords", "transition", "superword_pretokenizer", "max_words", "not_across")
"""Names of the settings of superwords."""
AUTO: Final = "auto"
"""Value of `transition` that lets the counts of words and superwords decide."""
USUAL_WORDS: Final = 4
USUAL_SIGNS: Final = ":"
LARGEST_SIZE: Final = 1e9
NOWHERE: Final = "none"
"""Value of `not_across` without characters."""
USUAL_TRANSITION: Final = 0.9
"""Share of the vocabulary that is learned before superwords."""


def superword_settings(
    settings: "Train", pretokenizer: str, size: int, present: int, is_extended: bool
) -> dict[str, Any]:
    """Return the settings of superwords: transition in tokens, and the second stage's regular expression.

    present: tokens before the first merge that is learned.
    """
    defaults = {one.name: one.default for one in msgspec.structs.fields(type(settings))}
    if not settings.superwords:
        for name in SUPERWORDS[1:]:
            if getattr(settings, name) != defaults[name]:
                raise BadSettings(name, "is of superwords; add --superwords, or leave it out")
        return {}
    from operators.superwords.rules import SUPERBPE, WORDS, second_stage
    from operators.text.pretokenize import require_unambiguous

    if settings.word_table:
        raise BadSettings("superwords", "need text, not word_table, which holds no two words together; name a corpus")
    if settings.require is not None:
        raise BadSettings("require", "cannot be joined with superwords; require tokens of the finished tokenizer (add)")
    auto = settings.transition == AUTO
    rule, words, across = (WORDS, 0, NOWHERE) if auto else (SUPERBPE, USUAL_WORDS, USUAL_SIGNS)
    words = words if settings.max_words is None else settings.max_words
    across = across if settings.not_across is None else settings.not_across
    regex = second_stage(settings.superword_pretokenizer or rule, pretokenizer)
    require_unambiguous(regex)
    if words == 1:
        raise BadSettings("max_words", "is 1, which no superword has; ask for 2 or more, or for 0, any number")
    resolved = {"superword_pretokenizer": regex, "max_words": words, "not_across": "" if across == NOWHERE else across}
    if auto:
        return resolved
    given = settings.transition if settings.transition is not None else None if is_extended else USUAL_TRANSITION
    transition = present if given is None else _transition(given, size)
    least = present if is_extended else present + 1
    if not least <= transition < size:
        raise BadSettings(
            "transition",
            f"is at {transition:,} tokens; it must be {least:,} or more, as {present:,} are there before the first "
            f"merge, and under vocab_size, {size:,}",
        )
    return resolved | {"transition": transition}


def _transition(given: str | float, size: int) -> int:
    """Return a transition in tokens."""
    try:
        number = float(given)
    except ValueError:
        raise BadSettings("transition", f"{str(given)[:40]!r} is no number; give tokens, a share, or auto") from None
    if not 0 < number < LARGEST_SIZE or (number >= 1 and number != int(number)):
        raise BadSettings("transition", f"{given} is neither a number of tokens nor a share between 0 and 1")
    return int(number) if number >= 1 else int(number * size)
