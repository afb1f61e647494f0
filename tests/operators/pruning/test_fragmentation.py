"""Pruning equals slow loops over its definition, and `tokenizers` with the pruned list."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as HuggingFace

from operators.arrays import I64
from operators.pruning.derivations import Structure, structure_of
from operators.pruning.fragmentation import count_tokens, tokens_by_step
from operators.pruning.order import removal_order
from operators.pruning.pruned import without_tokens
from operators.tokenizer import Merges, Tokenizer, Vocabulary
from operators.tokenizer_files.hugging_face_output import to_json
from operators.training.in_memory import train_words

WORDS = st.lists(st.text("abcd", min_size=1, max_size=24), min_size=1, max_size=12, unique=True)


def table(words: list[str]) -> tuple[pa.LargeBinaryArray, I64]:
    counts = np.arange(1, len(words) + 1, dtype=np.int64)
    return pa.array([word.encode() for word in words], pa.large_binary()), counts


def trained(words: list[str], size: int = 276) -> Tokenizer:
    text, counts = table(words)
    return Tokenizer("none", (), train_words(text, counts, size))


def shuffled(words: list[str], order: list[int], parts_first: bool) -> Tokenizer:
    """Return a tokenizer with its merges in another order, in which parts are made first or not."""
    found = trained(words)
    ready, rows = set(range(256)), []
    rest = sorted(range(len(found.merges)), key=lambda i: order[i % len(order)])
    while rest:
        pairs = [(i, int(found.merges.left[i]), int(found.merges.right[i])) for i in rest]
        i, left, right = next(one for one in pairs if not parts_first or {*one[1:]} <= ready)
        rest.remove(i)
        ready.add(int(found.merges.token[i]))
        rows.append((left, right, int(found.merges.token[i]), -1))
    merges = Merges.from_rows(rows)
    return Tokenizer("none", (), merges, published=Vocabulary(found.tokens, found.byte_ids, ()))


def encoded(tokenizer: Tokenizer, words: pa.LargeBinaryArray) -> list[list[int]]:
    library = HuggingFace.from_str(to_json(tokenizer))
    return [one.ids for one in library.encode_batch_fast(words.cast(pa.string()).to_pylist())]


def slow_order(tokenizer: Tokenizer, structure: Structure, counts: I64) -> list[int]:
    """Look through all tokens for the next leaf."""
    held = counts.tolist()
    pairs = dict(enumerate(zip(structure.derivations.left.tolist(), structure.derivations.right.tolist(), strict=True)))
    left = {i for i in range(len(tokenizer.tokens)) if not structure.atoms[i]}
    order = []
    while left:
        used = {part for i in left for part in pairs[i]}
        leaf = min((i for i in left if i not in used), key=lambda i: (held[i], -i))
        for part in pairs[leaf]:
            if part >= 0:
                held[part] += held[leaf]
        left.remove(leaf)
        order.append(leaf)
    return order


@settings(max_examples=8, deadline=None)
@given(WORDS, st.permutations(range(5)), st.booleans())
def test_tokens_after_each_removal_are_those_of_the_pruned_tokenizer(
    words: list[str], order: list[int], parts_first: bool
) -> None:
    text, counts = table([*words, "ab" * 60, "abcd" * 40])
    tokenizer = shuffled([*words, "aab"], list(order), parts_first)
    structure = structure_of(tokenizer)
    assert not (parts_first and structure.derivations.late.any())
    emitted = count_tokens(text, counts, tokenizer, structure)
    whole = encoded(tokenizer, text)
    slow = np.zeros(len(emitted), np.int64)
    for ids, count in zip(whole, counts.tolist(), strict=True):
        np.add.at(slow, ids, count)
    assert emitted.tolist() == slow.tolist()
    removed, _ = removal_order(structure, emitted)
    assert removed.tolist() == slow_order(tokenizer, structure, emitted)
    runs = [("en", text[:1], counts[:1]), ("de", text[1:], counts[1:]), ("en", text[:0], counts[:0])]
    found = tokens_by_step(runs, tokenizer, structure, removed)
    for step in {0, 1, *(place * 4 % len(removed) for place in order), len(removed)}:
        pruned = without_tokens(tokenizer, removed[:step], keep_ids=False).tokenizer
        tokens = [len(ids) * n for ids, n in zip(encoded(pruned, text), counts.tolist(), strict=True)]
        assert (found["en"][step], found["de"][step]) == (tokens[0], sum(tokens[1:]))
