"""Stored values to tokens and back, under one keyring.

Owns: which codec serves which type, and what becomes of that which is no token. Must not know: SQL, files, policy.
Invariant: a snapshot: after a rotation there is another tokenizer, with another ``version``. No error and no ``repr``
holds a value, a token or a secret. Belongs to one thread, since its ciphers do.

Cells are those of DataRow and Bind: bytes in Postgres' text or binary format, None for NULL, text in UTF-8 (a session
with another ``client_encoding`` must convert before and after).

Tokens of format TEXT name their epoch, so those of every live epoch are understood, and new ones carry the newest.
Tokens of digits and UUIDs have no room for one: they are understood under the newest epoch only, and a rotation changes
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from proxy.errors import TokenValueError
from proxy.tokens import cells as wire
from proxy.tokens.arrays import ArrayValue, read_array
from proxy.tokens.derivation import DomainKeys, Keyring, Use, derived
from proxy.tokens.digit_texts import DigitTexts
from proxy.tokens.marks import Marks
from proxy.tokens.sealed_texts import SealedTexts, named
from proxy.tokens.types import StoredType, TokenFormat, TokenType
from proxy.tokens.uuids import Uuids
from proxy.tokens.whole_numbers import WholeNumbers

_TEXTS: Final = (StoredType.TEXT, StoredType.VARCHAR, StoredType.BPCHAR)
_INTEGERS: Final = (StoredType.INTEGER, StoredType.BIGINT)
_INTEGER_BYTES: Final = 4  # a smallint's token may stand for more
_BIGINT: Final = range(-(2**63), 2**63)
_NOT_A_VALUE: Final = "not a value of this type"  # neither a number nor a UUID: the server raises 22P02, as it would


class _Domain:
    """The codecs of one domain."""

    __slots__ = ("digits", "marks", "newest", "numbers", "order_secret", "seals", "shift_secret", "uuids")

    def __init__(self, keys: DomainKeys) -> None:
        name, newest, lasting = keys.domain, keys.newest, keys.lasting
        self.seals = {
            key.epoch: SealedTexts(name, key.epoch, derived(key.secret, name, Use.TEXT))
            for key in keys.epochs
            if key.live
        }
        self.newest = self.seals[newest.epoch]
        self.digits = DigitTexts(derived(newest.secret, name, Use.DIGITS))
        self.numbers = WholeNumbers(derived(newest.secret, name, Use.DIGITS))
        self.uuids = Uuids(derived(newest.secret, name, Use.UUID))
        self.marks = Marks(derived(lasting, name, Use.MARK))
        self.order_secret = derived(lasting, name, Use.ORDER).hex()
        self.shift_secret = derived(lasting, name, Use.SHIFT).hex()


class Tokenizer:
    """The tokens of all domains of a keyring (implements ``Vocabulary``)."""

    __slots__ = ("_domains", "_keyring", "_version")

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._version = keyring.version
        self._domains: dict[str, _Domain] = {}

    def __repr__(self) -> str:
        return f"Tokenizer(version={self._version!r})"

    @property
    def version(self) -> str:
        """See ``Vocabulary``."""
        return self._version

    @property
    def domains(self) -> frozenset[str]:
        """The domains that have keys."""
        return frozenset(self._keyring.domains)

    def order_secret(self, domain: str) -> str:
        """See ``Vocabulary``. From a key that rotations leave as it is, so that an order is for ever."""
        return self._domain(domain).order_secret

    def shift_secret(self, domain: str) -> str:
        """The secret from which the database computes date shifts, as ``order_secret`` is for orders."""
        return self._domain(domain).shift_secret

    def stored_literal(self, token_type: TokenType, literal: str) -> str:
        """See ``Vocabulary``. The result is the content of a quoted literal of the stored type.

        For integers a number beyond bigint, or with decimals, stays as it is, since it equals nothing stored either;
        for integers and UUIDs a text that the type does not take becomes one that the server refuses (22P02) likewise.
        """
        if token_type.stored in _TEXTS:
            return self._stored_text(token_type, literal.encode("utf-8", "surrogatepass")).decode(
                "utf-8", "surrogatepass"
            )
        if token_type.stored is StoredType.UUID:
            token = wire.parse_uuid(literal)
            if token is None:
                return _NOT_A_VALUE
            (stored,) = wire.write_uuids(self._domain(token_type.domain).uuids.decrypt(token), binary=False)
            return stored.decode()
        number = wire.parse_number(literal)
        if number is None:
            return _NOT_A_VALUE
        if not isinstance(number, int) or number not in _BIGINT:
            return literal
        return self._stored_number(token_type, b"%d" % number, binary=False).decode()

    def encode_cells(self, token_type: TokenType, cells: Sequence[bytes | None], *, binary: bool) -> list[bytes | None]:
        """The tokens of stored cells of one column, in the cells' own format; marked values give their literals.

        Raises TokenValueError where a value has no token of the format.
        """
        present = [cell for cell in cells if cell is not None]
        if not present:
            return list(cells)
        tokens = self._tokens(token_type, present, binary=binary)
        if len(present) == len(cells):
            return list(tokens)
        following = iter(tokens)
        return [None if cell is None else next(following) for cell in cells]

    def decode_cell(self, token_type: TokenType, cell: bytes, *, binary: bool) -> bytes:
        """The stored cell that a client's token cell stands for; a marked one where it is no token.

        Raises TokenValueError (22P03) for a binary cell that is no value of the type.
        """
        if token_type.stored in _TEXTS:
            return self._stored_text(token_type, cell)
        if not binary:
            return self.stored_literal(token_type, cell.decode("utf-8", "replace")).encode()
        if token_type.stored is StoredType.UUID:
            return self._domain(token_type.domain).uuids.decrypt(wire.read_uuids([cell], binary=True))
        return self._stored_number(token_type, cell, binary=True)

    def encode_arrays(
        self, token_type: TokenType, cells: Sequence[bytes | None], *, binary: bool
    ) -> list[bytes | None]:
        """The same as ``encode_cells`` for cells that are arrays of stored values, of any shape."""
        arrays = [read_array(cell, binary=binary) if cell is not None else None for cell in cells]
        elements = [element for array in arrays if array is not None for element in array.elements]
        following = iter(self.encode_cells(token_type, elements, binary=binary))

        def encoded(array: ArrayValue) -> bytes:
            return array.with_elements([next(following) for _ in array.elements])

        return [encoded(array) if array is not None else None for array in arrays]

    def decode_array(self, token_type: TokenType, cell: bytes, *, binary: bool) -> bytes:
        """The same as ``decode_cell`` for an array of tokens. Raises TokenValueError where it is malformed."""
        array = read_array(cell, binary=binary)
        return array.with_elements(
            [e if e is None else self.decode_cell(token_type, e, binary=binary) for e in array.elements]
        )

    def value_of(self, token_type: TokenType, token: str) -> str | None:
        """The stored value of a token; None where it is none of the domain. For ``detokenize`` alone."""
        if token_type.stored in _TEXTS:
            found = self._opened(token_type, token.encode("utf-8", "surrogatepass"))
            return found.decode() if found is not None else None
        if token_type.stored is StoredType.UUID:
            return self.stored_literal(token_type, token) if wire.parse_uuid(token) is not None else None
        number = wire.parse_number(token)
        whole = isinstance(number, int) and number in _BIGINT
        return self.stored_literal(token_type, token) if whole else None

    def _domain(self, name: str) -> _Domain:
        domain = self._domains.get(name)
        if domain is None:
            keys = self._keyring.domains.get(name)
            if keys is None:
                raise TokenValueError(f"the keyring has no key for the domain {name}", hint="Run: pgveil keys init")
            domain = self._domains[name] = _Domain(keys)
        return domain

    def _tokens(self, token_type: TokenType, cells: Sequence[bytes], *, binary: bool) -> list[bytes]:
        domain = self._domain(token_type.domain)
        if token_type.stored in _TEXTS:
            encrypt = domain.newest.encrypt if token_type.format is TokenFormat.TEXT else domain.digits.encrypt
            # One search for all cells: hardly ever is one marked.
            return encrypt(cells) if domain.marks.prefix not in b"".join(cells) else _around(domain, cells, encrypt)
        if token_type.stored is StoredType.UUID:
            return wire.write_uuids(domain.uuids.encrypt(wire.read_uuids(cells, binary=binary)), binary=binary)
        _require_integer(token_type)
        tokens = domain.numbers.encrypt(wire.read_integers(cells, binary=binary))
        return wire.write_integers(tokens, width=len(cells[0]) if binary else None)

    def _stored_number(self, token_type: TokenType, cell: bytes, *, binary: bool) -> bytes:
        _require_integer(token_type)
        numbers = self._domain(token_type.domain).numbers
        stored = numbers.decrypt(wire.read_integers([cell], binary=binary))
        return wire.write_integers(stored, width=max(len(cell), _INTEGER_BYTES) if binary else None)[0]

    def _stored_text(self, token_type: TokenType, text: bytes) -> bytes:
        found = self._opened(token_type, text)
        return found if found is not None else self._domain(token_type.domain).marks.marked(text)

    def _opened(self, token_type: TokenType, text: bytes) -> bytes | None:
        domain = self._domain(token_type.domain)
        if token_type.format is TokenFormat.DIGITS:
            try:
                return domain.digits.decrypt([text])[0]
            except TokenValueError:
                return None
        name = named(text)
        seal = domain.seals.get(name[1]) if name is not None and name[0] == token_type.domain else None
        return seal.decrypt(text) if seal is not None else None


def _around(domain: _Domain, cells: Sequence[bytes], encrypt: Callable[[Sequence[bytes]], list[bytes]]) -> list[bytes]:
    """The tokens of what is not marked, and the literals of what is."""
    literals = [domain.marks.literal(cell) for cell in cells]
    stored = [cell for cell, literal in zip(cells, literals, strict=True) if literal is None]
    following = iter(encrypt(stored) if stored else ())
    return [next(following) if literal is None else literal for literal in literals]


def _require_integer(token_type: TokenType) -> None:
    if token_type.stored not in _INTEGERS:
        raise TokenValueError(f"{token_type.stored.name.lower()} columns have no tokens")
