"""What the whole proxy refuses to start with."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.app import load_servable_policy
from proxy.errors import PolicyFileError


def test_masks_with_keys_are_not_served(tmp_path: Path) -> None:
    """A policy with tokens or shifts loads for checks, and never becomes a running proxy that would show the values."""
    path = tmp_path / "policy.yaml"
    path.write_text(
        "version: 1\ndomains: {patient: {}}\nkinds:\n  mrn: {mask: {token: {domain: patient}}}\n"
        "roles:\n  r:\n    masks: {mrn: {shift: {by: id, within_days: 3, domain: patient}}}\n"
    )
    with pytest.raises(PolicyFileError) as raised:
        load_servable_policy(path)
    assert raised.value.problems == (
        f"{path}:4: kinds.mrn: token: tokens and shifts can be checked but not served in this release",
        f"{path}:7: roles.r.masks.mrn: shift: tokens and shifts can be checked but not served in this release",
    )
