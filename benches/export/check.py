"""Reads what every way has written and compares all values.

In: name -> its Parquet files. Out: a line on stdout, or an exit that names the columns that
differ. The types in which the ways store a value differ (a uuid is text or sixteen bytes, JSON
is text or a logical type), so each column is first brought to one; then DuckDB sums a hash of
every row and of every column, which does not depend on the order of rows or files.
"""

import sys

import duckdb

# Column -> what it is compared as.
PLAIN = {
    "event_id": "bigint", "client_id": "bigint", "campaign_id": "integer", "seconds": "integer",
    "amount": "decimal(15, 2)", "score": "double", "is_paid": "boolean", "day": "date",
    "happened_at": "timestamp", "platform": "varchar", "page": "varchar", "note": "varchar",
}


def columns(connection, files):
    """Name -> expression over the files' own types."""
    described = connection.execute("describe from read_parquet($1)", [files]).fetchall()
    types = {name: kind for name, kind, *_ in described}
    found = {name: f"cast({name} as {kind})" for name, kind in PLAIN.items()}
    found["received_at"] = "epoch_us(received_at)"
    # ConnectorX prints a JSON value anew, with its keys sorted; so the members are compared.
    members = ["$.source", "$.visit", "$.returning"]
    found["details"] = f"json_extract_string({text('details', types)}, {members})"
    request = text("request_id", types)
    if types["request_id"] == "BLOB":
        request = "hex(request_id)"
    found["request_id"] = f"lower(replace({request}, '-', ''))"
    return found


def text(name, types):
    return f"decode({name})" if types[name] == "BLOB" else f"cast({name} as varchar)"


def sums(files):
    """Rows, then the sum of hashes of whole rows and of each column."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    found = columns(connection, files)
    hashes = [f"sum(hash({value})::hugeint) as {name}" for name, value in found.items()]
    whole = f"sum(hash(row({', '.join(found.values())}))::hugeint) as whole"
    query = f"select count(*) as rows, {whole}, {', '.join(hashes)} from read_parquet($1)"
    row = connection.execute(query, [files])
    names = [column[0] for column in row.description]
    return dict(zip(names, row.fetchone()))


def compare(ways):
    """Stops at the first way that differs from the first."""
    found = {name: sums(files) for name, files in ways.items()}
    (first, expected), *others = found.items()
    for name, sum_of in others:
        different = [column for column in expected if sum_of[column] != expected[column]]
        if different:
            sys.exit(f"error: {name} differs from {first} in {', '.join(different)}")
    print(f"\nAll values of {expected['rows']:,} rows are equal in {', '.join(found)}.")
