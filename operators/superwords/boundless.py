"""Order of word merges and superwords in BoundlessBPE's two-pass form: the transition is found, not chosen.

Both lists are learned first. Then they are walked side by side: a superword is taken while its count is strictly above
that of the next word merge, so a word is there before a superword is made of it.
After Tanner, Schmidt and Pinter 2026, Faster Superword Tokenization (arXiv 2604.05192), and its published code, whose
order of equal counts both lists have (`operators.training.text_order`).
"""

from dataclasses import replace

import numpy as np

from operators.tokenizer import Merges, Tokenizer


def interleave(words: Merges, supers: Merges, present: int, size: int) -> tuple[int, int]:
    """Return how many merges of each list come until there are `size` tokens.

    words, supers: merges in the order of learning. present: number of tokens before both; ids of new tokens follow.

    >>> words = Merges.from_rows([(0, 1, 4, 9), (4, 2, 5, 6), (5, 3, 6, 2)])
    >>> interleave(words, Merges.from_rows([(4, 4, 7, 6), (4, 5, 8, 3)]), 4, 8)
    (2, 2)
    """
    word_rows, super_rows = (
        list(zip(*(column.tolist() for column in merges.columns), strict=True)) for merges in (words, supers)
    )
    made, w, s = set(range(present)), 0, 0
    while len(made) < size:
        word = word_rows[w] if w < len(word_rows) else None
        joins = s < len(super_rows) and made.issuperset(super_rows[s][:2])
        if joins and (word is None or super_rows[s][3] > word[3]):
            made.add(super_rows[s][2])
            s += 1
        elif word is not None:
            made.add(word[2])
            w += 1
        else:
            break
    return w, s


def after_words(first: Tokenizer, present: int, merges: int, supers: Merges) -> tuple[Tokenizer, Merges]:
    """Return the tokenizer of the first `merges` merges, and superwords' merges with the ids that then follow.

    present: number of tokens before the first merge that was learned, whose ids come first.
    """
    later = first.merges.token[merges:]
    kept = len(first.tokens) - len(np.setdiff1d(later[later >= present], first.merges.token[:merges]))
    cut = replace(first, merges=first.merges[:merges])
    if first.published is not None:
        cut = replace(cut, published=replace(first.published, tokens=first.published.tokens[:kept]))
    texts, ids = dict(first.text_tokens), {text: token for token, text in cut.text_tokens.items()}
    following, rows = len(cut.tokens), list[tuple[int, int, int, int]]()
    for left, right, token, count in zip(*(column.tolist() for column in supers.columns), strict=True):
        text = texts[left] + texts[right]
        texts[token] = text
        new = ids.setdefault(text, following)
        following += new == following
        rows.append((ids[texts[left]], ids[texts[right]], new, count))
    return cut, Merges.from_rows(rows)
