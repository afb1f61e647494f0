"""Tokens of words while a vocabulary is made smaller, one token after the other.

The words stand in one buffer, and `at` holds the token that begins at each byte. All places of a token are a linked
list, so a removed token is found wherever it stands.

A sequence of tokens, each of which encodes to itself, is the encoding of its bytes if and only if each pair of
neighbours is the encoding of the pair's bytes. So after a token is taken apart, only the new borders are verified; the
bytes around a border that does not hold are encoded anew, with as many neighbours as it takes.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I32, I64, U8
from operators.kernels.bpe import NO_MERGE, SCANNED_SYMBOLS, Spelling, merge_word, pair_slot, pair_value
from operators.kernels.kernel import kernel


class Derivations(NamedTuple):
    """The merge that makes each token from its own bytes. All arrays have one entry a token id."""

    left: I32
    """Left part; -1 for a token that no merge makes."""
    right: I32
    """Right part; -1 for a token that no merge makes."""
    rank: I64
    """Rank of the merge; -1 for a token that no merge makes."""
    length: I32
    """Length in bytes."""
    late: U8
    """1 for a token that is made, or has a part that is made, by a merge of lower rank than one of its parts."""


class Removals(NamedTuple):
    """Tokens to remove, in order, and the merges that make each."""

    tokens: I32
    merge_ends: I64
    """End of each removed token's merges in `merge_left` and `merge_right`."""
    merge_left: I32
    merge_right: I32


class WordText(NamedTuple):
    """Words in one buffer: word i is data[offsets[i]:offsets[i + 1]], and occurs counts[i] times."""

    data: U8
    offsets: I64
    counts: I64
    group: I64
    """Row of `added` that the word's tokens are added to."""
    whole: I64
    """Step that removes the token that the whole word is, whatever the merges say (`ignore_merges`); -1: there is
    none."""
    by_step: I64
    """The words with such a step, in the order of their steps."""


class Model(NamedTuple):
    """A tokenizer. Its table is changed: merges of removed tokens leave it."""

    spelling: Spelling
    table: I64
    derivations: Derivations
    known: U8
    """Filter of the table's pairs, one bit each by `pair_bit`: most pairs are none, and this fits into the processor's
    cache. Its length is a power of two."""


class Tokens(NamedTuple):
    """Tokens of all words. Entries are for bytes, where not said otherwise."""

    at: I32
    """The token that begins at a byte; -1 inside of tokens."""
    before: I32
    """The byte at which the token in front of this one begins; -1 at a word's beginning."""
    word: I32
    """The word of a byte."""
    first: I32
    """One entry a token id: a place of the token, -1 where it has none."""
    following: I32
    """The next place of the same token; -1: there is none."""
    preceding: I32
    """The previous place of the same token; -1: this is the first."""
    number: I64
    """One entry a word: its number of tokens."""
    touched: I32
    """Scratch."""


@kernel
def count_emitted(words: Any, spelling: Any, table: Any, emitted: Any) -> None:
    """Add the count of each token in the encoding of all words to `emitted` (int64, one entry a token id)."""
    symbols, values = np.empty(SCANNED_SYMBOLS, np.int64), np.empty(SCANNED_SYMBOLS, np.int64)
    for word in range(len(words.counts)):
        start, end = words.offsets[word], words.offsets[word + 1]
        made, n = merge_word(words.data, start, end, 1, spelling, table, symbols, values)
        for i in range(n):
            emitted[made[i]] += words.counts[word]


@kernel
def pair_bit(left: Any, right: Any, known: Any) -> Any:
    """Return the bit of a pair in the filter."""
    mixed = (left * np.int64(0x9E3779B1) + right) * np.int64(0x85EBCA6B)
    return (mixed ^ mixed >> 29) & (8 * len(known) - 1)


@kernel
def put_pairs(left: Any, right: Any, known: Any) -> None:
    """Put pairs into the filter, which is zero."""
    for i in range(len(left)):
        bit = pair_bit(np.int64(left[i]), np.int64(right[i]), known)
        known[bit >> 3] |= np.uint8(1 << (bit & 7))


@kernel
def fits(left: Any, right: Any, model: Any) -> bool:
    """Return True if the bytes of two tokens, one behind the other, encode to these two tokens.

    It goes back in time, and undoes the later of the two merges. No merge over the border may come before one that used
    up its left or right part. Of two places of one merge, encoding takes the left one first. Ranks do not tell the time
    of late tokens: False, so that they are encoded anew with the whole word.
    """
    derivations = model.derivations
    if derivations.late[left] or derivations.late[right]:
        return False
    a, b = np.int64(left), np.int64(right)
    limit = np.int64(1) << 40
    while True:
        bit = pair_bit(a, b, model.known)
        if model.known[bit >> 3] >> (bit & 7) & 1:
            value = pair_value(model.table, a, b)
            if value != NO_MERGE and value >> 32 < limit:
                return False
        rank_a, rank_b = derivations.rank[a], derivations.rank[b]
        if rank_a > rank_b:
            limit, a = rank_a, np.int64(derivations.right[a])
        elif rank_b >= 0:
            limit, b = rank_b + 1, np.int64(derivations.left[b])
        else:
            return True


@kernel
def put_token(at: Any, first: Any, following: Any, preceding: Any, place: Any, token: Any) -> None:
    """Put a token at a place that has none. The arrays are those of `Tokens`."""
    at[place] = token
    head = first[token]
    following[place] = head
    preceding[place] = -1
    if head >= 0:
        preceding[head] = place
    first[token] = place


@kernel
def clear_place(at: Any, first: Any, following: Any, preceding: Any, place: Any) -> None:
    """Take the token of a place away. The arrays are those of `Tokens`."""
    previous, behind = preceding[place], following[place]
    if previous >= 0:
        following[previous] = behind
    else:
        first[at[place]] = behind
    if behind >= 0:
        preceding[behind] = previous
    at[place] = -1


@kernel
def encode_span(words: Any, start: Any, end: Any, model: Any, tokens: Any, symbols: Any, values: Any) -> None:
    """Encode the bytes from start to end, which have no tokens. `before` of start and of end are not written."""
    made, n = merge_word(words.data, start, end, 1, model.spelling, model.table, symbols, values)
    place = start
    for i in range(n):
        put_token(tokens.at, tokens.first, tokens.following, tokens.preceding, place, made[i])
        behind = place + model.derivations.length[made[i]]
        if behind < end:
            tokens.before[behind] = place
        place = behind
    tokens.number[tokens.word[start]] += n


@kernel
def lay_out(words: Any, model: Any, tokens: Any, total: Any) -> None:
    """Encode all words; add their tokens, weighted by counts, to total[group]. `first` is -1 before, `number` 0."""
    symbols, values = np.empty(SCANNED_SYMBOLS, np.int64), np.empty(SCANNED_SYMBOLS, np.int64)
    for word in range(len(words.counts)):
        start, end = words.offsets[word], words.offsets[word + 1]
        for place in range(start, end):
            tokens.word[place] = word
            tokens.at[place] = -1
        if end > start:
            tokens.before[start] = -1
            encode_span(words, start, end, model, tokens, symbols, values)
        total[words.group[word]] += words.counts[word] * (tokens.number[word] if words.whole[word] < 0 else 1)


@kernel
def mend(words: Any, place: Any, model: Any, tokens: Any, symbols: Any, values: Any) -> None:
    """Encode anew around the border in front of a place, with as many neighbours as it takes until borders hold."""
    derivations = model.derivations
    word = tokens.word[place]
    start, end = np.int64(tokens.before[place]), place + np.int64(derivations.length[tokens.at[place]])
    reach = 1
    while True:
        for inside in range(start, end):
            if tokens.at[inside] >= 0:
                clear_place(tokens.at, tokens.first, tokens.following, tokens.preceding, inside)
                tokens.number[word] -= 1
        encode_span(words, start, end, model, tokens, symbols, values)
        last = end - 1
        while tokens.at[last] < 0:
            last -= 1
        wide, long = False, False
        if tokens.before[start] >= 0:
            wide = not fits(tokens.at[tokens.before[start]], tokens.at[start], model)
        if end < words.offsets[word + 1]:
            tokens.before[end] = last
            long = not fits(tokens.at[last], tokens.at[end], model)
        if not wide and not long:
            return
        for _ in range(reach):
            if wide and tokens.before[start] >= 0:
                start = np.int64(tokens.before[start])
            if long and end < words.offsets[word + 1]:
                end += np.int64(derivations.length[tokens.at[end]])
        reach *= 2


@kernel
def take_apart(words: Any, token: Any, model: Any, tokens: Any) -> Any:
    """Replace a token by its two parts, wherever it stands; return how many borders to verify, in `touched`."""
    at, first, following, preceding = tokens.at, tokens.first, tokens.following, tokens.preceding
    before, word_of, number, touched, offsets = tokens.before, tokens.word, tokens.number, tokens.touched, words.offsets
    left, right = model.derivations.left[token], model.derivations.right[token]
    to_middle, to_end = np.int64(model.derivations.length[left]), np.int64(model.derivations.length[token])
    place = np.int64(first[token])
    first[token] = -1
    n = 0
    while place >= 0:
        behind = np.int64(following[place])
        middle, end, word = place + to_middle, place + to_end, word_of[place]
        put_token(at, first, following, preceding, place, left)
        put_token(at, first, following, preceding, middle, right)
        before[middle] = place
        number[word] += 1
        touched[n] = place
        n += 1
        if end < offsets[word + 1]:
            before[end] = middle
        place = behind
    return n


@kernel
def remove_merges(table: Any, removals: Any, step: Any) -> None:
    """Take the merges that make the step's token out of the table."""
    for merge in range(removals.merge_ends[step - 1] if step > 0 else 0, removals.merge_ends[step]):
        slot = pair_slot(table, np.int64(removals.merge_left[merge]), np.int64(removals.merge_right[merge]))
        if table[2 * slot] != -1 and table[2 * slot + 1] & 0xFFFFFFFF == removals.tokens[step]:
            table[2 * slot + 1] = NO_MERGE


@kernel
def remove_tokens(words: Any, model: Any, removals: Any, tokens: Any, added: Any) -> None:
    """Remove all tokens in order; add to added[group, i] (int64) how many more tokens the words have after step i.

    The words are laid out. A token without parts, which no text gives, only leaves the vocabulary.
    """
    symbols, values = np.empty(SCANNED_SYMBOLS, np.int64), np.empty(SCANNED_SYMBOLS, np.int64)
    at, before, word_of, number, touched = tokens.at, tokens.before, tokens.word, tokens.number, tokens.touched
    derivations, offsets, counts, whole = model.derivations, words.offsets, words.counts, words.whole
    group, by_step = words.group, words.by_step
    due = 0
    for step in range(len(removals.tokens)):
        token = removals.tokens[step]
        remove_merges(model.table, removals, step)
        if derivations.left[token] >= 0 and tokens.first[token] >= 0:
            length = np.int64(derivations.length[token])
            for i in range(take_apart(words, token, model, tokens)):
                place = np.int64(touched[i])
                word = word_of[place]
                had = number[word]
                if at[place] >= 0 and before[place] >= 0 and not fits(at[before[place]], at[place], model):
                    mend(words, place, model, tokens, symbols, values)
                end = place + length
                if end < offsets[word + 1] and at[end] >= 0 and not fits(at[before[end]], at[end], model):
                    mend(words, end, model, tokens, symbols, values)
                if step > whole[word]:
                    added[group[word], step] += counts[word] * (1 + number[word] - had)
        while due < len(by_step) and whole[by_step[due]] == step:
            word = by_step[due]
            added[group[word], step] += counts[word] * (number[word] - 1)
            due += 1
