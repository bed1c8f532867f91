"""The table of settings: complete, and true to the model."""

from __future__ import annotations

from proxy.settings_table import SettingRow, settings_table


def test_rows() -> None:
    """Each setting has one row with its default and a meaning, sections and lists included."""
    rows = {row.key: row for row in settings_table()}
    assert len(rows) == len(settings_table())
    assert all(row.meaning for row in rows.values())
    assert rows["`listen.port`"] == SettingRow("`listen.port`", "`6432`", "port to listen on; 0 takes any that is free")
    assert rows["`listen.tls`"].default == "none"
    assert rows["`listen.tls.certificate`"].default == "required"
    assert rows["`identity.issuers[].algorithms`"].default == "`[RS256, ES256, EdDSA]`"
    assert rows["`identity.issuers[].claims.name`"].default == "`sub`"
    assert rows["`listen.allow_password_without_tls`"].default == "`false`"
    assert rows["`limits.max_message_bytes`"].default == "`67108864`"
    assert "loopback" in rows["`upstream.tls`"].default
    assert {"`policy`", "`keyring`", "`workers`", "`audit.journal`"} <= rows.keys()
    assert "`identity.issuers`" not in rows
