"""``pgveil token``: a development token, or a new local issuer to sign them.

Owns: the command's options and what it prints. Must not know: keys, how a token is made.
Invariant: standard output gets the token and nothing else, so that ``PGPASSWORD=$(pgveil token …)`` works; only local
issuers that pgveil itself made are signed for.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from proxy.identity.issuer import Algorithm
from proxy.identity.local_issuer import LOCAL_ISSUER, LocalIssuer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = timedelta(days=366)


def lifetime(text: str) -> timedelta:
    """The duration that ``8h``, ``90m`` or ``1h30m`` means. Raises BadParameter."""
    parts = re.findall(r"(\d{1,9})([smhd])", text)
    found = timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise typer.BadParameter("write it as 45s, 30m, 8h, 7d or 1h30m", param_hint="--expires")
    if not timedelta() < found <= _LONGEST:
        raise typer.BadParameter("must be more than nothing and at most a year", param_hint="--expires")
    return found


def token(
    issuer_dir: Annotated[
        Path | None, typer.Option(help="Folder of the local issuer that signs.", metavar="DIR", show_default=False)
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Who the token is for (its sub).", show_default=False)] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role; repeat it for several.", show_default=False)] = None,
    purpose: Annotated[str | None, typer.Option(help="Purpose of use.", show_default=False)] = None,
    contract: Annotated[str | None, typer.Option(help="Contract.", show_default=False)] = None,
    expires: Annotated[str, typer.Option(help="How long it is valid, for instance 30m, 8h or 7d.")] = "8h",
    audience: Annotated[
        str | None, typer.Option(help="Its audience (the issuer's own if left out).", show_default=False)
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(help="Make a new local issuer in this folder instead.", metavar="DIR", show_default=False),
    ] = None,
) -> None:
    """Print a development token, signed by a local issuer that was made with --init.

    Tokens for production come from the identity provider: this command signs only for issuers that it made itself.
    """
    if init is not None:
        if issuer_dir is not None or subject is not None or role:
            raise typer.BadParameter("makes an issuer only; ask for the token afterwards", param_hint="--init")
        _init(init, audience)
        return
    if issuer_dir is None:
        raise typer.BadParameter("is required (make one with: pgveil token --init DIR)", param_hint="--issuer-dir")
    if not subject:
        raise typer.BadParameter("is required", param_hint="--subject")
    if not role or not all(role):
        raise typer.BadParameter("is required at least once", param_hint="--role")
    valid_for = lifetime(expires)
    issuer = LocalIssuer.open(issuer_dir)
    minted = issuer.mint(
        subject=subject, roles=tuple(role), lifetime=valid_for, audience=audience, purpose=purpose, contract=contract
    )
    typer.echo(minted)


def register(app: typer.Typer) -> None:
    """Add the command to the main application."""
    app.command(name="token")(token)


def _init(folder: Path, audience: str | None) -> None:
    issuer = LocalIssuer.create(folder, audience=audience or "pgveil", algorithm=Algorithm.ES256)
    typer.echo(
        f"Made a local issuer for development in {folder}. To accept its tokens, list it in the settings:\n\n"
        "identity:\n"
        "  issuers:\n"
        f"    - {{issuer: {LOCAL_ISSUER!r}, audience: {issuer.audience!r}, jwks: {str(folder / 'jwks.json')!r}, "
        f"algorithms: [{issuer.algorithm.value}]}}\n",
        err=True,
    )
