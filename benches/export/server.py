"""A Postgres server of the benchmark's own, with the table of `table.sql` in it.

In: a folder, empty or from an earlier start. Out: a running server on a free port of the
loopback, whose table is in its cache. As root the server runs as the user `postgres`,
because initdb refuses root.
"""

import glob
import os
import pwd
import re
import shutil
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# The whole table fits, so that no run waits for the disk.
SETTINGS = ["shared_buffers=2GB", "fsync=off", "max_wal_size=4GB", "jit=off"]


class Server:
    """Started by `with`, stopped at its end; `url` is for clients, `psql` is a command."""

    def __init__(self, folder, rows):
        self.folder = folder
        self.rows = rows
        self.programs = programs()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self.psql = [os.path.join(self.programs, "psql"), "-X", "-q", "-d", self.url]

    def __enter__(self):
        data = os.path.join(self.folder, "data")
        is_new = not os.path.exists(os.path.join(data, "PG_VERSION"))
        if is_new:
            self.run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                     "--locale=C.UTF-8", "--no-sync")
        settings = [word for setting in SETTINGS for word in ("-c", setting)]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(self.programs, "postgres"), "-D", data, "-k", "", "-p",
                 str(self.port), "-c", "listen_addresses=127.0.0.1", *settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **user())
        try:
            self.wait()
            if is_new:
                subprocess.run([*self.psql, "-v", "ON_ERROR_STOP=1", "-v", f"rows={self.rows}",
                                "-f", os.path.join(HERE, "table.sql")], check=True)
            self.query("create extension if not exists pg_prewarm")
            self.query("select pg_prewarm('public.events')")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.send_signal(2)
        self.process.wait()

    def wait(self):
        ready = [os.path.join(self.programs, "pg_isready"), "-q", "-h", "127.0.0.1", "-p",
                 str(self.port)]
        limit = time.monotonic() + 60
        while subprocess.run(ready, check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > limit:
                raise SystemExit(f"error: postgres did not start, see {self.folder}/log")
            time.sleep(0.1)

    def query(self, sql):
        """The first value of the answer, as text."""
        done = subprocess.run([*self.psql, "-A", "-t", "-c", sql], check=True,
                              capture_output=True, text=True)
        return done.stdout.strip()

    def run(self, program, *arguments):
        subprocess.run([os.path.join(self.programs, program), *arguments], check=True, cwd="/",
                       stdout=subprocess.DEVNULL, **user())


def user():
    """What makes a child the user `postgres`, when we are root."""
    if os.geteuid():
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def own(folder):
    """Makes the folder, for the server's user."""
    os.makedirs(folder, exist_ok=True)
    if not os.geteuid():
        entry = pwd.getpwnam("postgres")
        shutil.chown(folder, entry.pw_uid, entry.pw_gid)


def programs():
    """The folder with initdb and postgres: as named, or the newest of Debian's."""
    named = os.environ.get("TOUCHPATH_POSTGRES_BIN")
    if named:
        return named
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if not found:
        raise SystemExit("error: no Postgres server; name its folder in TOUCHPATH_POSTGRES_BIN")
    version = lambda path: int(re.search(r"(\d+)/bin", path).group(1))
    return os.path.dirname(max(found, key=version))
