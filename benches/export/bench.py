#!/usr/bin/env python3
"""Is `touchpath export` as fast as the server lets it, faster and leaner than its peers?

Starts a Postgres of its own with 2,000,000 rows of fifteen columns, and copies the table in
turn by every way: psql to nowhere (the floor), touchpath, and each peer, all zstd level 1 and
on the same processors. Prints medians with ranges of wall seconds, rows a second, CPU seconds
of the client, its peak memory and its bytes, then the ratios to the floor and to each peer,
round by round. With `--check` it reads every way's files back and compares all values.

    python3 -m venv V && V/bin/pip install -r benches/export/requirements.txt
    V/bin/python benches/export/bench.py --touchpath target/release/touchpath --rounds 5 --check
"""

import argparse
import contextlib
import os
import shlex
import statistics
import sys
import tempfile
import time

import check
import server
from peers import LEVEL, ROW_GROUP

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = "public.events"
OURS = ["touchpath 1", "touchpath 2"]
FLOOR = "floor"


def ways(touchpath, database, scratch):
    """Name -> shell command, with the word OUT for its empty folder."""
    psql = shlex.join(database.psql)
    copy = f"{psql} -c 'copy {TABLE} to stdout (format"
    peer = lambda name, jobs: (
        f"exec {shlex.quote(sys.executable)} {HERE}/peers.py {name} {database.url} {TABLE} "
        f"OUT/events.parquet {jobs}")
    ours = f"exec {shlex.quote(touchpath)} export {TABLE} --from {database.url} --lake OUT --quiet"
    rivet = os.path.join(os.path.dirname(sys.executable), "rivet")
    found = {
        FLOOR: f"exec {copy} binary)' > /dev/null",
        "touchpath 1": f"{ours} --jobs 1",
        "touchpath 2": f"{ours} --jobs 2",
        "duckdb 1": peer("duckdb", 1),
        "duckdb 2": peer("duckdb", 2),
        "connectorx 2": peer("connectorx", 2),
        "adbc": peer("adbc", 1),
        "csv": f"{copy} csv)' | {peer('csv', 2).removeprefix('exec ')}",
    }
    for jobs in (1, 2):
        settings = os.path.join(scratch, f"rivet-{jobs}.yaml")
        with open(settings, "w", encoding="utf-8") as file:
            file.write(rivet_settings(jobs))
        # It keeps its state beside its settings, hence the copy.
        found[f"rivet {jobs}"] = (
            f"cd OUT && cp {settings} rivet.yaml && DATABASE_URL={database.url} "
            f"exec {rivet} run -c rivet.yaml --no-notify")
    return found


def rivet_settings(jobs):
    """Its `fast` profile; with two jobs as its own `init` chunks a table of this size."""
    mode = "full"
    if jobs > 1:
        mode = f"chunked\n    chunk_column: event_id\n    chunk_count: 4\n    parallel: {jobs}"
    return f"""source:
  type: postgres
  url_env: DATABASE_URL
  tuning:
    profile: fast
exports:
  - name: events
    table: {TABLE}
    mode: {mode}
    format: parquet
    compression: zstd
    compression_level: {LEVEL}
    parquet:
      row_group_strategy: fixed_rows
      row_group_rows: {ROW_GROUP}
    destination:
      type: local
      path: out
"""


def run_once(command, out, log):
    """One run: wall seconds, CPU seconds, peak resident MiB, MB written."""
    command = command.replace("OUT", out)
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        talk = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(talk, 1)
        os.dup2(talk, 2)
        os.execvp("sh", ["sh", "-c", command])
    # The usage of this child and of those it has waited for; of a pipe's two programs the
    # greater peak counts. exec keeps the peak of this small program, some 10 MiB.
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - started
    if status:
        with open(log, encoding="utf-8", errors="replace") as talk:
            sys.exit(f"error: `{command}` failed with status {status}:\n{talk.read()[-2000:]}")
    files = [entry for root, _, names in os.walk(out) for entry in
             (os.path.join(root, name) for name in names) if entry.endswith(".parquet")]
    size = sum(os.path.getsize(file) for file in files) / 1e6
    return (wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, size), files


def print_table(runs, rows):
    """One line a way: medians with ranges, as Markdown."""
    print("| | s | rows/s | client CPU s | CPU s per million rows | peak MiB | MB |")
    print("|---|---|---|---|---|---|---|")
    for name, found in runs.items():
        walls, cpus, peaks, sizes = zip(*found)
        wall, cpu = statistics.median(walls), statistics.median(cpus)
        print(f"| {name} | {spread(walls)} | {rows / wall / 1000:.0f}k | {spread(cpus)} | "
              f"{cpu / rows * 1e6:.2f} | {statistics.median(peaks):.0f} "
              f"({min(peaks):.0f}–{max(peaks):.0f}) | {sizes[0]:.0f} |")


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def print_ratios(runs):
    """How many times the other's rows a second, and which part of its memory."""
    print()
    print("| round by round | rows/s, median (range) | peak memory, median |")
    print("|---|---|---|")
    for ours in OURS:
        for other in (name for name in runs if name not in OURS and ours in runs):
            pairs = list(zip(runs[ours], runs[other]))
            speed = [theirs[0] / own[0] for own, theirs in pairs]
            memory = [own[2] / theirs[2] for own, theirs in pairs]
            held = "" if other == FLOOR else f"{statistics.median(memory):.2f}"
            print(f"| {ours} / {other} | {spread(speed)} | {held} |")


def measure(commands, arguments, scratch):
    """The rounds; returns runs by name and, of the last round, the files by name."""
    runs, files = {name: [] for name in commands}, {}
    log = os.path.join(scratch, "log")
    for number in range(arguments.rounds):
        # Forwards, then backwards, so that none always follows the same other.
        for name in list(commands)[:: -1 if number % 2 else 1]:
            out = tempfile.mkdtemp(prefix=name.replace(" ", "-") + "-", dir=scratch)
            measured, files[name] = run_once(commands[name], out, log)
            runs[name].append(measured)
            print(f"round {number + 1} {name}: {measured[0]:.2f} s, {measured[1]:.2f} CPU s, "
                  f"{measured[2]:.0f} MiB, {measured[3]:.0f} MB", file=sys.stderr)
            if number + 1 < arguments.rounds:
                for file in files[name]:
                    os.remove(file)
    return runs, files


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--touchpath", default="touchpath", help="the release binary")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--ways", help="only these, separated by commas [default: all]")
    parser.add_argument("--check", action="store_true", help="compare all values of all ways")
    parser.add_argument("--server", help="folder that keeps the database for the next time")
    parser.add_argument("--scratch", help="folder for the results [default: the system's]")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        # Beside one another, so that the server's user reaches its folder.
        kept = arguments.server or stack.enter_context(tempfile.TemporaryDirectory())
        if not arguments.server:
            os.chmod(kept, 0o755)
        data = os.path.join(kept, "postgres")
        server.own(data)
        scratch = stack.enter_context(tempfile.TemporaryDirectory(dir=arguments.scratch))
        database = stack.enter_context(server.Server(data, arguments.rows))
        commands = ways(arguments.touchpath, database, scratch)
        if arguments.ways:
            commands = {name: commands[name] for name in arguments.ways.split(",")}
        rows = int(database.query(f"select count(*) from {TABLE}"))
        runs, files = measure(commands, arguments, scratch)
        print_table(runs, rows)
        if FLOOR in runs:
            print_ratios(runs)
        if arguments.check:
            check.compare({name: found for name, found in files.items() if found})


if __name__ == "__main__":
    main()
