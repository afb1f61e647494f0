r"""Pre-tokenizers as regular expressions of JavaScript, which match exactly what ours do.

An expression's tree is written with every class of characters as ranges of code points: JavaScript's own `\s` and
`\p{L}` are other sets, and change with the browser.
"""

from dataclasses import dataclass, field

from operators.text.character_classes import NotCompiled
from operators.text.compiled import step_tree
from operators.text.pattern_syntax import Chars, Choice, Look, Node, Repeat, Sequence
from operators.text.pretokenize import cutting_steps, parse_preprocessing
from operators.unicode.code_sets import CodeSet


class NotInJavaScript(ValueError):
    """A pre-tokenizer that no expression of JavaScript cuts as; the message says why, in a few words."""


@dataclass
class Classes:
    """Classes of characters, each written once: expressions name them by their numbers."""

    texts: list[str] = field(default_factory=list)
    """Classes, in JavaScript's syntax with the flag `u`."""

    def number(self, members: CodeSet) -> int:
        """Return the number of a class, which is added where it is new."""
        pairs = zip(members.borders[::2].tolist(), (members.borders[1::2] - 1).tolist(), strict=True)
        ranges = (f"\\u{{{a:x}}}" if a == b else f"\\u{{{a:x}}}-\\u{{{b:x}}}" for a, b in pairs)
        text = f"[{''.join(ranges)}]"
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)


Expression = list[int | str]
"""An expression in pieces: text, and numbers of classes."""


def javascript_steps(pretokenizer: str, classes: Classes) -> list[Expression]:
    r"""Return expressions whose matches and gaps are words, one step after the other; with the flags `g` and `u`.

    pretokenizer: as a tokenizer holds it. Raises NotInJavaScript.

    >>> classes = Classes()
    >>> javascript_steps(r"a+|[^a]", classes), classes.texts[0]
    ([['(?:', '(?:', 0, '){1,}', '|', 1, ')']], '[\\u{61}]')
    """
    preprocessing = parse_preprocessing(pretokenizer)
    steps = cutting_steps(preprocessing)
    if steps is None:
        kinds = [step["type"] for step in preprocessing.normalizers or preprocessing.pre_tokenizers]
        raise NotInJavaScript(f"it changes the text before it cuts it ({', '.join(kinds)})")
    try:
        return [_written(step_tree(step), classes) for step in steps]
    except NotCompiled as error:
        raise NotInJavaScript(f"its expression has {error}") from None


def _written(node: Node, classes: Classes) -> Expression:
    match node:
        case Chars(members):
            return [classes.number(members)]
        case Look(members, at_end):
            return ["(?!", classes.number(~members), ")"] if at_end else ["(?=", classes.number(members), ")"]
        case Sequence(items):
            return [part for item in items for part in _written(item, classes)]
        case Choice(items):
            parts = [part for item in items for part in ("|", *_written(item, classes))]
            return ["(?:", *parts[1:], ")"]
        case Repeat(item, least, most, greedy):
            count = f"){{{least},{'' if most is None else most}}}{'' if greedy else '?'}"
            return ["(?:", *_written(item, classes), count]
    raise NotInJavaScript("its expression has a part without a way back")
