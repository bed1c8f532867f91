"""Texts sealed by the batch, against the library that seals one by one; compiled, and as Python runs the loops."""

from __future__ import annotations

from base64 import b32encode
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from proxy.tokens import batch_siv, siv_loops
from tests.support.interpreted import interpreted

_LENGTHS = st.binary(max_size=15) | st.binary(max_size=80) | st.integers(0, 40).map(lambda n: bytes(16 * n))


@pytest.mark.parametrize("loops", [siv_loops, interpreted(siv_loops)], ids=["installed", "interpreted"])
@given(
    key=st.binary(min_size=64, max_size=64) | st.binary(min_size=32, max_size=32),
    associated=st.binary(min_size=1, max_size=40),
    texts=st.lists(_LENGTHS, min_size=1, max_size=20),
    prefix=st.binary(max_size=20),
)
def test_the_batch_is_what_the_library_seals(
    loops: ModuleType, key: bytes, associated: bytes, texts: list[bytes], prefix: bytes
) -> None:
    """Byte for byte, whatever the key, the associated data and the lengths are, in one spelling of base 32."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_siv, "siv_loops", loops)
        tokens = batch_siv.BatchSiv(key, associated).spelled(texts, prefix)
    library = AESSIV(key)
    sealed = [library.encrypt(text, [associated]) for text in texts]
    assert tokens == [prefix + b32encode(part).rstrip(b"=").lower() for part in sealed]
