"""Framing: the same frames however the stream is cut, and only our errors."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import ClientProtocolError, UpstreamProtocolError
from proxy.wire.frames import FrameReader, frame, startup_frame

_FRAMES = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=8)


def _read(chunks: list[bytes]) -> list[tuple[int, bytes]]:
    reader = FrameReader(error=ClientProtocolError, max_message_bytes=1000)
    frames: list[tuple[int, bytes]] = []
    for chunk in chunks:
        reader.feed(chunk)
        while (found := reader.next()) is not None:
            frames.append(found)
    assert reader.buffered == 0
    return frames


@given(_FRAMES, st.lists(st.integers(0, 400), max_size=10))
def test_any_cut_gives_the_same_frames(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    """However a stream of messages is cut, the same messages come out."""
    stream = b"".join(frame(tag, body) for tag, body in frames)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    chunks = [stream[a:b] for a, b in pairwise(places)]
    assert _read(chunks) == frames


@given(st.lists(st.binary(max_size=30), max_size=6))
def test_garbage_raises_our_error_only(chunks: list[bytes]) -> None:
    """Arbitrary bytes give frames or the error class that the reader was given."""
    reader = FrameReader(error=UpstreamProtocolError, max_message_bytes=64)
    with suppress(UpstreamProtocolError):
        for chunk in chunks:
            reader.feed(chunk)
            while reader.next() is not None:
                pass


@pytest.mark.parametrize("length", [0, 3, 0x8000_0000, 0xFFFF_FFFF, 69])
def test_an_impossible_length_is_refused_before_the_message_is_kept(length: int) -> None:
    """A length below four, negative or above the limit raises as soon as the header is there."""
    reader = FrameReader(error=ClientProtocolError, max_message_bytes=64)
    reader.feed(b"Q" + length.to_bytes(4, "big"))
    with pytest.raises(ClientProtocolError):
        reader.next()


def test_a_message_of_exactly_the_limit_is_read() -> None:
    """The limit counts the body, and is inclusive."""
    reader = FrameReader(error=ClientProtocolError, max_message_bytes=64)
    reader.feed(frame(ord("Q"), b"x" * 64))
    assert reader.next() == (ord("Q"), b"x" * 64)


def test_startup_packets_precede_typed_messages() -> None:
    """Untyped and typed messages can be read from one stream, and the rest handed over."""
    reader = FrameReader(error=ClientProtocolError, max_message_bytes=64)
    reader.feed(startup_frame(b"12345678"))
    assert reader.peek_byte() == 0
    reader.feed(frame(ord("p"), b"secret\0") + b"Q\0\0")
    assert reader.next_startup() == b"12345678"
    assert reader.next() == (ord("p"), b"secret\0")
    assert reader.next() is None
    assert reader.take_rest() == b"Q\0\0"
    assert reader.peek_byte() is None


@pytest.mark.parametrize("length", [0, 7, 10_001, 0x1603_0100, 0xFFFF_FFFF])
def test_an_impossible_startup_length_is_refused(length: int) -> None:
    """A startup packet has 8 to 10,000 bytes; HTTP and TLS records are seen at once."""
    reader = FrameReader(error=ClientProtocolError, max_message_bytes=64)
    reader.feed(length.to_bytes(4, "big"))
    with pytest.raises(ClientProtocolError, match="startup packet"):
        reader.next_startup()


def test_a_startup_packet_may_come_byte_by_byte() -> None:
    """Nothing is returned before the packet is whole."""
    reader = FrameReader(error=ClientProtocolError, max_message_bytes=64)
    packet = startup_frame(b"\x00\x03\x00\x00\0")
    for value in packet[:-1]:
        reader.feed(bytes([value]))
        assert reader.next_startup() is None
    reader.feed(packet[-1:])
    assert reader.next_startup() == b"\x00\x03\x00\x00\0"
