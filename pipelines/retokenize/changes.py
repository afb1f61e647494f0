"""Counts of what a run did to the inputs of an earlier one: added, redone, kept and removed."""

from collections.abc import Collection, Mapping

from pipelines.retokenize.ledger import shard_stem

ADDED, REDONE, KEPT, REMOVED, REMOVED_SHARDS = "added", "redone", "kept", "removed", "removed_shards"


def count_changes(
    known: Collection[str], inputs: Collection[str], kept: Collection[str], removed_files: Collection[str] = ()
) -> dict[str, int]:
    """Return the number of inputs of each kind, and of the removed inputs' shards (of Megatron, of their files).

    known: stems of the inputs when the last run ended. inputs: stems of this run. kept: those that were not encoded.
    removed_files: names of the shards that were deleted.
    """
    gone = set(known) - set(inputs)
    return {
        ADDED: len(set(inputs) - set(known) - set(kept)),
        REDONE: len((set(inputs) & set(known)) - set(kept)),
        KEPT: len(kept),
        REMOVED: len(gone),
        REMOVED_SHARDS: sum(shard_stem(name) in gone for name in removed_files),
    }


def changes_in_words(changes: Mapping[str, int]) -> str:
    """Return the counts in words: "1 input added, 0 redone, 3 kept, 1 removed with its 2 shards"; "" without counts."""
    if not changes:
        return ""
    added, redone, kept, removed = (changes[name] for name in (ADDED, REDONE, KEPT, REMOVED))
    text = f"{added:,} input{'' if added == 1 else 's'} added, {redone:,} redone, {kept:,} kept, {removed:,} removed"
    if removed:
        shards = changes[REMOVED_SHARDS]
        text += f" with {'its' if removed == 1 else 'their'} {shards:,} shard{'' if shards == 1 else 's'}"
    return text
