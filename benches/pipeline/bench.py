#!/usr/bin/env python3
"""Is `touchpath run` as fast as a fair DuckDB program of the same outputs?

Runs two commands on the same lake in turn (A B, B A, A B, …) and prints, for each, the median and
range of wall seconds, CPU seconds (user + system) and peak memory, and the ratio A/B of each
pair. In: the two commands, with the word OUT where the results go (an empty folder for each
run). Out: a table on stdout. Both are held to the same number of processors.

    bench.py --a 'touchpath run --lake L --out OUT --since 2025-01-01 --quiet' \\
             --b 'python tests/differential/run_duckdb.py L OUT --since 2025-01-01 --threads 2'
"""

import argparse
import os
import shlex
import shutil
import statistics
import sys
import tempfile
import time

MEASURES = ["wall s", "CPU s", "peak MiB"]


def run_once(command, scratch, processors):
    """One run in a fresh folder: wall seconds, CPU seconds, peak resident MiB."""
    out = tempfile.mkdtemp(prefix="out-", dir=scratch)
    words = [out if word == "OUT" else word for word in shlex.split(command)]
    log = os.path.join(scratch, "log")
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        become(words, log, processors)
    # wait4 gives the usage of this child alone; RUSAGE_CHILDREN would keep the highest peak.
    # The peak begins at what this small program itself holds, some 10 MiB: exec keeps it.
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - started
    shutil.rmtree(out)
    if status:
        with open(log, encoding="utf-8", errors="replace") as talk:
            sys.exit(f"error: `{command}` failed with status {status}:\n{talk.read()[-2000:]}")
    # Linux counts ru_maxrss in KiB.
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def become(words, log, processors):
    """In the child: limits the processors, sends the talk to a log and runs the command."""
    try:
        if hasattr(os, "sched_setaffinity"):
            allowed = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, allowed[:processors])
        talk = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(talk, 1)
        os.dup2(talk, 2)
        os.execvp(words[0], words)
    except OSError as error:
        os.write(2, f"{words[0]}: {error}\n".encode())
    os._exit(127)


def print_table(names, runs):
    """Medians with ranges, then the ratio of each pair."""
    print(f"{'':14}" + "".join(f"{measure:>28}" for measure in MEASURES))
    for name in ("a", "b"):
        cells = []
        for column in range(len(MEASURES)):
            values = [run[column] for run in runs[name]]
            cells.append(
                f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
            )
        print(f"{names[name]:14}" + "".join(f"{cell:>28}" for cell in cells))
    for column, measure in enumerate(MEASURES):
        ratios = [a[column] / b[column] for a, b in zip(runs["a"], runs["b"])]
        listed = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(
            f"{measure}: {names['a']}/{names['b']} pair by pair {listed}; "
            f"median {statistics.median(ratios):.2f}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--a", required=True, help="first command, with the word OUT in it")
    parser.add_argument("--b", required=True, help="second command, with the word OUT in it")
    parser.add_argument("--name-a", default="touchpath")
    parser.add_argument("--name-b", default="duckdb")
    parser.add_argument("--rounds", type=int, default=5, help="pairs after one warm-up pair")
    parser.add_argument("--processors", type=int, default=2)
    parser.add_argument("--scratch", help="folder for the results [default: the system's]")
    arguments = parser.parse_args()
    commands = {"a": arguments.a, "b": arguments.b}
    for command in commands.values():
        if "OUT" not in shlex.split(command):
            parser.error(f"no word OUT in `{command}`")
    runs = {"a": [], "b": []}
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        for number in range(arguments.rounds + 1):
            # Who goes first changes, so that neither always meets the warmer cache.
            for name in ("ab", "ba")[number % 2]:
                measured = run_once(commands[name], scratch, arguments.processors)
                if number > 0:
                    runs[name].append(measured)
                label = f"round {number}" if number else "warm-up"
                print(
                    f"{label} {name}: {measured[0]:.2f} s, {measured[1]:.2f} CPU s, "
                    f"{measured[2]:.0f} MiB",
                    file=sys.stderr,
                )
    print_table({"a": arguments.name_a, "b": arguments.name_b}, runs)


if __name__ == "__main__":
    main()
