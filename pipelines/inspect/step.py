"""The step `inspect`: tables of what is in a tokenizer, what is wrong with it, and what pruning it would cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from operators.metrics.embeddings import indicators
from operators.pruning.derivations import Structure, structure_of
from operators.pruning.order import removal_order
from operators.pruning.residues import emitted_share, made_counts
from operators.tokenizer import Tokenizer
from pipelines.context import Context, out_directory
from pipelines.corpus.sources import InputFile
from pipelines.inspect.neighbours import neighbour_entropies
from pipelines.inspect.safetensors import INPUT_NAMES, OUTPUT_NAMES, BadTensors, read_matrix
from pipelines.inspect.settings import Inspect
from pipelines.inspect.tables import cut_table, fact_table, integer_table, token_table
from pipelines.named_tables import with_names
from pipelines.outputs import Manifest, Output, write_table
from pipelines.prune.counting import all_emissions, all_fragments
from pipelines.prune.tables import FRAGMENTATION, fragmentation_table
from pipelines.results import Inspected, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Stage, Written, make
from pipelines.tokenizers import load_tokenizer, tokenizer_fingerprint
from pipelines.words.counting import count_words, word_files

PAGE: Final = "inspect.html"
TABLES: Final = ("vocabulary", "facts", "integers", "cuts", "costs")
_SHARES: Final = (0.75, 0.5, 0.25, 0.1)
"""Shares of the tokens that can leave that remain where costs.parquet has the tokens of each language."""
_UNUSED_BYTES: Final = range(0xF5, 0x100)
"""Bytes that UTF-8 never holds: their tokens were in no training text."""
_SUSPICIOUS: Final = 0.02
"""Share of tokens with the lowest indicator that count as candidates (Land and Bartolo 2024 verify so many)."""

Draw = Callable[[Mapping[str, pl.DataFrame], Mapping[str, Any], Path], None]
"""Writer of the page: from tables and figures to a path."""


@dataclass
class _Found:
    """Columns of tokens, faults and tables that a corpus or embeddings tell."""

    columns: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    faults: dict[str, pl.Expr] = field(default_factory=dict)
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def inspect(settings: Inspect, context: Context, draw: Draw) -> Inspected:
    """Inspect a tokenizer. Raises BadSettings, BadTensors, NotPrunable with a corpus, and what loading raises."""
    tokenizer = load_tokenizer(settings.tokenizer)
    output = Output(out := out_directory(settings.out), "inspected")
    name = Path(settings.tokenizer.partition(",pretokenizer=")[0]).expanduser().resolve().name
    files = context.input_files(settings.corpus, output) if settings.corpus else []
    structure = structure_of(tokenizer) if files else None
    source = Path(settings.embeddings).expanduser() if settings.embeddings is not None else None

    def work(_: Path) -> Written:
        found = _Found()
        if words is not None and structure is not None:
            _read_corpus(found, tokenizer, structure, words, files, settings, context)
        if source is not None:
            _read_embeddings(found, tokenizer, source, settings)
        tokens = token_table(tokenizer)
        present = tokens["token"].to_numpy()
        tokens = tokens.with_columns(pl.Series(column, own[present]) for column, own in found.columns.items())
        integers = integer_table(tokenizer)
        tables = {
            "vocabulary": tokens, "facts": fact_table(tokens, found.faults), "integers": integers,
            "cuts": cut_table(integers), **found.tables,
        }  # fmt: skip
        for stem, table in tables.items():
            write_table(with_names(table) if stem == "costs" else table, out / f"{stem}.parquet")
        faults = dict(tables["facts"].filter(pl.col("part") == "faults").select("fact", "tokens").iter_rows())
        facts = {"vocabulary": len(tokens), "pretokenizer": tokenizer.pretokenizer, "faults": faults, **found.facts}
        draw(tables, facts | {"name": name}, out / PAGE)
        return Written([PAGE, *(f"{stem}.parquet" for stem in tables)], facts)

    with output:
        words, inputs = None, list[dict[str, Any]]()
        if files:
            words = count_words(
                files, tokenizer.pretokenizer, out / "words", context, partitions=settings.partitions
            ).manifest
            inputs.append({"words": words.fingerprint})
        if source is not None:
            inputs.append({"embeddings": _identity(source)})
        hashed = settings.hashed(tokenizer=tokenizer_fingerprint(tokenizer), name=name)
        planned = [PAGE, *(f"{name}.parquet" for name in TABLES), FRAGMENTATION]
        made = make(Stage("inspected", hashed, inputs, planned, uses_engine=words is not None), output, context, work)
    faults = made.manifest.facts["faults"]
    told = ", ".join(f"{faults[name]:,} {name}" for name in ("unreachable", "undecodable", "residue") if name in faults)
    what = f"a page on {made.manifest.facts['vocabulary']:,} tokens ({told})"
    return Inspected(out, made.manifest, made.kept, summarized(made.kept, what, {}, str(Path(settings.out) / PAGE)))


def _identity(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError as error:
        raise BadTensors(str(path), f"{error.strerror}; name a .safetensors file") from error
    return [status.st_size, status.st_mtime_ns]


def _read_corpus(
    found: _Found, tokenizer: Tokenizer, structure: Structure, words: Manifest, files: Sequence[InputFile],
    settings: Inspect, context: Context,
) -> None:  # fmt: skip
    """Add uses, residues, and the cost of pruning."""
    paths, languages = word_files(words, out_directory(settings.out) / "words"), sorted(words.facts["languages"])
    emitted = all_emissions(paths, languages, tokenizer, structure, context)
    made = made_counts(structure, emitted)
    share = emitted_share(emitted, made)
    residues = np.flatnonzero((share <= settings.residue) & ~structure.atoms)
    entropies = np.full((2, len(emitted)), np.nan)
    if len(residues):
        entropies[:, residues] = neighbour_entropies(files, tokenizer, residues.tolist(), context)
    found.columns |= {"emitted": emitted, "made": made, "r": share}
    found.columns |= {"left_entropy": entropies[0], "right_entropy": entropies[1]}
    is_residue = np.zeros(len(emitted), np.bool_)
    is_residue[residues] = True
    found.columns["residue"] = is_residue
    found.faults |= {"residue": pl.col("residue"), "not used": (pl.col("emitted") == 0) & ~pl.col("special")}
    found.faults["glitch candidate"] = (
        (pl.col("emitted") == 0) & (pl.col("made") > 0) & ~pl.col("special") & ~pl.col("undecodable")
    )
    order, _ = removal_order(structure, emitted)
    fragments = all_fragments(paths, tokenizer, structure, order, context)
    vocabulary = int(np.count_nonzero(structure.present))
    found.tables["fragmentation"] = fragmentation_table(fragments, vocabulary)
    rows = [
        (language, size, int(tokens[vocabulary - size]), float(tokens[vocabulary - size] / tokens[0] - 1))
        for language, tokens in sorted(fragments.items())
        for size in (vocabulary - len(order) + round(part * len(order)) for part in _SHARES)
        if tokens[0]
    ]
    names = {"language": pl.String, "vocabulary": pl.Int64, "tokens": pl.Int64, "growth": pl.Float64}
    found.tables["costs"] = pl.DataFrame(rows, names, orient="row")


def _read_embeddings(found: _Found, tokenizer: Tokenizer, path: Path, settings: Inspect) -> None:
    """Add the indicators of Land and Bartolo."""
    own = INPUT_NAMES if settings.input_tensor is None else (settings.input_tensor,)
    given = read_matrix(path, own)
    output = read_matrix(path, OUTPUT_NAMES if settings.output_tensor is None else (settings.output_tensor,))
    if given is None or (output is None and settings.output_tensor is not None):
        missing = own[0] if given is None else settings.output_tensor
        raise BadTensors(str(path), f"holds no tensor {missing}; name it with --input-tensor or --output-tensor")
    size, tied = len(tokenizer.tokens), output is None
    matrix = given if output is None else output
    if min(len(given), len(matrix)) < size:
        raise BadTensors(str(path), f"has {len(matrix):,} rows for {size:,} tokens; name the tokenizer of this model")
    unused = settings.unused or sorted({int(i) for i in tokenizer.byte_ids[_UNUSED_BYTES.start :] if i >= 0})
    if not unused or max(unused) >= len(matrix):
        raise BadSettings("unused", f"needs ids below {len(matrix):,} that are known never to have been trained")
    found.columns |= {f"output_{name}": one[:size] for name, one in indicators(matrix, unused).items()}
    main = "output_cosine"
    if not tied:
        main = "input_norm"
        found.columns["input_norm"] = np.linalg.norm(given.astype(np.float64), axis=1)[:size]
    limit = float(np.quantile(found.columns[main], _SUSPICIOUS))
    found.faults["low indicator of training"] = pl.col(main) <= limit
    found.facts |= {"indicator": main, "tied_embeddings": tied, "unused": len(unused)}
