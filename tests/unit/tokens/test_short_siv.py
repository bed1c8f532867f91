"""Short texts sealed by the batch, against the library that seals one by one."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from proxy.tokens.short_siv import BLOCK, ShortSiv

_SHORT = st.binary(max_size=BLOCK - 1)


@given(
    key=st.binary(min_size=64, max_size=64) | st.binary(min_size=32, max_size=32),
    associated=st.binary(min_size=1, max_size=40),
    texts=st.lists(_SHORT, min_size=1, max_size=20),
)
def test_the_batch_is_what_the_library_seals(key: bytes, associated: bytes, texts: list[bytes]) -> None:
    """Byte for byte, whatever the key, the associated data and the lengths are."""
    sealed, lengths = ShortSiv(key, associated).seal(texts)
    library = AESSIV(key)
    for row, length, text in zip(sealed, lengths, texts, strict=True):
        assert bytes(row[:length]) == library.encrypt(text, [associated])
        assert not row[length:].any()
