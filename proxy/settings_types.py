"""What values in the settings file may look like: paths, ports, hosts, and the sections that hold them.

Owns: these types, and what is wrong with a value of one. Must not know: any setting's name or meaning.
Invariant: a path is relative to the settings file's folder (a validation context), and no message repeats more of a
value than a path or a host.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo

from proxy.identity.issuer import is_loopback


def resolved(value: Path, info: ValidationInfo) -> Path:
    """The path, seen from the settings file's folder."""
    folder: Path | None = (info.context or {}).get("folder")
    return value if folder is None else folder / value.expanduser()


def _existing_file(value: Path, info: ValidationInfo) -> Path:
    if info.context and not value.is_file():
        raise ValueError(f"there is no file {value}")
    return value


def _existing(value: Path, info: ValidationInfo) -> Path:
    if info.context and not value.exists():
        raise ValueError(f"there is no file or folder {value}")
    return value


def _in_existing_folder(value: Path, info: ValidationInfo) -> Path:
    if info.context and (value.is_dir() or not value.parent.is_dir()):
        raise ValueError(f"cannot be written: {value.parent} is no folder, or {value.name} is one")
    return value


def host_and_port(host: str) -> tuple[str, int | None]:
    """``name``, ``name:port``, ``[address]:port``, an IPv6 address, or a folder."""
    found = re.fullmatch(r"\[(?P<v6>[^]]+)](?::(?P<p6>\d+))?|(?P<name>[^:/]+):(?P<port>\d+)", host)
    if found is None:
        return host, None
    port = found["p6"] or found["port"]
    return found["v6"] or found["name"], None if port is None else int(port)


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("at least one host is required")
    if any(port is not None and not 0 < port <= _MAX_PORT for _, port in map(host_and_port, value)):
        raise ValueError("has a port that is none")
    if len({host_and_port(host) for host in value}) != len(value):
        raise ValueError("a host is listed twice")
    return value


_MAX_PORT: Final = 65535

InputFile = Annotated[Path, AfterValidator(resolved), AfterValidator(_existing_file)]
InputPath = Annotated[Path, AfterValidator(resolved), AfterValidator(_existing)]
OutputFile = Annotated[Path, AfterValidator(resolved), AfterValidator(_in_existing_folder)]
Port = Annotated[int, Field(ge=0, le=_MAX_PORT)]
Text = Annotated[str, Field(min_length=1)]
Hosts = Annotated[tuple[Text, ...], BeforeValidator(_listed), AfterValidator(_hosts)]

# How any database server is reached, whatever it is for.
ServerPort = Annotated[Port, Field(description="port (also part of a Unix socket's name)")]
ServerPassword = Annotated[SecretStr | None, Field(description="its password, where the server asks for one")]
ServerTls = Annotated[
    Literal["disable", "require", "verify-ca", "verify-full"],
    Field(
        description="as libpq's `sslmode`: `disable`, `require`, `verify-ca` or `verify-full`",
        json_schema_extra={"shown_default": "`verify-full`, or `disable` where the host is loopback or a socket"},
    ),
]
ServerAuthorities = Annotated[
    InputFile | None, Field(description="PEM file of trusted authorities instead of the system's")
]


class Section(BaseModel):
    """A mapping in the file: immutable, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def with_local_tls(given: object, info: ValidationInfo) -> object:
    """The raw section of a server: paths of sockets resolved, and no TLS by default where all hosts are local."""
    if not isinstance(given, dict):
        return given
    hosts = [given["host"]] if isinstance(given.get("host"), str) else given.get("host")
    if not isinstance(hosts, list | tuple) or not all(isinstance(host, str) for host in hosts):
        return given
    folder = (info.context or {}).get("folder")
    if folder is not None:
        hosts = [str(folder / Path(host).expanduser()) if "/" in host else host for host in hosts]
    given = given | {"host": hosts}
    local = all("/" in host or is_loopback(host_and_port(host)[0]) for host in hosts)
    return given if "tls" in given or not local else given | {"tls": "disable"}
