"""AES of whole blocks, and their addition."""

from __future__ import annotations

import pytest

from proxy.tokens.blocks import BLOCK, added, block_cipher


def test_blocks_are_enciphered_by_themselves() -> None:
    """The example of FIPS 197, appendix B, alone and beside another block."""
    cipher = block_cipher(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))
    plain = bytes.fromhex("3243f6a8885a308d313198a2e0370734")
    enciphered = bytes.fromhex("3925841d02dc09fbdc118597196a0b32")
    assert cipher.update(plain) == enciphered
    assert cipher.update(bytes(BLOCK) + plain)[BLOCK:] == enciphered


def test_addition_is_its_own_inverse() -> None:
    """What is added twice is gone; strings of different lengths are not added."""
    assert added(added(b"\x0f\xf0", b"\xff\x01"), b"\xff\x01") == b"\x0f\xf0"
    with pytest.raises(ValueError, match="shorter"):
        added(b"12", b"1")
