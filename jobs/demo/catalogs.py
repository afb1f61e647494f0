"""The step `catalogs`: a parallel corpus from the translation catalogs that Python packages ship.

Programs ship their messages and the translations of them in gettext catalogs: real text in many languages, aligned by
the English message. Each message is a document; its id names package, catalog and message.
"""

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import polars as pl

from jobs.demo.settings import Catalogs
from operators.errors import DataError
from operators.unicode.language_names import language_name
from pipelines.context import Context, out_directory
from pipelines.outputs import Output, replacing, write_table
from pipelines.results import CatalogsResult, summarized
from pipelines.stage import Stage, Written, make

ENGLISH: Final = "en"
"""Language of the messages themselves."""
FEWEST_LETTERS: Final = 2
"""Least number of letters of a message that becomes a document."""
NAMES: Final = "languages.json"
SETS: Final = ("parallel", "train", "sample")


class MissingPackage(DataError):
    """A package that is not installed, or that ships no catalogs."""

    package: str
    reason: str
    message = "catalogs of {package}: {reason}; install the extra that brings it: pip install -e '.[demo]'"


def read_catalogs(package: str) -> dict[str, dict[str, str]]:
    """Return {language: {document id: text}} of an installed package's catalogs; English is the messages themselves.

    Skips untranslated, fuzzy and obsolete entries, messages with plural forms, and messages of fewer than two letters.
    Locates the package without importing it. Raises MissingPackage.
    """
    try:
        import polib
    except ImportError as error:
        raise MissingPackage(package, "polib, which reads catalogs, is not installed") from error
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackage(package, "the package is not installed")
    root = Path(spec.submodule_search_locations[0])
    texts: dict[str, dict[str, str]] = {ENGLISH: {}}
    for path in sorted(root.glob("**/locale/*/LC_MESSAGES/*.po")):
        language = path.parent.parent.name
        catalog = path.relative_to(root).parts[: -len(("locale", language, "LC_MESSAGES", path.name))]
        where = "/".join([package, *catalog, path.stem])
        for entry in polib.pofile(str(path), encoding="utf-8"):
            letters = sum(map(str.isalpha, entry.msgid))
            if entry.obsolete or entry.fuzzy or entry.msgid_plural or letters < FEWEST_LETTERS:
                continue
            document = f"{where}:{entry.msgctxt or ''}:{entry.msgid}"
            texts[ENGLISH][document] = entry.msgid
            if entry.msgstr and language != ENGLISH:
                texts.setdefault(language, {})[document] = entry.msgstr
    if len(texts) == 1:
        raise MissingPackage(package, "it ships no catalogs")
    return texts


def is_sample(document: str) -> bool:
    """Return True if a document belongs to the sample half: by a hash of its id, so in every language alike."""
    return hashlib.sha256(document.encode()).digest()[0] % 2 == 1


def catalogs(settings: Catalogs, context: Context) -> CatalogsResult:
    """Write `<set>-<language>.parquet` (id, language, text) for each language with enough strings.

    Three sets: `parallel` holds all of a language's documents, `train` and `sample` the two halves of them. Kept if up
    to date. Figures of the manifest: languages, strings, bytes. Raises MissingPackage.
    """
    output = Output(out_directory(settings.out), "catalogs")
    versions = {package: _version(package) for package in settings.packages}
    stage = Stage("catalogs", settings.hashed(packages=versions), [], [NAMES], uses_engine=False)
    with output:
        made = make(stage, output, context, lambda _: _extract(settings, output, context))
    facts = made.manifest.facts
    what = f"{facts['strings']:,} strings in {facts['languages']} languages"
    summary = summarized(made.kept, what, facts, settings.out)
    return CatalogsResult(output.directory, made.manifest, made.kept, summary)


def _extract(settings: Catalogs, output: Output, context: Context) -> Written:
    texts: dict[str, dict[str, str]] = {}
    with context.progress.stage("read catalogs", len(settings.packages), "packages") as advance:
        for package in settings.packages:
            for language, own in read_catalogs(package).items():
                texts.setdefault(language, {}).update(own)
            advance(1)
    kept = {language: texts[language] for language in sorted(texts) if len(texts[language]) >= settings.minimum_strings}
    files = {f"{name}-{language}.parquet": (name, language) for language in kept for name in SETS}
    output.begin([*files, NAMES])  # the languages, and so the names of the files, depend on the catalogs
    for file, (name, language) in files.items():
        rows = sorted(kept[language].items())
        if name != "parallel":
            rows = [(document, text) for document, text in rows if is_sample(document) == (name == "sample")]
        columns = {"id": [one for one, _ in rows], "language": [language] * len(rows), "text": [one for _, one in rows]}
        write_table(pl.DataFrame(columns), output.directory / file)
    with replacing(output.directory / NAMES) as path:
        path.write_text(json.dumps(_names(list(kept)), ensure_ascii=False, indent=1) + "\n", "utf-8")
    size = sum(len(text.encode()) for own in kept.values() for text in own.values())
    return Written([*files, NAMES], {"languages": len(kept), "strings": sum(map(len, kept.values())), "bytes": size})


def _version(package: str) -> str:
    try:
        if importlib.util.find_spec(package) is not None:
            return version(package)
    except (ImportError, ValueError):
        pass  # PackageNotFoundError is an ImportError
    raise MissingPackage(package, "no installed package has this name")


def _names(languages: Sequence[str]) -> dict[str, str]:
    """Return {language: its English name}, for the languages that have one."""
    names = {language: language_name(language) for language in languages}
    return {language: name for language, name in names.items() if name is not None}
