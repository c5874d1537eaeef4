#!/usr/bin/env python3
"""Computes every result dataset of a lake with DuckDB: the second source of `touchpath run`.

In: a lake (`LAKE/<schema>/<table>/*.parquet` or `LAKE/<schema>/<table>.parquet`) and the
settings of a run. Out: `OUT/<dataset>/part-00000.parquet`, sorted by the dataset's grain.
The meaning is in `semantics.sql`; this file only types the inputs and writes the results.
"""

import argparse
import glob
import pathlib
import re
import sys
import time

import duckdb

TIME_ZONE = "Europe/Kyiv"

MODELS = [
    "first_touch", "last_touch", "first_paid_touch", "last_paid_touch", "first_non_direct",
    "last_non_direct", "linear", "position_based", "time_decay",
]

# Unicode White_Space, as far as text can hold it.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)

# view -> table, {output column: (input column, type, required)}
INPUTS = {
    "in_events": ("stg", "crm_events", {
        "id_source": ("id_source", "bigint", True),
        "client_id": ("client_id", "bigint", True),
        "event_date": ("event_date", "timestamp", True),
        "event_type_id": ("event_type_id", "integer", False),
        "event_type_name": ("event_type_name", "varchar", False),
        "is_contract": ("is_contract", "boolean", False),
        "is_rejection": ("is_rejection", "boolean", False),
        "is_no_answer": ("is_no_answer", "boolean", False),
        "contract_amount": ("contract_amount", "decimal(18, 2)", False),
        "contract_date": ("contract_date", "timestamp", False),
        "id_user": ("id_user", "bigint", False),
    }),
    "in_attribution": ("stg", "source_attribution", {
        "id_source": ("id_source", "bigint", True),
    } | {
        name: (name, "varchar", False)
        for name in (
            "source_type", "utm_source", "utm_medium", "utm_campaign", "utm_content",
            "utm_term", "fbclid", "gclid",
        )
    }),
    "in_match": ("stg", "marketing_match", {
        "id_source": ("id_source", "bigint", True),
    } | {
        name: (name, "varchar", False)
        for name in (
            "matched_platform", "campaign_id", "campaign_name", "ad_id", "ad_name",
            "adset_id", "adset_name", "creative_id", "fb_lead_id", "fb_page_id",
            "fb_form_id", "fb_form_name", "google_keyword", "google_ad_group_id",
            "google_ad_group_name",
        )
    }),
    "in_documents": ("raw", "itcrm_docs_clients", {
        "contract_id": ("contract_id", "bigint", True),
        "id_source": ("id_source", "bigint", True),
        "document_date": ("currentdate", "timestamp", True),
        "amount": ("total_cost_of_the_contract", "decimal(18, 2)", True),
    }),
}


def table_files(lake, schema, table):
    """The Parquet files of a table, in name order."""
    folder = sorted(glob.glob(f"{glob.escape(lake)}/{schema}/{table}/*.parquet"))
    single = pathlib.Path(lake, schema, f"{table}.parquet")
    files = folder or ([str(single)] if single.exists() else [])
    if not files:
        sys.exit(f"error: no Parquet file of `{schema}.{table}` in `{lake}`")
    return files


def column_expression(source, kind, stored):
    """The SQL that reads one input column as its contract type."""
    # `TIMESTAMP WITH TIME ZONE` and, for nanoseconds, `TIMESTAMPTZ_NS`.
    if kind == "timestamp" and ("TIME ZONE" in stored or "TIMESTAMPTZ" in stored):
        return f"timezone('{TIME_ZONE}', cast(\"{source}\" as timestamptz))"
    if stored.upper() == kind.upper().replace(", ", ","):
        return f'"{source}"'
    return f'cast("{source}" as {kind})'


def register(connection, lake):
    """Creates the typed input views."""
    for view, (schema, table, columns) in INPUTS.items():
        files = ", ".join("'" + f.replace("'", "''") + "'" for f in table_files(lake, schema, table))
        # Columns are matched by name; reading the schema of every file is what that costs.
        scan = f"read_parquet([{files}], union_by_name = true)"
        described = connection.execute(f"describe select * from {scan}").fetchall()
        stored = {row[0]: row[1] for row in described}
        chosen = []
        for name, (source, kind, required) in columns.items():
            if source in stored:
                expression = column_expression(source, kind, stored[source])
            elif required:
                sys.exit(f"error: `{schema}.{table}` has no column `{source}`")
            else:
                expression = f"cast(null as {kind})"
            chosen.append(f"{expression} as {name}")
        connection.execute(f"create temp view {view} as select {', '.join(chosen)} from {scan}")


def statements(path):
    """The statements of a SQL file as (kind, name, text), kind `step` or `dataset`."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    parts = re.split(r"^-- (step|dataset): (\w+)$", text, flags=re.MULTILINE)[1:]
    for kind, name, body in zip(parts[::3], parts[1::3], parts[2::3]):
        yield kind, name, body.strip().rstrip(";")


def write(connection, out, dataset, query):
    """Writes one dataset; a file never lies half-written under its final name."""
    folder = pathlib.Path(out, dataset)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "part-00000.parquet.part"
    target = str(part).replace("'", "''")
    connection.execute(f"copy ({query}) to '{target}' (format parquet, compression zstd)")
    part.rename(folder / "part-00000.parquet")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lake")
    parser.add_argument("out")
    parser.add_argument("--since", help="first day that counts, YYYY-MM-DD")
    parser.add_argument("--lookback-days", type=int)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--memory-limit")
    parser.add_argument("--timings", action="store_true", help="seconds per statement, on stderr")
    arguments = parser.parse_args()
    arguments.models = arguments.models.split(",")
    unknown = set(arguments.models) - set(MODELS)
    if unknown:
        parser.error(f"unknown models: {', '.join(sorted(unknown))}")
    return arguments


def main():
    arguments = parse_arguments()
    connection = duckdb.connect()
    connection.execute("set enable_progress_bar = false")
    if arguments.threads:
        connection.execute(f"set threads = {arguments.threads}")
    if arguments.memory_limit:
        connection.execute("set memory_limit = ?", [arguments.memory_limit])
    for name, value, kind in (
        ("since", arguments.since, "date"),
        ("lookback_days", arguments.lookback_days, "bigint"),
        ("models", arguments.models, "varchar[]"),
        ("white_space", WHITE_SPACE, "varchar"),
    ):
        connection.execute(f"set variable {name} = cast(? as {kind})", [value])
    register(connection, arguments.lake)
    for kind, name, text in statements(pathlib.Path(__file__).with_name("semantics.sql")):
        started = time.perf_counter()
        if kind == "step":
            connection.execute(text)
        else:
            write(connection, arguments.out, name, text)
        if arguments.timings:
            print(f"{time.perf_counter() - started:8.3f} s  {kind} {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
