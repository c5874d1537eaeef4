#!/usr/bin/env python3
"""Runs the hand-worked cases of `cases/` and compares every stated cell.

In: JSON files with input rows, settings and expected rows typed by hand from the semantics.
A table is a header followed by rows; tables left out are empty. Out: one line per case, exit
code 1 when one fails. All rows of an expected dataset are stated, in order, but not all columns;
`"?"` leaves a cell open. Numbers may differ by 1e-9, all else is compared as text.

The program is this folder's `run_duckdb.py` unless `--program` names another, with the words
LAKE and OUT in it: `--program "touchpath run --lake LAKE --out OUT"`. Settings follow as flags.
"""

import argparse
import datetime
import decimal
import glob
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

import compare

HERE = pathlib.Path(__file__).resolve().parent

# Required columns of each table; a case may name optional ones beside them.
REQUIRED = {
    "stg.crm_events": ["id_source", "client_id", "event_date"],
    "stg.source_attribution": ["id_source"],
    "stg.marketing_match": ["id_source"],
    "raw.itcrm_docs_clients": [
        "contract_id", "id_source", "currentdate", "total_cost_of_the_contract",
    ],
}

INTEGERS = {"id_source", "client_id", "contract_id", "id_user"}
DATES = {"contract_date", "currentdate"}
MONEY = {"contract_amount", "total_cost_of_the_contract"}


def arrow_column(name, values, stored):
    """A column of a case as Arrow, in the type the warehouse has."""
    if name in INTEGERS:
        return pa.array(values, pa.int64())
    if name == "event_type_id":
        return pa.array(values, pa.int32())
    if name in DATES:
        return pa.array([v and datetime.date.fromisoformat(v) for v in values], pa.date32())
    if name in MONEY:
        return pa.array([v and decimal.Decimal(v) for v in values], pa.decimal128(18, 2))
    if name == "event_date":
        times = [v and datetime.datetime.fromisoformat(v) for v in values]
        zone = "UTC" if stored == "timestamp with zone" else None
        return pa.array(times, pa.timestamp("us", zone))
    if name.startswith("is_"):
        return pa.array(values, pa.bool_())
    return pa.array(values, pa.string())


def write_lake(case, lake):
    for table, required in REQUIRED.items():
        header, *rows = case["input"].get(table, [required])
        columns = {
            name: arrow_column(
                name, [row[i] for row in rows], case.get("types", {}).get(f"{table}.{name}")
            )
            for i, name in enumerate(header)
        }
        schema, name = table.split(".")
        folder = pathlib.Path(lake, schema, name)
        folder.mkdir(parents=True)
        pq.write_table(pa.table(columns), folder / "part-00000.parquet")


def command(program, settings, lake, out):
    """The words of the program, with the settings of a case as flags."""
    words = [{"LAKE": lake, "OUT": out}.get(word, word) for word in program]
    for name, value in settings.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def cell_matches(expected, actual, text):
    if expected == "?":
        return True
    if expected is None or isinstance(expected, bool):
        return actual is expected
    if isinstance(expected, (int, float)):
        return actual is not None and abs(float(actual) - expected) <= 1e-9
    if isinstance(expected, list):
        return actual == expected
    return text == expected


def check_dataset(folder, dataset, expected):
    """The differences of one dataset from its stated rows."""
    header, *rows = expected
    files = sorted(glob.glob(f"{glob.escape(str(folder))}/{dataset}/*.parquet"))
    if not files:
        return [f"{dataset}: not written"]
    picked = ", ".join(f'"{name}", "{name}"::varchar' for name in header)
    actual = duckdb.execute(f"select {picked} from read_parquet(?)", [files]).fetchall()
    problems = []
    if len(actual) != len(rows):
        problems.append(f"{dataset}: {len(rows)} rows expected, {len(actual)} written")
    for number, (row, found) in enumerate(zip(rows, actual), start=1):
        for i, (name, cell) in enumerate(zip(header, row)):
            if not cell_matches(cell, found[2 * i], found[2 * i + 1]):
                problems.append(
                    f"{dataset}, row {number} {row[:3]}, {name}: "
                    f"expected {cell!r}, found {found[2 * i + 1]!r}"
                )
    return problems


def run_case(path, program):
    case = json.loads(path.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        lake, out = f"{scratch}/lake", f"{scratch}/out"
        write_lake(case, lake)
        done = subprocess.run(
            command(program, case["settings"], lake, out), capture_output=True, text=True
        )
        if done.returncode:
            return [f"exit code {done.returncode}: {done.stderr.strip()}"]
        folder = compare.results_folder(out)
        return [
            problem
            for dataset, expected in case["expect"].items()
            for problem in check_dataset(folder, dataset, expected)
        ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", help="command line with the words LAKE and OUT")
    arguments = parser.parse_args()
    own = [sys.executable, str(HERE / "run_duckdb.py"), "LAKE", "OUT"]
    program = shlex.split(arguments.program) if arguments.program else own
    failed = 0
    for path in sorted(HERE.glob("cases/*.json")):
        problems = run_case(path, program)
        failed += bool(problems)
        print(f"{path.stem}: {'FAILED' if problems else 'ok'}", *problems, sep="\n    ")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
