#!/usr/bin/env python3
"""Compares two result folders dataset by dataset; exit code 1 on any difference.

In: two folders that hold `<dataset>/*.parquet`, or the `--out` of `touchpath run` (its current
run is taken). Out: one line per dataset and the first differences with their grain. Columns are
matched by name, types by kind, rows by position; floats may differ by 1e-9.
"""

import argparse
import glob
import json
import pathlib
import sys

import duckdb

GRAINS = {
    "fact_events": ["client_id", "touch_sequence_number"],
    "fact_contracts": ["contract_source_id"],
    "attribution_credit": ["contract_source_id", "event_source_id", "model"],
    "attribution": ["model", "platform", "channel"],
    "attribution_campaign": ["model", "platform", "campaign_id", "campaign_name"],
    "model_comparison": ["platform", "model"],
    "client_funnel": ["client_id"],
    "platform_touches": ["platform"],
    "funnel_daily": ["day", "platform", "channel"],
    "facebook_funnel": ["day", "platform", "campaign_name"],
    "google_funnel": ["day", "campaign_name"],
    "contracts_by_platform": ["attributed_platform"],
    "cohorts": ["cohort_month", "months_since"],
    "time_to_contract": ["bucket"],
    "path_length": ["total_touches"],
    "top_paths": ["path"],
    "first_touch_vs_full": ["platform"],
    "summary": [],
}

TOLERANCE = "1e-9"


def results_folder(folder):
    """The folder of the current run when there are commits, else the folder itself."""
    commits = sorted(glob.glob(f"{glob.escape(folder)}/commits/*.json"))
    if not commits:
        return pathlib.Path(folder)
    run = json.loads(pathlib.Path(commits[-1]).read_text(encoding="utf-8"))["run"]
    return pathlib.Path(folder, "runs", run)


def kind(column_type):
    """What a type holds, whatever its width."""
    text = column_type.upper()
    if text.endswith("[]"):
        return f"list of {kind(text[:-2])}"
    if text.startswith("DECIMAL") or text.endswith("INT") or text.endswith("INTEGER"):
        return "exact number"
    if text in ("DOUBLE", "FLOAT"):
        return "float"
    return text


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


class Comparison:
    """One dataset of two folders, as the tables `a` and `b` with a row number each."""

    def __init__(self, connection, dataset, sides, shown):
        self.connection = connection
        self.dataset = dataset
        self.sides = sides
        self.shown = shown
        self.problems = []

    def load(self):
        columns = {}
        for side, folder in self.sides.items():
            files = sorted(glob.glob(f"{glob.escape(str(folder))}/{self.dataset}/*.parquet"))
            if not files:
                self.problems.append(f"side {side} has no file in `{folder}/{self.dataset}`")
                continue
            # The reader keeps the order of files and of rows in them.
            self.connection.execute(
                f"create or replace temp table {side} as "
                "select *, row_number() over () as row_place from read_parquet(?)",
                [files],
            )
            described = self.connection.execute(f"describe {side}").fetchall()
            columns[side] = {row[0]: kind(row[1]) for row in described if row[0] != "row_place"}
        return columns

    def compare_columns(self, columns):
        for name in columns["a"].keys() ^ columns["b"].keys():
            side = "a" if name in columns["a"] else "b"
            self.problems.append(f"column `{name}` is only on side {side}")
        shared = [name for name in columns["b"] if name in columns["a"]]
        if not self.problems and list(columns["a"]) != list(columns["b"]):
            self.problems.append(
                f"columns in another order: a {list(columns['a'])}, b {list(columns['b'])}"
            )
        for name in shared:
            if columns["a"][name] != columns["b"][name]:
                self.problems.append(
                    f"column `{name}`: a holds {columns['a'][name]}, b holds {columns['b'][name]}"
                )
        return [name for name in shared if columns["a"][name] == columns["b"][name]]

    def compare_rows(self, names, kinds):
        grain = [name for name in GRAINS.get(self.dataset, []) if name in names]
        counts = [self.rows_of(f"select count(*) from {side}")[0][0] for side in ("a", "b")]
        if counts[0] != counts[1]:
            self.problems.append(f"a has {counts[0]} rows, b has {counts[1]}")
            self.report_lone_rows(grain)
        by_place = counts[0] == counts[1]
        if by_place and grain:
            self.report_order(grain)
        if not by_place and not grain:
            return counts[0]
        on = ["a.row_place = b.row_place"]
        if not by_place or self.problems:
            on = [f"a.{quoted(n)} is not distinct from b.{quoted(n)}" for n in grain]
        self.report_values(names, kinds, grain, " and ".join(on) or "true")
        return counts[0]

    def report_lone_rows(self, grain):
        if not grain:
            return
        listed = ", ".join(quoted(name) for name in grain)
        for side, other in (("a", "b"), ("b", "a")):
            lone = self.rows_of(
                f"select {listed} from {side} except all select {listed} from {other} "
                f"order by all limit {self.shown}"
            )
            for row in lone:
                self.problems.append(f"only on side {side}: {labelled(grain, row)}")

    def report_order(self, grain):
        differ = " or ".join(f"a.{quoted(n)} is distinct from b.{quoted(n)}" for n in grain)
        picked = ", ".join(f"{side}.{quoted(n)}" for side in ("a", "b") for n in grain)
        rows = self.rows_of(
            f"select a.row_place, {picked} from a join b using (row_place) "
            f"where {differ} order by a.row_place limit {self.shown}"
        )
        for row in rows:
            width = len(grain)
            self.problems.append(
                f"row {row[0]}: a is {labelled(grain, row[1:1 + width])}, "
                f"b is {labelled(grain, row[1 + width:])}"
            )
        if rows:
            self.report_lone_rows(grain)

    def report_values(self, names, kinds, grain, on):
        tests = {name: difference_test(name, kinds[name]) for name in names}
        counted = ", ".join(f"count(*) filter (where {test})" for test in tests.values())
        totals = self.rows_of(f"select {counted} from a join b on {on}")[0]
        shown = [f"a.{quoted(name)}" for name in grain]
        for name, total in zip(names, totals):
            if not total:
                continue
            self.problems.append(f"column `{name}` differs in {total} rows")
            picked = ", ".join([*shown, f"a.{quoted(name)}", f"b.{quoted(name)}"])
            for row in self.rows_of(
                f"select {picked} from a join b on {on} where {tests[name]} "
                f"order by a.row_place limit {self.shown}"
            ):
                self.problems.append(
                    f"  {labelled(grain, row[:-2])}: a {row[-2]!r}, b {row[-1]!r}"
                )

    def rows_of(self, query):
        return self.connection.execute(query).fetchall()


def difference_test(name, column_kind):
    """SQL that is true where the two sides differ in a column."""
    a, b = f"a.{quoted(name)}", f"b.{quoted(name)}"
    distinct = f"{a} is distinct from {b}"
    if column_kind == "float":
        return f"({distinct} and coalesce(not abs({a} - {b}) <= {TOLERANCE}, true))"
    return f"({distinct})"


def labelled(grain, values):
    return ", ".join(f"{name} {value!r}" for name, value in zip(grain, values)) or "the row"


def compare(connection, dataset, sides, shown):
    """Compares one dataset; returns its rows and the list of differences, empty when equal."""
    comparison = Comparison(connection, dataset, sides, shown)
    columns = comparison.load()
    if len(columns) < 2:
        return 0, comparison.problems
    names = comparison.compare_columns(columns)
    rows = comparison.compare_rows(names, columns["a"])
    return rows, comparison.problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--datasets", default=",".join(GRAINS))
    parser.add_argument("--shown", type=int, default=3, help="differences shown per column")
    parser.add_argument("--quiet", action="store_true", help="only datasets that differ")
    arguments = parser.parse_args()
    sides = {"a": results_folder(arguments.a), "b": results_folder(arguments.b)}
    connection = duckdb.connect()
    connection.execute("set enable_progress_bar = false")
    differing = 0
    for dataset in arguments.datasets.split(","):
        rows, problems = compare(connection, dataset, sides, arguments.shown)
        differing += bool(problems)
        if problems:
            print(f"{dataset}: DIFFERENT", *problems, sep="\n    ")
        elif not arguments.quiet:
            print(f"{dataset}: equal, {rows} rows")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
