"""Which of the server's settings a client may set, and which it may look at.

Owns: the lists of names, lower case; SET, RESET, SHOW, set_config, current_setting and startup options are all judged
by them. Must not know: statements, sessions, how a setting is sent. Invariant: what is not listed is refused.

Refused on purpose, though PostgreSQL lets any user set them:

- identity and rights: ``role``, ``session_authorization``, ``row_security``, ``session_replication_role``, and every
  setting with a dot in its name (row security policies of the upstream may trust those, auto_explain prints plans);
- what prints statements, plans or parameters: ``debug_*``, ``log_*``, ``trace_*``, ``exit_on_error``;
- what changes how a statement is read, so that our reading would not be the server's: ``backslash_quote``,
  ``transform_null_equals``, ``timezone_abbreviations``, and other values of those in ``ALLOWED_VALUES``;
- what loads code or chooses where data is kept: ``*_preload_libraries``, ``default_tablespace``, ``temp_tablespaces``,
  ``default_table_access_method``, ``default_toast_compression``;
- what is for administration: ``check_function_bodies``, ``password_encryption``, ``vacuum_*``, ``maintenance_*``,
  ``allow_system_table_mods``, ``createrole_self_grant``, ``event_triggers``;
- what makes results arbitrary: ``gin_fuzzy_search_limit``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_FORMATS: Final = """
    application_name array_nulls bytea_output client_encoding client_min_messages datestyle default_text_search_config
    escape_string_warning extra_float_digits intervalstyle lc_monetary lc_numeric lc_time quote_all_identifiers
    search_path ssl_renegotiation_limit standard_conforming_strings timezone xmlbinary xmloption
"""
_TIMEOUTS: Final = """
    client_connection_check_interval idle_in_transaction_session_timeout idle_session_timeout lock_timeout
    statement_timeout transaction_timeout
"""
_TRANSACTIONS: Final = """
    default_transaction_deferrable default_transaction_isolation default_transaction_read_only synchronous_commit
    transaction_deferrable transaction_isolation transaction_read_only
"""
_OPTIMIZER: Final = """
    constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction
    effective_cache_size effective_io_concurrency enable_async_append enable_bitmapscan enable_distinct_reordering
    enable_gathermerge enable_group_by_reordering enable_hashagg enable_hashjoin enable_incremental_sort
    enable_indexonlyscan enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop
    enable_parallel_append enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate
    enable_partitionwise_join enable_presorted_aggregate enable_self_join_elimination enable_seqscan enable_sort
    enable_tidscan from_collapse_limit geqo geqo_effort geqo_generations geqo_pool_size geqo_seed geqo_selection_bias
    geqo_threshold hash_mem_multiplier jit jit_above_cost jit_inline_above_cost jit_optimize_above_cost
    join_collapse_limit max_parallel_workers max_parallel_workers_per_gather min_parallel_index_scan_size
    min_parallel_table_scan_size parallel_leader_participation parallel_setup_cost parallel_tuple_cost plan_cache_mode
    random_page_cost recursive_worktable_factor seq_page_cost synchronize_seqscans temp_buffers work_mem
"""
_FACTS: Final = """
    block_size data_checksums default_table_access_method default_tablespace default_toast_compression
    in_hot_standby integer_datetimes is_superuser lc_collate lc_ctype lc_messages max_connections max_function_args
    max_identifier_length max_index_keys max_prepared_transactions password_encryption port role row_security
    scram_iterations segment_size server_encoding server_version server_version_num session_authorization
    session_replication_role ssl superuser_reserved_connections temp_tablespaces timezone_abbreviations
    transform_null_equals wal_block_size
"""

ALLOWED_SETTINGS: Final[frozenset[str]] = frozenset((_FORMATS + _TIMEOUTS + _TRANSACTIONS + _OPTIMIZER).split())
"""What a client may SET, RESET, SHOW, put in its startup packet and give to set_config."""

SHOWABLE_SETTINGS: Final[frozenset[str]] = ALLOWED_SETTINGS | frozenset(_FACTS.split())
"""What a client may SHOW and give to current_setting."""

ALLOWED_VALUES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        # Our reading of statements and rows is UTF-8; the server drops all but letters and digits from the name.
        "client_encoding": frozenset({"utf8", "unicode"}),
        # Off, a backslash in '…' escapes: the grammar we judge by reads it literally.
        "standard_conforming_strings": frozenset({"on", "true", "yes", "1"}),
        # Below notice come the server's log lines, which hold statements and plans as they were rewritten.
        "client_min_messages": frozenset({"notice", "warning", "error"}),
    }
)
"""For the allowed settings whose value matters: the values that are allowed, lower case."""


def is_value_allowed(name: str, value: str) -> bool:
    """Whether an allowed setting may have this value (as text, without its quotes); True where any value will do."""
    allowed = ALLOWED_VALUES.get(name.lower())
    if allowed is None:
        return True
    word = value.strip().strip("'").lower()
    if name.lower() == "client_encoding":
        word = "".join(letter for letter in word if letter.isalnum())
    return word in allowed
