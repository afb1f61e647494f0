"""Pre-tokenizers written for JavaScript: Python's `re` runs them here, a browser in tests/jobs/report."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.text.javascript import Classes, NotInJavaScript, javascript_steps
from operators.text.preprocessing import Preprocessing, byte_level_step, split_step
from operators.text.pretokenize import Pretokenizer
from operators.text.pretokenizers import NAMES
from tests.conftest import examples

STEPS = [split_step(r"\p{N}{1,3}"), split_step("[一-龥ぁ-ゟ]+"), split_step(r"[!-/]|\s+(?!\S)|\p{L}+?(?=\p{Lu})")]
SEVERAL = Preprocessing(None, {"type": "Sequence", "pretokenizers": [*STEPS, byte_level_step()]}).to_string()
PATTERNS = [*NAMES, SEVERAL, r"(?i:ab|'S)|a++b?|[^\r\n]{2,5}|\n(?=a)"]
EDGES = " \n\r\t'sSſkK/.!09٠ABabǅʰªß中ぁเ한\u0301\u00a0\u0085\u2028\ufeff\U0001f600"


def pieces(text: str, steps: list[re.Pattern[str]]) -> list[str]:
    found = [text] if text else []
    for step in steps:
        cut = list[str]()
        for piece in found:
            at = 0
            for match in step.finditer(piece):
                cut += [piece[at : match.start()], match[0]]
                at = match.end()
            cut.append(piece[at:])
        found = [piece for piece in cut if piece]
    return found


def in_python(pattern: str) -> list[re.Pattern[str]]:
    classes = Classes()
    steps = javascript_steps(pattern, classes)
    texts = [re.sub(r"\\u\{([0-9a-f]+)\}", lambda code: f"\\U{int(code[1], 16):08x}", one) for one in classes.texts]
    return [re.compile("".join(texts[part] if isinstance(part, int) else part for part in step)) for step in steps]


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@examples(40)
@given(text=st.text(st.sampled_from(EDGES) | st.characters(exclude_categories=["Cs"]), max_size=40))
def test_matches_and_gaps_are_our_pieces(pattern: str, text: str) -> None:
    ours = Pretokenizer(pattern).split(pa.array([text], pa.large_string()))
    ends = ours.ends.tolist()
    data = ours.data.tobytes()
    expected = [data[a:b].decode() for a, b in zip([0, *ends], ends, strict=False)]
    assert pieces(text, in_python(pattern)) == expected


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(?<=a)b", "its expression has"),
        (Preprocessing({"type": "NFC"}, byte_level_step()).to_string(), "changes the text before it cuts it (NFC)"),
        (
            Preprocessing(None, {**byte_level_step(), "add_prefix_space": True}).to_string(),
            "changes the text before it cuts it (ByteLevel)",
        ),
    ],
)
def test_what_javascript_cannot_say_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(NotInJavaScript, match=re.escape(reason)):
        javascript_steps(pattern, Classes())
