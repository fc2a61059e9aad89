"""postgresql.py -- a PostgreSQL of a test's own, and what must be the same in it as in a snapshot.

Debian's server, in a folder of its own, on a socket there: no port, so none can be taken. It does not run as root, so where the
test is root it is `postgres` (else `nobody`). It is ended by its process id.
"""
import json
import os
import pwd
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
from pathlib import Path

from harness import Process, wait_until

FEED = "qidflow_feed"
VIEWS = ("vulnerabilities", "Q_Host_List_Detection", "Q_KnowledgeBase_In_Host_List_Detection", "Q_KnowledgeBase_CVE_LIST")


def programs():
    """The newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[4]))
    if not found:
        raise AssertionError("PostgreSQL is not installed: compose/install-deps.sh")
    return found[-1].parent


class Server:
    """Once for a class of tests: initdb takes seconds. The superuser is `boss`, without a password, on the socket. What is
    killed are processes, not the machine: so nothing waits for the disk."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="qidflow-postgresql-"))
        self.process = None
        self.as_owner = []
        if os.getuid() == 0:
            try:
                owner = pwd.getpwnam("postgres")
            except KeyError:
                owner = pwd.getpwnam("nobody")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        self.folder.chmod(0o755)
        self.databases = 0
        made = subprocess.run([*self.as_owner, programs() / "initdb", "-D", self.folder / "data", "-U", "boss", "-A", "trust",
                               "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], capture_output=True, text=True, timeout=120)
        if made.returncode != 0:
            raise AssertionError(f"initdb: {made.stdout}{made.stderr}")
        # Whose name begins with p needs a password, others are let in on the socket.
        (self.folder / "data/pg_hba.conf").write_text("local all pauline scram-sha-256\nlocal all all trust\n")
        self.start()

    def start(self, *settings, wrapper=()):
        argv = [*wrapper, *self.as_owner, programs() / "postgres", "-D", self.folder / "data", "-k", self.folder]
        for setting in ("listen_addresses=", "max_connections=30", "shared_buffers=32MB", "log_min_messages=fatal", "fsync=off", *settings):
            argv += ["-c", setting]
        self.process = Process(argv)
        wait_until("PostgreSQL", self.answers, 60)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"PostgreSQL ended with {self.process.ended}\n{self.process.tail()}")
        return self.run("postgres", "SELECT 1", check=False).returncode == 0

    def stop(self, number=signal.SIGINT):
        self.process.kill(number)
        self.process.wait(60)
        if number == signal.SIGKILL:  # its children find out that they are alone
            wait_until("the end of its children", self.is_alone, 60)

    def is_alone(self):
        try:
            pid = (self.folder / "data/postmaster.pid").read_text().split()[0]
        except FileNotFoundError:
            return True
        found = subprocess.run(["pgrep", "-P", pid], capture_output=True, check=False)
        alive = [p for p in Path("/proc").glob("[0-9]*/cwd") if points_to(p, self.folder / "data")]
        return found.returncode == 1 and not alive

    def close(self):
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self, owner="boss"):
        """The connection text of a new one."""
        self.databases += 1
        name = f"test{self.databases}"
        self.run("postgres", f"CREATE DATABASE {name} OWNER {owner}")
        return name

    def connection(self, database, user="boss", host=None):
        return f"host={host or self.folder} dbname={database} user={user}"

    def run(self, database, sql, check=True, user="boss"):
        """psql's unaligned rows."""
        env = {**os.environ, "PGTZ": "UTC", "PGCONNECT_TIMEOUT": "20", "PGOPTIONS": "-c search_path=qidflow"}
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", user,
                               "-d", database, "-c", sql], capture_output=True, text=True, timeout=300, env=env, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{sql[:200]}: {done.stderr}")
        return done

    def ask(self, database, sql):
        return self.run(database, sql).stdout.rstrip("\n").split("\n")

    def one(self, database, sql):
        return self.ask(database, sql)[0]


def points_to(link, folder):
    try:
        return Path(os.readlink(link)) == folder
    except OSError:
        return False


# ---- the same?

def canonical(row):
    return json.dumps(row, sort_keys=True, ensure_ascii=False)


def there(server, database, name):
    """The rows of a table or view, as objects with PostgreSQL's own idea of each value; and its types."""
    types = dict(line.split("|") for line in server.ask(
        database, f"SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'qidflow.{name}'::regclass "
                  "AND attnum > 0 AND NOT attisdropped"))
    out = server.run(database, f"SELECT to_jsonb(t)::text FROM qidflow.{name} AS t").stdout
    return [json.loads(line) for line in out.split("\n") if line], types


def here(path, name, types):
    """The same of SQLite, each value as its column's type says it must be."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    rows = []
    for row in db.execute(f'SELECT * FROM "{name}"'):
        one = {}
        for column, value in zip(row.keys(), row):
            column = column.lower()
            if column == "detection_row":  # a rowid: of no meaning outside of that file
                continue
            one[column] = expected(value, types.get(column, "missing"))
        rows.append(one)
    db.close()
    return rows


def expected(value, kind):
    if value is None:
        return None
    if kind == "jsonb":
        return json.loads(value)
    if kind == "timestamp with time zone":
        return value.replace(" ", "T") + "+00:00"
    if isinstance(value, float) and value.is_integer():
        return int(value)  # as PostgreSQL writes it
    if kind == "text" and not isinstance(value, str):
        return str(value)
    return value


def assert_same(case, server, database, path, what=None, views=True):
    """All tables and views of the snapshot, row by row."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    names = [r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    db.close()
    for name in [*names, *(VIEWS if views else ())] if what is None else what:
        pg, types = there(server, database, name.lower())
        lite = here(path, name, types)
        pg, lite = sorted(map(canonical, pg)), sorted(map(canonical, lite))
        for one, other in zip(pg, lite):
            if one != other:
                case.fail(f"{name}: PostgreSQL has\n{one[:3000]}\nand SQLite\n{other[:3000]}")
        case.assertEqual(len(pg), len(lite), name)
    return len(names)


# ---- who looks on

class Reader:
    """Polls in one statement what run the schema holds, and how much; so each answer is of one moment."""
    SQL = ("SELECT coalesce((SELECT value FROM qidflow_feed WHERE name = 'run'), '-'), (SELECT max(run) FROM qidflow_run), "
           "(SELECT count(*) FROM q_host_list), (SELECT sum(batch_number) FROM q_host_list), "
           "(SELECT count(*) FROM q_host_list_detection_hosts), (SELECT count(*) FROM q_host_list_detection_qids), "
           "(SELECT sum(batch_number) FROM q_host_list_detection_qids), (SELECT sum(batch_number) FROM q_knowledgebase)")

    def __init__(self, server, database):
        self.server, self.database = server, database
        self.seen, self.polls, self.over = set(), 0, threading.Event()
        self.thread = threading.Thread(target=self.poll, daemon=True)
        self.thread.start()

    def poll(self):
        while not self.over.is_set():
            self.look()
            self.over.wait(0.02)

    def look(self):
        done = self.server.run(self.database, self.SQL, check=False)
        if done.returncode == 0:
            self.polls += 1
            self.seen.add(done.stdout.strip())
        elif "does not exist" in done.stderr:  # nothing yet: whole too
            self.seen.add("nothing")

    def stop(self):
        self.over.set()
        self.thread.join(60)
        return self.seen


class Cutter:
    """A way to the server that can be cut: a socket of its own folder, which passes bytes on until so many have passed."""

    def __init__(self, server):
        self.folder = Path(tempfile.mkdtemp(prefix="qidflow-cut-"))
        self.to = str(server.folder / ".s.PGSQL.5432")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.folder / ".s.PGSQL.5432"))
        self.socket.listen(8)
        self.left = None
        self.passed = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def cut_after(self, count):
        self.left, self.passed = count, 0

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.connect, args=(client,), daemon=True).start()

    def connect(self, client):
        with client, socket.socket(socket.AF_UNIX) as server:
            try:
                server.connect(self.to)
                while self.pass_on(client, server):
                    pass
            except OSError:  # the server is not there, or one of both has gone
                pass

    def pass_on(self, client, server):
        for one in select.select((client, server), (), ())[0]:
            data = one.recv(16384)
            self.passed += len(data)
            if self.left is not None:
                self.left -= len(data)
            if not data or (self.left is not None and self.left <= 0):
                return False
            (server if one is client else client).sendall(data)
        return True

    def close(self):
        self.socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)
