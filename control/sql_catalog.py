# ruff: noqa: SIM905  lists of words read best as words
"""What analysts may name: every list the SQL guard decides by, in one place."""

import re
from dataclasses import dataclass
from typing import Final

from control.sql_lexer import quote_string
from schemas.store import DATABASE

VIEWS: Final = frozenset(
    """
    otel_traces otel_traces_trace_id_ts otel_logs otel_metrics_gauge otel_metrics_sum otel_metrics_histogram
    otel_metrics_exponential_histogram otel_metrics_summary threads execution_steps llm_messages logs permission_events
    permission_statements unchecked_calls scores error_groups usage_hourly tools_hourly permissions_hourly steps_hourly alerts mcps entities relationships
    audit_events dead_letters ingest_ledger
    """.split()
)
"""The analysts' tables: the contract's names."""

DATABASES: Final = frozenset({DATABASE, "default", "system", "information_schema", "INFORMATION_SCHEMA", "_temporary_and_external_tables"})
"""First parts of a name that make it a table of that database."""

OPEN_SYSTEM_TABLES: Final = frozenset(
    "one numbers numbers_mt zeros functions formats data_type_families time_zones keywords"
    " aggregate_function_combinators collations".split()
)
"""Tables of `system` that say the same on every host, read as they are."""

_NAMED: Final = f"name IN ({', '.join(quote_string(view) for view in sorted(VIEWS))})"
_FREE: Final = (
    "max_threads max_block_size max_rows_to_read max_bytes_to_read max_rows_to_group_by group_by_overflow_mode join_use_nulls"
    " join_algorithm extremes"
    " date_time_output_format output_format_json_quote_64bit_integers output_format_json_quote_denormals"
    " output_format_json_named_tuples_as_objects output_format_json_array_of_rows output_format_decimal_trailing_zeros"
    " output_format_arrow_string_as_string output_format_arrow_compression_method output_format_parquet_string_as_string"
    " output_format_parquet_compression_method output_format_arrow_low_cardinality_as_dictionary"
    " output_format_native_write_json_as_string output_format_pretty_max_rows output_format_pretty_color"
    " output_format_csv_crlf_end_of_line format_csv_delimiter output_format_write_statistics"
    " output_format_binary_write_json_as_string session_timezone cast_keep_nullable union_default_mode prefer_column_name_to_alias"
    " joined_subquery_requires_alias any_join_distinct_right_table_keys max_execution_time max_memory_usage max_result_rows"
    " max_result_bytes"
)
HANDED_ON_SETTINGS: Final = frozenset(_FREE.split())
"""Settings a query may carry; the engine gets them. Those with a limit of ours can only become stricter."""

IGNORED_SETTINGS: Final = frozenset(
    "buffer_size session_timeout session_check quota_key wait_end_of_query client_protocol_version role stacktrace close_session"
    " send_progress_in_http_headers http_headers_progress_interval_ms enable_http_compression http_zlib_compression_level"
    " http_write_exception_in_output_format add_http_cors_header cancel_http_readonly_queries_on_client_close readonly log_comment"
    " log_queries date_time_input_format async_insert wait_for_async_insert insert_deduplicate result_overflow_mode"
    " send_logs_level connect_timeout receive_timeout send_timeout http_receive_timeout http_send_timeout compress decompress"
    " allow_experimental_json_type allow_experimental_object_type allow_experimental_variant_type"
    " allow_experimental_dynamic_type".split()
)
"""Settings of the transport, of inserts, and those that are on anyway: clients send them, here they change nothing."""

_WRITABLE: Final = ", ".join(quote_string(name) for name in sorted(HANDED_ON_SETTINGS | IGNORED_SETTINGS))
FILTERED_SYSTEM_TABLES: Final = {
    "settings": f"SELECT * REPLACE (toUInt8(name NOT IN ({_WRITABLE})) AS readonly) FROM system.settings",
    "databases": f"SELECT * REPLACE ('' AS data_path, '' AS metadata_path) FROM system.databases WHERE name = '{DATABASE}'",
    "tables": "SELECT * REPLACE ([] AS data_paths, '' AS metadata_path, '' AS create_table_query, '' AS as_select,"
    f" [] AS dependencies_database, [] AS dependencies_table) FROM system.tables WHERE database = '{DATABASE}' AND {_NAMED}",
    "columns": f"SELECT * FROM system.columns WHERE database = '{DATABASE}' AND {_NAMED.replace('name', 'table', 1)}",
}
"""Tables of `system` that clients read at connect, and what stands in their place: our database, our
views, no paths, and which settings can be changed."""

TABLE_FUNCTIONS: Final = frozenset("numbers numbers_mt zeros zeros_mt generateseries generate_series values sqlstandardvalues".split())
"""Sources of rows that read nothing, in lower case; every other table function is refused."""

_DENIED_FUNCTIONS: Final = re.compile(
    r"""
    file | fqdn | fullhostname | hostname | tcpport | serveruuid | buildid | uptime | tid | getosversion | getoskernelversion
  | getserver\w* | getmacro | getmergetreesetting | getsetting\w* | getclienthttpheader | showcertificate | connectionid
  | connection_id | filesystem\w* | zookeeper\w* | transaction(?:id|latest|oldest)\w* | generateserialid | hascolumnintable
  | getmaxtablenamelengthfordatabase | ismergetreepartcoveredby | mergetreepartinfo | hasthreadfuzzer | globalvariable
  | currentrequesturl | authenticateduser | authuser | (?:current|enabled|default)(?:roles|profiles) | pggetuserbyid
  | pg_get_userbyid | pgtableisvisible | pg_table_is_visible
  | sleep | sleepeachrow | logtrace | demangle | addressto\w+ | dumpcolumnstructure
  | dict(?:get|has|isin)\w* | joinget\w* | region(?:to|in|hierarchy)\w* | dictionary
  | ai_?(?:redact|similarity|filter|classify|embed|extract|generate|translate)\w* | catboostevaluate | evalmlmethod | modelevaluate
  | naivebayes\w+ | assigncentroid | hierarchicalkmeans | stochastic\w+regression
  | __\w+ | nested | validatenestedarraysizes | fuzzquery | executequery
  | (?:global)?(?:not)?(?:null)?in(?:ignoreset)?(?<!^in)
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Functions that reach outside the tables (files, network, dictionaries, models), tell about the host, wait, or name tables."""


def is_denied_function(name: str) -> bool:
    return _DENIED_FUNCTIONS.fullmatch(name) is not None


@dataclass(frozen=True)
class Catalog:
    """`hidden` are the names in our database that analysts may not read; a CTE may shadow them only at the outermost level."""

    views: frozenset[str] = VIEWS
    hidden: frozenset[str] = frozenset()
