"""Choice of merges by parity: pair totals and a heap for each language, and the language that is served next.

A slot of the table is four int64: a pair (`left << 32 | right`, -1 when empty), its total in one language, the total
with which it waits in that language's heap (0 when it does not), and the language. A heap orders entries by (highest
total, largest strings of left and right) as they were when pushed; entries are corrected when they come up, as in
`operators.kernels.pair_totals`. Behind the languages, one more heap may hold the totals of all together.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import F64, I16, I32, I64, U8, U64
from operators.kernels.intrinsics import folded, prefetch
from operators.kernels.kernel import kernel

SLOT = 4
AHEAD = 16  # rows whose slots are asked for before they are read
MADE, AFTER, WINDOW, NEXT = 0, 1, 2, 3  # what the entries of `Parity.numbers` are
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_LANGUAGE = np.uint64(0xD6E8FEB86659FD93)


class Texts(NamedTuple):
    """Strings of tokens, as ranks of their characters in the ByteLevel alphabet; all by token id."""

    prefix: U64
    """The first eight ranks, the first one highest; 0 behind the end."""
    begin: I64
    end: I64
    data: U8


class Rows(NamedTuple):
    """Changes of pair counts (`operators.shard.PairChanges`), without steps."""

    language: I16
    left: I32
    right: I32
    change: I64


class Heaps(NamedTuple):
    """A heap for each language, side by side in two arrays."""

    total: I64
    pair: I64
    first: I64
    """int64[heaps + 1]: where each begins; the space up to the next is its own."""
    size: I64
    """int64[heaps]: entries in use."""


class Parity(NamedTuple):
    """State that decides which language is served; arrays by language unless they say otherwise."""

    lengths: I64
    """Tokens of the judged text."""
    initial: I64
    """Tokens of the judged text before any merge."""
    ratios: F64
    """Ratios of the compression rates; float64[0] where lengths themselves are compared."""
    exhausted: U8
    """1 once a language had no pair that is frequent enough."""
    served: I64
    """Places of each language among the recent choices."""
    recent: I64
    """int64[window]: the recent choices, a ring; -1 where none was made yet."""
    numbers: I64
    """int64[4]: merges made, merges that are chosen for all languages together, length of the window (0: none), and
    the next place in the ring."""
    share: F64
    """float64[1]: largest part of the window that a language may hold."""


@kernel
def home(table: Any, pair: int, language: int) -> Any:
    """Return the place at which the search for a pair begins; there are less than 2^32 slots."""
    hashed = folded(np.uint64(pair) ^ folded(np.uint64(language), _LANGUAGE), _FACTOR)
    return SLOT * np.int64(((hashed >> np.uint64(32)) * np.uint64(len(table) // SLOT)) >> np.uint64(32))


@kernel
def slot_of(table: Any, pair: int, language: int) -> Any:
    """Return the place of the slot that holds a language's pair, or of the empty slot where it belongs."""
    at = home(table, pair, language)
    while table[at] != -1 and (table[at] != pair or table[at + 3] != language):
        at += SLOT
        if at == len(table):
            at = np.int64(0)
    return at


@kernel
def total_of(table: Any, pair: int, language: int) -> Any:
    """Return the total of a pair in a language; 0 where it never occurred."""
    at = slot_of(table, pair, language)
    return table[at + 1] if table[at] != -1 else np.int64(0)


@kernel
def count_pairs(table: Any) -> int:
    """Return the number of pairs whose total is not 0."""
    pairs = 0
    for at in range(0, len(table), SLOT):
        pairs += table[at] != -1 and table[at + 1] != 0
    return pairs


@kernel
def rehash(table: Any, larger: Any) -> None:
    """Put the pairs whose total is not 0 into another table, which is zero. Heap entries of others no longer count."""
    larger[::SLOT] = -1
    for old in range(0, len(table), SLOT):
        if table[old] != -1 and table[old + 1] != 0:
            at = slot_of(larger, table[old], table[old + 3])
            larger[at : at + SLOT] = table[old : old + SLOT]


@kernel
def add_changes(rows: Rows, table: Any, lengths: Any, together: int, raised: Any) -> tuple[int, int]:
    """Add changes to the table, which has space for them; return the number of new pairs and of raises.

    lengths: int64, by language; falls by what was replaced. together: the heap of all languages, -1 without one: each
    row counts there too. `raised` (int64[2, n], two columns a row) gets pair and heap of each raise: these (re)enter
    it.
    """
    added, raises = 0, 0
    for i in range(len(rows.left)):
        if i + AHEAD < len(rows.left):
            ahead = np.int64(rows.language[i + AHEAD])
            pair = (np.int64(rows.left[i + AHEAD]) << 32) | rows.right[i + AHEAD]
            prefetch(table, home(table, pair, max(ahead, ~ahead)))
        pair = (np.int64(rows.left[i]) << 32) | rows.right[i]
        language, change = np.int64(rows.language[i]), rows.change[i]
        if language < 0:
            language = ~language
            lengths[language] += change
        for heap in (language, together):
            if heap < 0:
                continue
            at = slot_of(table, pair, heap)
            if table[at] == -1:
                table[at], table[at + 3] = pair, heap
                added += 1
            table[at + 1] += change
            if change > 0:
                raised[0, raises], raised[1, raises] = pair, heap
                raises += 1
    return added, raises


@kernel
def add_texts(lefts: Any, rights: Any, tokens: Any, texts: Texts, used: int) -> int:
    """Give tokens that merges make their strings, unless they have one; the arrays have space.

    used: length of `texts.data` in use; its new value is returned.
    """
    for i in range(len(tokens)):
        token = tokens[i]
        if texts.end[token] > 0:
            continue
        texts.begin[token] = used
        for part in (lefts[i], rights[i]):
            length = texts.end[part] - texts.begin[part]
            texts.data[used : used + length] = texts.data[texts.begin[part] : texts.end[part]]
            used += length
        texts.end[token] = used
        prefix = np.uint64(0)
        for j in range(8):
            at = texts.begin[token] + j
            prefix = (prefix << np.uint64(8)) | np.uint64(texts.data[at] if at < used else 0)
        texts.prefix[token] = prefix
    return used


@kernel
def is_larger(token: int, other: int, texts: Texts) -> bool:
    """True if a token's string sorts behind another's."""
    if texts.prefix[token] != texts.prefix[other]:
        return bool(texts.prefix[token] > texts.prefix[other])
    a, b = texts.begin[token], texts.begin[other]
    length, other_length = texts.end[token] - a, texts.end[other] - b
    for i in range(min(length, other_length)):
        if texts.data[a + i] != texts.data[b + i]:
            return bool(texts.data[a + i] > texts.data[b + i])
    return bool(length > other_length)


@kernel
def comes_first(total: int, pair: int, other_total: int, other: int, texts: Texts) -> bool:
    """True if an entry comes up before another: a higher total, then larger strings."""
    if total != other_total or pair == other:
        return total > other_total
    if pair >> 32 != other >> 32:
        return is_larger(pair >> 32, other >> 32, texts)
    return is_larger(pair & 0xFFFFFFFF, other & 0xFFFFFFFF, texts)


@kernel
def push(heaps: Heaps, heap: int, total: int, pair: int, texts: Texts) -> None:
    """Put an entry into a heap, which has space for it."""
    first, at = heaps.first[heap], heaps.size[heap]
    heaps.size[heap] += 1
    while at > 0:
        parent = (at - 1) >> 1
        if not comes_first(total, pair, heaps.total[first + parent], heaps.pair[first + parent], texts):
            break
        heaps.total[first + at], heaps.pair[first + at] = heaps.total[first + parent], heaps.pair[first + parent]
        at = parent
    heaps.total[first + at], heaps.pair[first + at] = total, pair


@kernel
def remove_top(heaps: Heaps, heap: int, texts: Texts) -> None:
    """Remove the first entry of a heap."""
    first = heaps.first[heap]
    heaps.size[heap] -= 1
    size = heaps.size[heap]
    total, pair = heaps.total[first + size], heaps.pair[first + size]
    at = 0
    while 2 * at + 1 < size:
        child, other = first + 2 * at + 1, first + 2 * at + 2
        if 2 * at + 2 < size and comes_first(
            heaps.total[other], heaps.pair[other], heaps.total[child], heaps.pair[child], texts
        ):
            child = other
        if not comes_first(heaps.total[child], heaps.pair[child], total, pair, texts):
            break
        heaps.total[first + at], heaps.pair[first + at] = heaps.total[child], heaps.pair[child]
        at = child - first
    heaps.total[first + at], heaps.pair[first + at] = total, pair


@kernel
def push_pairs(pairs: Any, of_heaps: Any, table: Any, heaps: Heaps, texts: Texts) -> None:
    """Put pairs into heaps, which have space, unless they wait there with this total or a higher one."""
    for i in range(len(pairs)):
        if i + AHEAD < len(pairs):
            prefetch(table, home(table, pairs[i + AHEAD], of_heaps[i + AHEAD]))
        at = slot_of(table, pairs[i], of_heaps[i])
        if table[at] != -1 and table[at + 1] > table[at + 2]:
            table[at + 2] = table[at + 1]
            push(heaps, of_heaps[i], table[at + 1], pairs[i], texts)


@kernel
def correct_top(table: Any, heaps: Heaps, heap: int, texts: Texts) -> bool:
    """Correct a heap until its first entry has its pair's total of now; return False where none is left."""
    first = heaps.first[heap]
    while heaps.size[heap] > 0:
        total, pair = heaps.total[first], heaps.pair[first]
        at = slot_of(table, pair, heap)
        if total == table[at + 2] and total == table[at + 1]:
            return True
        remove_top(heaps, heap, texts)
        if total == table[at + 2]:
            table[at + 2] = max(table[at + 1], 0)
            if table[at + 2] > 0:
                push(heaps, heap, table[at + 2], pair, texts)
    return False


@kernel
def cost_of(parity: Parity, language: int) -> float:
    """Return what decides which language is served: the highest is. Computed as Hugging Face's trainer computes it."""
    if len(parity.ratios) == 0:
        return float(parity.lengths[language])
    rate = float(parity.initial[language]) / float(parity.lengths[language])
    return -(rate / parity.ratios[language])


@kernel
def may_serve(parity: Parity, language: int) -> bool:
    """True if a language is not among the recent choices too often."""
    window = parity.numbers[WINDOW]
    return bool(window == 0 or float(parity.served[language]) / float(window) <= parity.share[0])


@kernel
def next_language(parity: Parity) -> int:
    """Return the language to serve: the costliest that may be; the number of languages for all together; -1: none.

    Where each that has pairs was served too often, it is what Hugging Face's trainer takes: the first language if that
    has no pairs and was not served too often or is the only one without; else, where their loop would not end, the
    cheapest.
    """
    n = len(parity.lengths)
    if parity.numbers[MADE] < parity.numbers[AFTER]:
        return n
    passed = parity.exhausted.copy()
    last = -1
    while True:
        best, cost = -1, 0.0
        for i in range(n):
            if not passed[i]:
                own = cost_of(parity, i)
                if best < 0 or own > cost:
                    best, cost = i, own
        if best < 0:
            break
        if may_serve(parity, best):
            return best
        passed[best] = 1
        last = best
    if last >= 0 and parity.exhausted[0] and (may_serve(parity, 0) or parity.exhausted.sum() == 1):
        return 0
    return last


@kernel
def record_choice(parity: Parity, language: int, found: bool) -> None:
    """Record that a language (or all together) was chosen; found: True if it had a pair, which is merged."""
    window, at = parity.numbers[WINDOW], parity.numbers[NEXT]
    if window > 0 and language < len(parity.lengths):
        if parity.recent[at] >= 0:
            parity.served[parity.recent[at]] -= 1
        parity.recent[at] = language
        parity.served[language] += 1
        parity.numbers[NEXT] = (at + 1) % window
    if found:
        parity.numbers[MADE] += 1
    else:
        parity.exhausted[language] = 1


class Waiting(NamedTuple):
    """Pair totals of the words and of the judged text, and the pairs that wait to be merged."""

    table: I64
    judged: I64
    """Table of the judged text; that of the words where they are judged themselves."""
    heaps: Heaps
    texts: Texts
    side: U8
    """uint8, by token; all zero between calls: 1 for left, 2 for right tokens of the batch."""
    bound: I64
    """int64, by heap: the largest total of a pair of the batch; zero between calls."""


@kernel
def is_touched(pair: int, side: Any) -> bool:
    """True if a merge of the batch may lower the count of a pair."""
    return bool((side[pair >> 32] & 2) or (side[pair & 0xFFFFFFFF] & 1))


@kernel
def take_pair(waiting: Waiting, parity: Parity, pair: int) -> None:
    """Take a pair from all heaps, and the tokens that its merge saves from the lengths."""
    table, judged, heaps = waiting.table, waiting.judged, waiting.heaps
    for heap in range(len(heaps.size)):
        at = slot_of(table, pair, heap)
        if table[at] != -1:
            waiting.bound[heap] = max(waiting.bound[heap], table[at + 1])
            table[at + 2] = 0
    for language in range(len(parity.lengths)):
        parity.lengths[language] -= total_of(judged, pair, language)


@kernel
def take_batch(
    limit: int, minimum: int, waiting: Waiting, parity: Parity, out_pair: Any, out_total: Any, choices: Any
) -> tuple[int, int]:
    """Take the pairs to merge next, at most `limit`, as long as one merge at a time would take the same.

    parity: a copy of the state, which is moved on. choices: int64[2, n] gets the languages that were chosen, and 1 if
    one had a pair, else 0; its space bounds the batch. Returns the number of pairs and of choices.
    """
    heaps, texts, side = waiting.heaps, waiting.texts, waiting.side
    taken, chosen = 0, 0
    while taken < limit and chosen < choices.shape[1]:
        heap = next_language(parity)
        if heap < 0:
            break
        first = heaps.first[heap]
        found = correct_top(waiting.table, heaps, heap, texts) and heaps.total[first] >= minimum
        if not found:
            if heap == len(parity.lengths):
                break
            record_choice(parity, heap, False)
            choices[0, chosen], choices[1, chosen] = heap, 0
            chosen += 1
            continue
        total, pair = heaps.total[first], heaps.pair[first]
        left, right = pair >> 32, pair & 0xFFFFFFFF
        if taken > 0 and (left == right or is_touched(pair, side)):
            break
        remove_top(heaps, heap, texts)
        # A new pair may reach this total only if one that the batch touches has it: a tie.
        behind = waiting.bound[heap] >= total and correct_top(waiting.table, heaps, heap, texts)
        if behind and heaps.total[first] == total:
            push(heaps, heap, total, pair, texts)
            break
        take_pair(waiting, parity, pair)
        record_choice(parity, heap, True)
        choices[0, chosen], choices[1, chosen] = heap, 1
        chosen += 1
        out_pair[taken], out_total[taken] = pair, total
        taken += 1
        if left == right:
            break
        side[left] |= 1
        side[right] |= 2
    for i in range(taken):
        side[out_pair[i] >> 32] = 0
        side[out_pair[i] & 0xFFFFFFFF] = 0
    waiting.bound[:] = 0
    return taken, chosen


@kernel
def record_choices(parity: Parity, choices: Any, merges: int) -> int:
    """Record choices up to the one of the last of `merges` merges; return how many that are."""
    made = 0
    for i in range(choices.shape[1]):
        if made == merges:
            return i
        record_choice(parity, choices[0, i], choices[1, i] == 1)
        made += choices[1, i]
    return choices.shape[1]


@kernel
def replay_choices(parity: Parity, languages: Any, saved: Any) -> bool:
    """Record the choices of merges that are known by the language served; languages without pairs are found on the way.

    saved: int64[n, languages], the change of the judged text's lengths by each merge. Returns False where no choice
    leads to a language, so that the merges are of other words.
    """
    for i in range(len(languages)):
        chosen = -2
        while chosen != languages[i]:
            chosen = next_language(parity)
            if chosen != languages[i] and (chosen < 0 or chosen == len(parity.lengths)):
                return False
            record_choice(parity, chosen, chosen == languages[i])
        for language in range(len(parity.lengths)):
            parity.lengths[language] += saved[i, language]
    return True
