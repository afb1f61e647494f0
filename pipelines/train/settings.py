"""Settings of `train`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from operators.text.pretokenizers import DEFAULT
from operators.text.rules import KEEP, Digits, with_rules
from operators.tokenizer_files.transformers_files import ROLES
from pipelines.results import Trained
from pipelines.settings import UNHASHED, BadSettings, Corpus, CorpusSettings, check_id_field
from pipelines.train.event_settings import check_events
from pipelines.train.models import Model, check_model
from pipelines.train.superword_settings import superword_settings
from pipelines.words.weighting import Weighting

if TYPE_CHECKING:
    from operators.tokenizer import Tokenizer

DEFAULT_SIZE: Final = 32768
TWO_BYTE_TOKENS: Final = 1 << 16
"""Vocabulary size from which token ids need more than two bytes."""
LARGEST_TEMPLATE_BYTES: Final = 1 << 20
BYTES: Final = 256
"""Tokens of every vocabulary of text."""


class Train(CorpusSettings[Trained], frozen=True, kw_only=True):
    """Train a byte-level BPE tokenizer; the merge list equals that of Hugging Face's BpeTrainer."""

    corpus: Annotated[Corpus, UNHASHED] = []
    """Paths, globs or URIs of text; a .yaml file lists sources."""
    out: Annotated[str, UNHASHED]
    """Directory for tokenizer.json, ranks.tiktoken, merges.parquet, and the word tables under words/."""
    word_table: Annotated[list[str], UNHASHED] = []
    """Parquet files of word counts from elsewhere, instead of a corpus: columns word, count and, if known, language."""
    vocab_size: Annotated[int, Meta(ge=2, le=100_000_000)] | None = None
    """Number of tokens: special tokens, the 256 bytes, and one for each merge; by default the largest of `sizes`, else
    32,768."""
    model: Model = "bpe"
    """Kind of the vocabulary: merges (`bpe`), or pieces without merges: of the fewest tokens (`mingram`), or of the
    Unigram language model (`unigram`). Files of pieces are tokenizer.json's of a Unigram model."""
    picky: Annotated[float, Meta(gt=0, le=1)] | None = None
    """Threshold of Picky BPE, from 0 to 1 (0.9 is usual): a token is removed when more than this share of it goes into
    the token that a merge makes. 1: none is, as without it."""
    sizes: Annotated[list[Annotated[int, Meta(ge=257, le=100_000_000)]], UNHASHED] = []
    """Smaller vocabulary sizes: also write the tokenizer of each, to size-<size>/ in the same directory."""
    pretokenizer: str | None = None
    """A name ({pretokenizers}; default: o200k) or a regular expression: its matches and the gaps are pre-tokens."""
    digits: Digits = "keep"
    """Way to cut runs of numbers: `keep` the pre-tokenizer's, each `single`, in `threes`, or in `threes-from-right`."""
    letters_apart: list[str] = []
    """Scripts (Han,Thai,...) whose letters are pre-tokens of their own, each with its marks."""
    whole_characters: bool = False
    """Merge whole characters only: no token crosses or splits a character's border, except as the beginning of one
    character."""
    sequences: bool = False
    """Train on lists of whole numbers from 0 to 1,048,575 (field `ids`, or `text_field`) instead of text: music, audio
    codes, DNA, molecules. The numbers take the place of the 256 bytes."""
    alphabet: Annotated[int, Meta(ge=1, le=1 << 20)] | None = None
    """Number of ids, with `sequences`: 0 and up to it are all tokens; by default those that occur."""
    require: Annotated[str | None, UNHASHED] = None
    """File of tokens that must be in the vocabulary, one text a line, or a .json list: merges behind all others make
    them, and the tokens learned last give way."""
    superwords: bool = False
    """Learn superwords: after the transition merges may join words, inside what the second stage leaves together."""
    transition: str | float | None = None
    """Transition to superwords: a number of tokens (1 and more), a share of the vocabulary (0.9 by default), or auto: a
    superword is taken while it is more frequent than the next word. With `extend`, by default, the tokens that there
    are."""
    superword_pretokenizer: str | None = None
    """Second stage of superwords: `superbpe` (the published rule, the default), `punctuation` (the first stage's rule
    with only the space before words freed), `words` (runs of words are pieces, the default of auto), or a regular
    expression: its matches and the gaps are pieces."""
    max_words: Annotated[int, Meta(ge=0)] | None = None
    """Largest number of words in a superword, by spaces; 0: any number. 4 by default, with auto 0."""
    not_across: str | None = None
    """Characters that no superword holds with a space behind them; none: any may be held. : by default, with auto
    none."""
    special_tokens: list[str] = []
    """Special tokens, in order; they take the first ids and stand for no text. With `extend`, the next free ids."""
    bos_token: str | None = None
    """Special token at the beginning of a text: transformers finds it in this role. It is added if need be."""
    eos_token: str | None = None
    """Special token at the end of a text, as `bos_token`."""
    unk_token: str | None = None
    """Special token for the unknown, as `bos_token`; no text becomes it, for every byte has a token."""
    pad_token: str | None = None
    """Special token that fills up batches, as `bos_token`."""
    chat_template: str | None = None
    """File with a Jinja template, which transformers fills in as `apply_chat_template`."""
    extend: str | None = None
    """Tokenizer to extend: its merges, ids, pre-tokenizer and special tokens stay, and new merges are learned behind
    them."""
    sources_field: str | None = None
    """Field or column that names a document's source (package, site, author), or @file: each file is a source.
    merges.parquet then says how many sources support each merge."""
    min_sources: Annotated[int, Meta(ge=1)] = 1
    """Number of sources that must support a merge; with `sources_field`."""
    source_priority: bool = False
    """Merge pairs by count * log(sources) * languages instead of by count; with `sources_field`."""
    morphemes: Annotated[str | None, UNHASHED] = None
    """Table of words and their morphemes (.tsv, .csv or .parquet: word, morphemes with | between): no merge crosses a
    border that it gives for a word, alone or behind a space."""
    min_pair_count: Annotated[int, Meta(ge=1, le=1 << 62)] = 1
    """Training ends when the most frequent pair is rarer than this (weighted) count."""
    max_token_length: Annotated[int, Meta(ge=2, le=10**9)] | None = None
    """Length in bytes that no merged token reaches, except pairs of bytes; as in Hugging Face's trainer."""
    shares: dict[str, Annotated[float, Meta(gt=0)]] | None = None
    """Train on these languages only, with counts scaled so that their bytes have these shares (en=3,de=1)."""
    weights: dict[str, Annotated[float, Meta(gt=0)]] | str | None = None
    """Weights of languages, by which their counts are multiplied (sw=2.5; others 1), or a .yaml file of them, such as
    design writes. Weights are scaled to the smallest whole numbers in these ratios, so counts stay exact."""
    temperature: Annotated[float, Meta(ge=1, le=1000)] | None = None
    """Scale counts so that shares of bytes are proportional to bytes^(1/temperature): 1 changes nothing, higher is
    flatter (5 is usual)."""
    parity: Annotated[Corpus, UNHASHED] = []
    """Paths, globs or URIs of parallel text: each merge then serves the language in which it takes the most tokens."""
    parity_ratios: dict[str, Annotated[float, Meta(gt=0)]] | None = None
    """Ratios of all languages (en=1,hi=2.5), instead of parallel text: each merge then serves the language whose
    training text is compressed least, compared with its ratio."""
    parity_after: Annotated[int, Meta(ge=0)] = 0
    """Number of first merges that are chosen by the counts of all languages together, before parity begins."""
    parity_window: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    """Number of recent merges among which no language may be served too often (see `parity_alpha`); 100 is usual."""
    parity_alpha: Annotated[float, Meta(gt=0)] | None = None
    """Largest share of the window that a language may hold, times the number of languages; 2 by default."""
    partitions: Annotated[int, Meta(ge=1, le=10_000), UNHASHED] = 16
    """Number of partitions of the word tables, by hash; no more workers than this can train."""
    resume: Annotated[bool, UNHASHED] = True
    """Resume an interrupted run of the same settings after its last merges; no: train from the first merge."""

    def __post_init__(self) -> None:
        """Verify what no type says, before any work. Raises BadSettings."""
        size = self.vocab_size  # of any type, in a program
        if isinstance(size, int) and size <= BYTES and not self.sequences:
            raise BadSettings("vocab_size", f"{size} leaves no room beside the {BYTES} bytes; ask for more")

    @property
    def by_parity(self) -> bool:
        """True if merges are chosen by parity."""
        return bool(self.parity) or self.parity_ratios is not None

    @property
    def weighting(self) -> Weighting:
        """The way to weigh languages."""
        return Weighting(self.shares, self.weights if isinstance(self.weights, dict) else None, self.temperature)

    def kernels(self) -> tuple[str, ...]:
        """Return the groups of kernels that training runs; ids of more than two bytes have a group of their own."""
        wide = (self.vocab_size or max(self.sizes, default=DEFAULT_SIZE)) >= TWO_BYTE_TOKENS or self.extend is not None
        more = {
            "uint32_ids": wide,
            "parity": self.by_parity,
            "encoding": self.superwords or self.picky is not None,
            "events": self.picky is not None,
            "superwords": self.superwords or self.sequences,
            "unigram_training": self.model != "bpe",
            "sources": self.sources_field is not None,
        }
        return ("words", *(group for group, is_used in more.items() if is_used))


def resolve(settings: Train) -> "tuple[Train, Tokenizer | None]":
    """Return settings with a concrete pre-tokenizer, vocabulary size and list of sizes, and the tokenizer to extend.

    The special tokens include those of roles, `chat_template` is the template itself, and the tokenizer to extend has
    the new special tokens. The sizes are ascending, each once. Raises BadSettings for settings that contradict each
    other, before any work; BadPattern; and what loading the tokenizer raises.
    """
    from operators.text.pretokenize import require_unambiguous  # numba and tokenizers

    _check_inputs(settings)
    check_languages(settings)
    _check_parity(settings)
    _check_required(settings)
    check_model(settings)
    check_events(settings)
    extended = None if settings.extend is None else _extended(settings, settings.extend)
    special = special_tokens_of(settings, extended.special_tokens if extended else ())
    if extended is not None and special:
        extended = _with_special(extended, special, settings)
    given = DEFAULT if settings.pretokenizer is None else settings.pretokenizer
    pretokenizer = extended.pretokenizer if extended else with_rules(given, settings.digits, settings.letters_apart)
    if not extended:
        require_unambiguous(pretokenizer)
    present = len(extended.tokens) if extended else 256 + len(special)
    size, sizes = _sizes(settings, present)
    resolved = msgspec.structs.replace(
        settings, pretokenizer=pretokenizer, vocab_size=size, sizes=sizes, special_tokens=special,
        chat_template=None if settings.chat_template is None else _template(settings.chat_template),
        **superword_settings(settings, pretokenizer, size, present, extended is not None),
    )  # fmt: skip
    return resolved, extended


def _check_inputs(settings: Train) -> None:
    if settings.word_table and settings.corpus:
        raise BadSettings("word_table", "replaces a corpus; leave one of the two out")
    if not settings.word_table and not settings.corpus:
        raise BadSettings("train", "corpus is missing; name text, or tables of word counts with --word-table")
    if settings.alphabet is not None and not settings.sequences:
        raise BadSettings("alphabet", "is of lists of ids; add --sequences, or leave it out")
    check_id_field(settings, settings.sources_field)


def special_tokens_of(settings: Train, known: Sequence[str]) -> list[str]:
    """Return the special tokens, then those of roles that are in neither list. Raises BadSettings."""
    special = [*settings.special_tokens]
    for token in special:
        if not token or special.count(token) > 1:
            raise BadSettings("special_tokens", f"{token!r} is {'given twice' if token else 'empty'}; name each once")
    roles = [getattr(settings, role) for role in ROLES if getattr(settings, role) is not None]
    return special + [token for token in dict.fromkeys(roles) if token not in (*special, *known)]


def check_languages(settings: Train) -> None:
    """Raise BadSettings where languages are weighed in two ways, or in none."""
    given = [name for name in ("shares", "weights", "temperature") if getattr(settings, name) is not None]
    if len(given) > 1:
        raise BadSettings(given[1], f"cannot be joined with {given[0]}; weigh languages in one way")
    if isinstance(settings.weights, str):
        raise BadSettings("weights", f"{settings.weights[:80]!r} is neither NAME=NUMBER,... nor a .yaml file")
    for name in ("shares", "weights"):
        if getattr(settings, name) == {}:
            raise BadSettings(name, "names no language; leave it out to take the text as it is")


def _check_parity(settings: Train) -> None:
    given = [name for name in ("parity_after", "parity_window", "parity_alpha") if getattr(settings, name)]
    if settings.parity and settings.parity_ratios is not None:
        raise BadSettings("parity_ratios", "cannot be joined with parity; let text or ratios decide")
    if settings.parity_ratios == {}:
        raise BadSettings("parity_ratios", "names no language; give each its ratio")
    if settings.whole_characters and settings.by_parity:
        raise BadSettings("whole_characters", "cannot be joined with parity, whose rounds are proved without it")
    if given and not settings.by_parity:
        raise BadSettings(given[0], "needs parallel text or ratios; add --parity or --parity-ratios")
    if settings.parity_alpha is not None and settings.parity_window is None:
        raise BadSettings("parity_alpha", "needs a window; add --parity-window 100")


def _check_required(settings: Train) -> None:
    others = {"extend": settings.extend, "sizes": settings.sizes, "parity": settings.by_parity}
    others["whole_characters"] = settings.whole_characters
    if settings.require is not None and (other := next((name for name, given in others.items() if given), None)):
        raise BadSettings("require", f"cannot be joined with {other}; use babelmerge add on the tokenizer instead")


def _sizes(settings: Train, present: int) -> tuple[int, list[int]]:
    """Return the vocabulary size to train, and the sizes to write as well. present: tokens before the first merge."""
    sizes = sorted(set(settings.sizes))
    size = settings.vocab_size if settings.vocab_size is not None else sizes[-1] if sizes else DEFAULT_SIZE
    for name, one in (*(("sizes", one) for one in sizes), ("vocab_size", size)):
        if one <= present:
            first = f"there are {present:,} tokens before the first"
            raise BadSettings(name, f"{one:,} leaves no room for a merge ({first}); ask for {present + 1:,} or more")
    if sizes and sizes[-1] > size:
        reason = f"{sizes[-1]:,} is above vocab_size, {size:,}; raise vocab_size, or leave one of the two out"
        raise BadSettings("sizes", reason)
    return size, sizes


def _extended(settings: Train, reference: str) -> "Tokenizer":
    from operators.text.pretokenizers import PATTERNS
    from operators.training.extension import check_extendable
    from pipelines.tokenizers import load_tokenizer

    if settings.digits != KEEP:
        raise BadSettings("digits", "are cut as in the tokenizer that is extended; leave it out")
    if settings.letters_apart:
        raise BadSettings("letters_apart", "is as in the tokenizer that is extended; leave it out")
    if settings.out and Path(reference).is_dir() and Path(reference).resolve() == Path(settings.out).resolve():
        raise BadSettings("extend", "is the output directory; name another --out")
    tokenizer = load_tokenizer(reference)
    given, own = settings.pretokenizer, tokenizer.pretokenizer
    if given is not None and PATTERNS.get(given, given) != PATTERNS.get(own, own):
        raise BadSettings("pretokenizer", f"is {own} in the tokenizer that is extended, not {given}; leave it out")
    check_extendable(tokenizer, settings.max_token_length)
    return tokenizer


def _with_special(tokenizer: "Tokenizer", special: list[str], settings: Train) -> "Tokenizer":
    from operators.training.extension import check_extendable, with_special_tokens

    if repeated := [token for token in special if token in tokenizer.special_tokens]:
        raise BadSettings("special_tokens", f"{repeated[0]!r} is one of the tokenizer that is extended; leave it out")
    more = with_special_tokens(tokenizer, special)
    check_extendable(more, settings.max_token_length)
    return more


def _template(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_TEMPLATE_BYTES + 1)
        if len(content) > LARGEST_TEMPLATE_BYTES:
            raise BadSettings("chat_template", f"{path} is larger than 1 MiB; name a template")
        return content.decode()
    except OSError as error:
        raise BadSettings("chat_template", f"{path}: {error.strerror}; name a file") from error
    except UnicodeDecodeError as error:
        raise BadSettings("chat_template", f"{path} is not UTF-8 text (byte {error.start}); name a template") from error
