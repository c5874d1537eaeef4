#!/usr/bin/env python3
"""Runs a program on random lakes and holds its results against the DuckDB program's.

In: the command line of the program with the words LAKE and OUT, and a range of seeds. Out: one
line per lake; exit code 1 when one differs, with the lake and both results left in `--keep`.

    differential.py --program 'touchpath run --lake LAKE --out OUT --quiet' --seeds 0-99
"""

import argparse
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

import hand_cases

HERE = pathlib.Path(__file__).resolve().parent


def settings_of(lake):
    """The settings of a lake that are not the default, as flags take them."""
    stated = json.loads(pathlib.Path(lake, "params.json").read_text(encoding="utf-8"))
    return {
        name: ",".join(value) if isinstance(value, list) else value
        for name, value in stated.items()
        if value is not None
    }


def run(words):
    """Runs a command; returns what it said when it failed, else None."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    return None if done.returncode == 0 else f"{done.stdout}{done.stderr}"


def check_seed(seed, program, scratch):
    """Returns what is wrong with one seed, or None."""
    lake, ours, theirs = (str(scratch / name) for name in ("lake", "ours", "duckdb"))
    own = [sys.executable, str(HERE / "run_duckdb.py"), "LAKE", "OUT"]
    problem = run([sys.executable, HERE / "random_lake.py", lake, "--seed", seed])
    settings = {} if problem else settings_of(lake)
    return (
        problem
        or run(hand_cases.command(own, settings, lake, theirs))
        or run(hand_cases.command(program, settings, lake, ours))
        or run([sys.executable, HERE / "compare.py", "--quiet", ours, theirs])
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="command line with LAKE and OUT")
    parser.add_argument("--seeds", default="0-19", help="first-last")
    parser.add_argument("--keep", help="folder for the lakes that differ")
    arguments = parser.parse_args()
    first, last = map(int, arguments.seeds.split("-"))
    program = shlex.split(arguments.program)
    failed = []
    for seed in range(first, last + 1):
        with tempfile.TemporaryDirectory() as folder:
            scratch = pathlib.Path(folder)
            problem = check_seed(seed, program, scratch)
            if problem:
                failed.append(seed)
                print(f"seed {seed}: DIFFERENT\n{problem}", flush=True)
                if arguments.keep:
                    kept = pathlib.Path(arguments.keep, f"seed-{seed}")
                    shutil.copytree(scratch, kept, dirs_exist_ok=True)
    count = last - first + 1
    print(f"{count - len(failed)} of {count} lakes without a difference")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
