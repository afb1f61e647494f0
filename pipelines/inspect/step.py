"""The step `inspect`: tables of what is in a tokenizer, what is wrong with it, and what pruning it would cost."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from operators.pruning.derivations import NotPrunable, Structure, structure_of
from operators.pruning.residues import swallowed_share
from operators.tokenizer import Tokenizer
from pipelines.context import Context, out_directory
from pipelines.corpus.sources import InputFile
from pipelines.inspect.embeddings import find_indicators
from pipelines.inspect.findings import Findings
from pipelines.inspect.safetensors import BadTensors
from pipelines.inspect.settings import Inspect
from pipelines.inspect.tables import cut_table, fact_table, integer_table, token_table
from pipelines.inspect.usage import find_uses, only_sources
from pipelines.named_tables import with_names
from pipelines.outputs import Output, write_table
from pipelines.results import Inspected, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Stage, Written, make
from pipelines.token_uses.counting import emissions_by_language
from pipelines.token_uses.tables import FRAGMENTATION
from pipelines.tokenizers import load_tokenizer, tokenizer_fingerprint
from pipelines.words.counting import count_words, word_files
from pipelines.words.sources import apart_by_source

PAGE: Final = "inspect.html"
TABLES: Final = ("vocabulary", "facts", "integers", "cuts", "costs")
_SWALLOWED: Final = 0.95
"""Share of a token's makings that one longer token takes, as ranks tell, from which on it is a glitch candidate."""

Draw = Callable[[Mapping[str, pl.DataFrame], Mapping[str, Any], Path], None]
"""Writer of the page: from tables and figures to a path."""


def inspect(settings: Inspect, context: Context, draw: Draw) -> Inspected:
    """Inspect a tokenizer. Raises BadSettings, BadTensors, NotPrunable with a corpus, and what loading raises."""
    if settings.sources_field is not None and not settings.corpus:
        raise BadSettings("sources_field", "needs a corpus; name text behind the tokenizer")
    tokenizer = load_tokenizer(settings.tokenizer)
    output = Output(out := out_directory(settings.out), "inspected")
    name = Path(settings.tokenizer.partition(",pretokenizer=")[0]).expanduser().resolve().name
    files = context.input_files(settings.corpus, output) if settings.corpus else []
    structure = _structure(tokenizer, required=bool(files))

    def work(_: Path) -> Written:
        found = _findings(tokenizer, structure, counted, files, settings, context)
        tokens = token_table(tokenizer)
        present = tokens["token"].to_numpy()
        tokens = tokens.with_columns(own[present].alias(column) for column, own in found.columns.items())
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
        counted, inputs = _counted(files, tokenizer, settings, context)
        if settings.embeddings is not None:
            inputs.append({"embeddings": _identity(_path(settings.embeddings))})
        hashed = settings.hashed(tokenizer=tokenizer_fingerprint(tokenizer), name=name)
        planned = [PAGE, *(f"{name}.parquet" for name in TABLES), FRAGMENTATION]
        made = make(Stage("inspected", hashed, inputs, planned, uses_engine=bool(files)), output, context, work)
    faults = made.manifest.facts["faults"]
    told = ", ".join(f"{faults[name]:,} {name}" for name in ("unreachable", "undecodable", "residue") if name in faults)
    what = f"a page on {made.manifest.facts['vocabulary']:,} tokens ({told})"
    return Inspected(out, made.manifest, made.kept, summarized(made.kept, what, {}, str(Path(settings.out) / PAGE)))


def _findings(
    tokenizer: Tokenizer, structure: Structure | None, counted: Mapping[str, list[Path]], files: list[InputFile],
    settings: Inspect, context: Context,
) -> Findings:  # fmt: skip
    """Return what the merges, the word tables and the embeddings tell."""
    found = Findings()
    if structure is not None:
        found.columns["swallowed"] = pl.Series(swallowed_share(structure))
        found.faults["glitch candidate by ranks"] = pl.col("swallowed") >= _SWALLOWED
        if "words" in counted:
            find_uses(found, tokenizer, structure, counted["words"], files, settings, context)
        if "sources" in counted:
            apart = emissions_by_language(counted["sources"], tokenizer, structure, context)
            found.columns["only_source"] = only_sources(apart, structure)
            found.faults["made by one source alone"] = pl.col("only_source").is_not_null() & ~pl.col("special")
            found.facts["sources"] = len(apart)
    if settings.embeddings is not None:
        find_indicators(found, tokenizer, _path(settings.embeddings), settings)
    return found


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _counted(
    files: list[InputFile], tokenizer: Tokenizer, settings: Inspect, context: Context
) -> tuple[dict[str, list[Path]], list[dict[str, Any]]]:
    """Count words by language ("words") and by source ("sources"); return the word tables, and what they depend on."""
    counted, inputs = dict[str, list[Path]](), list[dict[str, Any]]()
    apart = {"words": files} if files else {}
    field = settings.sources_field
    if field is not None:
        apart["sources"] = apart_by_source(files, field)
    for kind, own in apart.items():
        directory = out_directory(settings.out) / kind
        words = count_words(own, tokenizer.pretokenizer, directory, context, partitions=settings.partitions).manifest
        if kind == "sources" and len(words.facts["languages"]) < 2:
            raise BadSettings("sources_field", f"{field} names one source alone; name a field that differs")
        counted[kind] = word_files(words, directory)
        inputs.append({kind: words.fingerprint})
    return counted, inputs


def _structure(tokenizer: Tokenizer, *, required: bool) -> Structure | None:
    """Return what tokens are made of; None where merges do not tell. Raises NotPrunable if it is required."""
    try:
        return structure_of(tokenizer)
    except NotPrunable:
        if required:
            raise
        return None


def _identity(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError as error:
        raise BadTensors(str(path), f"{error.strerror}; name a .safetensors file") from error
    return [status.st_size, status.st_mtime_ns]
