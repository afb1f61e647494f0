"""HighwayHash of 64 bits, and the chunks of Riegeli files, which carry such hashes.

Sources: Alakuijala, Cox, Wassenberg, "Fast keyed hash/pseudo-random function using SIMD multiply and permute" (2016);
Riegeli, "Riegeli/records file format specification".
"""

from typing import Any

import numpy as np
from numpy import uint64

from operators.kernels.kernel import kernel

BLOCK_BYTES = 1 << 16
BLOCK_HEADER_BYTES = 24
CHUNK_HEADER_BYTES = 40
KEY = np.frombuffer(b"Riegeli/records\nRiegeli/records\n", np.uint64)
"""Key of the hashes in Riegeli files, four words."""
_MUL = np.array(
    [
        [0xDBE6D5D5FE4CCE2F, 0xA4093822299F31D0, 0x13198A2E03707344, 0x243F6A8885A308D3],
        [0x3BD39E10CB0EF593, 0xC0ACF169B5F18A8C, 0xBE5466CF34E90C6C, 0x452821E638D01377],
    ],
    np.uint64,
)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


@kernel
def _merged(v1: Any, v0: Any) -> Any:
    """Return the two words that zipper merging adds, for the odd and the even lane."""
    add0 = (
        (((v0 & uint64(0xFF000000)) | (v1 & uint64(0xFF00000000))) >> uint64(24))
        | (((v0 & uint64(0xFF0000000000)) | (v1 & uint64(0xFF000000000000))) >> uint64(16))
        | (v0 & uint64(0xFF0000))
        | ((v0 & uint64(0xFF00)) << uint64(32))
        | ((v1 & uint64(0xFF00000000000000)) >> uint64(8))
        | (v0 << uint64(56))
    )
    add1 = (
        (((v1 & uint64(0xFF000000)) | (v0 & uint64(0xFF00000000))) >> uint64(24))
        | (v1 & uint64(0xFF0000))
        | ((v1 & uint64(0xFF0000000000)) >> uint64(16))
        | ((v1 & uint64(0xFF00)) << uint64(24))
        | ((v0 & uint64(0xFF000000000000)) >> uint64(8))
        | ((v1 & uint64(0xFF)) << uint64(48))
        | (v0 & uint64(0xFF00000000000000))
    )
    return add1, add0


@kernel
def _update(state: Any, packet: Any) -> None:
    """Mix four words into the state (uint64[4, 4]: v0, v1, mul0, mul1)."""
    v0, v1, mul0, mul1 = state[0], state[1], state[2], state[3]
    for i in range(4):
        v1[i] += mul0[i] + packet[i]
        mul0[i] ^= (v1[i] & _LOW) * (v0[i] >> _HALF)
        v0[i] += mul1[i]
        mul1[i] ^= (v0[i] & _LOW) * (v1[i] >> _HALF)
    for i in (0, 2):
        odd, even = _merged(v1[i + 1], v1[i])
        v0[i] += even
        v0[i + 1] += odd
    for i in (0, 2):
        odd, even = _merged(v0[i + 1], v0[i])
        v1[i] += even
        v1[i + 1] += odd


@kernel
def _packet_of(data: Any, at: int, packet: Any) -> None:
    """Read four little-endian words."""
    for i in range(4):
        word = uint64(0)
        for j in range(8):
            word |= uint64(data[at + 8 * i + j]) << uint64(8 * j)
        packet[i] = word


@kernel
def highway_hash(data: Any, begin: int, end: int, key: Any) -> Any:
    """Return the 64-bit hash of data[begin:end]. data: uint8; key: uint64[4]."""
    state = np.empty((4, 4), np.uint64)
    for i in range(4):
        state[0, i] = _MUL[0, i] ^ key[i]
        state[1, i] = _MUL[1, i] ^ ((key[i] >> _HALF) | (key[i] << _HALF))
        state[2, i] = _MUL[0, i]
        state[3, i] = _MUL[1, i]
    packet = np.empty(4, np.uint64)
    at = begin
    while at + 32 <= end:
        _packet_of(data, at, packet)
        _update(state, packet)
        at += 32
    left = end - at
    if left:
        last = np.zeros(32, np.uint8)
        by, rest = left & 3, left & ~3
        for i in range(4):
            state[0, i] += (uint64(left) << _HALF) + uint64(left)
            low, high = state[1, i] & _LOW, state[1, i] >> _HALF
            low = ((low << uint64(left)) | (low >> uint64(32 - left))) & _LOW
            high = ((high << uint64(left)) | (high >> uint64(32 - left))) & _LOW
            state[1, i] = low | (high << _HALF)
        for i in range(rest):
            last[i] = data[at + i]
        if left & 16:
            for i in range(4):
                last[28 + i] = data[at + rest + i + by - 4]
        elif by:
            last[16] = data[at + rest]
            last[17] = data[at + rest + (by >> 1)]
            last[18] = data[at + rest + by - 1]
        _packet_of(last, 0, packet)
        _update(state, packet)
    for _ in range(4):
        for i in range(4):
            word = state[0, (i + 2) & 3]
            packet[i] = (word >> _HALF) | (word << _HALF)
        _update(state, packet)
    return state[0, 0] + state[1, 0] + state[2, 0] + state[3, 0]


@kernel
def _put(data: Any, at: int, value: Any, size: int) -> int:
    """Write a little-endian integer of `size` bytes; return the position behind it."""
    for i in range(size):
        data[at + i] = (uint64(value) >> uint64(8 * i)) & uint64(0xFF)
    return at + size


@kernel
def put_varint(data: Any, at: int, value: Any) -> int:
    """Write an integer seven bits a byte, the lowest first; return the position behind it. At most ten bytes."""
    left = uint64(value)
    while left >= uint64(0x80):
        data[at] = (left & uint64(0x7F)) | uint64(0x80)
        left >>= uint64(7)
        at += 1
    data[at] = left
    return at + 1


@kernel
def put_chunk(content: Any, kind: int, records: int, decoded: int, begin: int, out: Any, key: Any) -> int:
    """Write a chunk to out[0:], as it stands in a file from position `begin` on; return its bytes there.

    content: uint8, the chunk's data. kind: its type. Block headers stand at each multiple of 64 KiB of the file. out:
    has room for content, 40 bytes of header, and 24 more for each block that is begun.
    """
    header = np.zeros(CHUNK_HEADER_BYTES, np.uint8)
    _put(header, 8, len(content), 8)
    _put(header, 16, highway_hash(content, 0, len(content), key), 8)
    header[24] = kind
    _put(header, 25, records, 7)
    _put(header, 32, decoded, 8)
    _put(header, 0, highway_hash(header, 8, CHUNK_HEADER_BYTES, key), 8)
    usable = BLOCK_BYTES - BLOCK_HEADER_BYTES
    size = CHUNK_HEADER_BYTES + len(content)
    end = begin + size + (size + (begin + usable - 1) % BLOCK_BYTES) // usable * BLOCK_HEADER_BYTES
    at, done = begin, 0
    while done < size:
        if at % BLOCK_BYTES == 0:
            block = at - begin
            _put(out, block + 8, at - begin, 8)
            _put(out, block + 16, end - at, 8)
            _put(out, block, highway_hash(out, block + 8, block + BLOCK_HEADER_BYTES, key), 8)
            at += BLOCK_HEADER_BYTES
        here = min(size - done, BLOCK_BYTES - at % BLOCK_BYTES)
        for i in range(done, done + here):
            out[at - begin + i - done] = header[i] if i < CHUNK_HEADER_BYTES else content[i - CHUNK_HEADER_BYTES]
        at, done = at + here, done + here
    return at - begin


@kernel
def put_records(values: Any, bounds: Any, begin: int, out: Any, starts: Any, key: Any) -> int:
    """Write each record as a chunk of its own, uncompressed; return the bytes in `out`, as from position `begin` on.

    Record i is values[bounds[i]:bounds[i + 1]] (uint8). starts: int64, filled with the chunks' positions. out: has room
    for the values, 64 bytes a record, and 24 for each block that is begun.
    """
    at = 0
    for i in range(len(bounds) - 1):
        length = bounds[i + 1] - bounds[i]
        content = np.empty(length + 21, np.uint8)
        content[0] = 0
        last = put_varint(content, 2, length)
        content[1] = last - 2
        content[last : last + length] = values[bounds[i] : bounds[i + 1]]
        starts[i] = begin + at
        at += put_chunk(content[: last + length], ord("r"), 1, length, begin + at, out[at:], key)
    return at


@kernel
def put_footers(starts: Any, sizes: Any, out: Any, lengths: Any) -> int:
    """Write ArrayRecord's footer message of each chunk: position, size and one record; return the bytes in `out`.

    lengths: int64, filled with the messages' bytes. out: 24 bytes a chunk.
    """
    at = 0
    for i in range(len(starts)):
        before = at
        out[at] = 0x08
        at = put_varint(out, at + 1, starts[i])
        out[at] = 0x10
        at = put_varint(out, at + 1, sizes[i])
        out[at] = 0x18
        out[at + 1] = 1
        at += 2
        lengths[i] = at - before
    return at


@kernel
def put_varints(numbers: Any, out: Any) -> int:
    """Write integers as `put_varint` does, one after the other; return the bytes in `out`, at most ten a number."""
    at = 0
    for i in range(len(numbers)):
        at = put_varint(out, at, numbers[i])
    return at
