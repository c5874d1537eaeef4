"""Reads an exported table by two foreign readers and compares it with Postgres' own text.

In: the Parquet file, and a JSON file with, per column, its type in pyarrow's words and its
values in row order as Postgres prints them, null as null. Out: one line per difference, exit
code 1 if there is any.
"""

import json
import math
import struct
import sys

import duckdb
import pyarrow.parquet


def as_postgres(value):
    """A DuckDB value in Postgres' spelling."""
    if value is None or isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = "t" if value else "f"
    elif isinstance(value, int):
        text = str(value)
    else:
        text = format(value, "f")
    if text is not None and " (BC)" in text:
        text = text.replace(" (BC)", "") + " BC"
    return text


def is_same(value, expected, kind):
    """Whether a value is the one that Postgres printed; floats are compared as numbers."""
    if isinstance(value, float) and expected is not None:
        number = float(expected)
        if kind == "float":
            number = struct.unpack("f", struct.pack("f", number))[0]
        return value == number and math.copysign(1, value) == math.copysign(1, number) or (
            math.isnan(value) and math.isnan(number)
        )
    return as_postgres(value) == expected


def main(path, expected_path):
    """Prints the differences and returns how many there are."""
    with open(expected_path, encoding="utf-8") as file:
        expected = json.load(file)
    differences = 0
    schema = pyarrow.parquet.read_schema(path)
    if schema.names != list(expected):
        print(f"columns: {schema.names} instead of {list(expected)}")
        return 1
    duckdb.sql("set timezone = 'UTC'")
    for name, column in expected.items():
        kind = str(schema.field(name).type)
        if kind != column["type"]:
            print(f"{name}: {kind} instead of {column['type']}")
            differences += 1
        # Python's own dates end at the year 9999 and begin at 1.
        form = f'cast("{name}" as varchar)' if kind.startswith(("date", "timestamp")) else f'"{name}"'
        rows = duckdb.sql(f"select {form} from read_parquet('{path}', file_row_number = true) order by file_row_number").fetchall()
        values = [row[0] for row in rows]
        if len(values) != len(column["values"]):
            print(f"{name}: {len(values)} rows instead of {len(column['values'])}")
            differences += 1
        for row, (value, text) in enumerate(zip(values, column["values"]), start=1):
            if not is_same(value, text, kind):
                print(f"{name}, row {row}: {value!r} instead of {text!r}")
                differences += 1
    return differences


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], sys.argv[2]) else 0)
