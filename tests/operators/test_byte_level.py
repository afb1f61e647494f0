"""The byte alphabet, compared with Hugging Face's."""

import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from operators.byte_level import BYTES_IN_RANK_ORDER, byte_ids, to_bytes, to_chars


def test_bytes_are_ranked_as_hugging_face_ranks_them() -> None:
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=256, initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.train_from_iterator([], trainer)
    ours = {to_chars(bytes([byte])): i for i, byte in enumerate(BYTES_IN_RANK_ORDER)}
    assert tokenizer.get_vocab() == ours
    assert all(byte_ids()[byte] == i for i, byte in enumerate(BYTES_IN_RANK_ORDER))


@given(st.text(max_size=20))
def test_spelling_is_that_of_byte_level_and_is_read_back(text: str) -> None:
    splitter = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    spelled = "".join(piece for piece, _ in splitter.pre_tokenize_str(text))
    assert to_chars(text.encode()) == spelled
    assert to_bytes(spelled) == text.encode()


def test_special_tokens_come_first_and_may_spell_bytes() -> None:
    ids = byte_ids(["<s>", "b"])
    assert ids[ord("b")] == 1
    assert sorted(ids.tolist()) == [1, *range(2, 257)]
    assert to_bytes("<|fin|> ") is None  # a plain space is no letter of the alphabet
