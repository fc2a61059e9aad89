"""postgresql.py -- a PostgreSQL of a test's own, and what must be the same in it as in a snapshot.

Debian's server, in a folder of its own, on a socket there: no port, so none can be taken. It does not run as root, so where the
test is root it is `postgres` (else `nobody`). It is ended by its process id.
"""
import ctypes
import json
import os
import pwd
import shutil
import signal
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

    def __init__(self, prepare=None):
        """prepare(folder): before anything is in it."""
        self.folder = Path(tempfile.mkdtemp(prefix="qidflow-postgresql-"))
        if prepare:
            prepare(self.folder)
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
                               "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--wal-segsize=1"], capture_output=True, text=True, timeout=120)
        if made.returncode != 0:
            raise AssertionError(f"initdb: {made.stdout}{made.stderr}")
        # Whose name begins with p needs a password, others are let in on the socket.
        (self.folder / "data/pg_hba.conf").write_text("local all pauline scram-sha-256\nlocal all all trust\n")
        self.start()

    def start(self):
        argv = [*self.as_owner, programs() / "postgres", "-D", self.folder / "data", "-k", self.folder]
        for setting in ("listen_addresses=", "max_connections=30", "shared_buffers=32MB", "log_min_messages=fatal", "fsync=off",
                        "min_wal_size=32MB", "max_wal_size=32MB"):
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
        subprocess.run(["umount", "-l", self.folder], capture_output=True, check=False)
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


def types_of(server, database, name):
    """PostgreSQL's types of a table's or view's columns."""
    return dict(line.split("|") for line in server.ask(
        database, f"SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'qidflow.{name}'::regclass "
                  "AND attnum > 0 AND NOT attisdropped"))


def there(server, database, name, where):
    """The rows of a table or view, as objects with PostgreSQL's own idea of each value."""
    out = server.run(database, f"SELECT to_jsonb(t)::text FROM qidflow.{name} AS t {where}").stdout
    return [json.loads(line) for line in out.split("\n") if line]


def here(db, name, types, where):
    """The same of SQLite, each value as its column's type says it must be."""
    rows = []
    for row in db.execute(f'SELECT * FROM "{name}" {where}'):
        one = {}
        for column, value in zip(row.keys(), row):
            column = column.lower()
            if column == "detection_row":  # a rowid: of no meaning outside of that file
                continue
            one[column] = expected(value, types.get(column, "missing"))
        rows.append(one)
    return rows


def expected(value, kind):
    if value is None:
        return None
    if kind == "jsonb":
        return json.loads(value)
    if kind == "boolean":
        return value != 0
    if kind == "timestamp with time zone":
        return value.replace(" ", "T") + "+00:00"
    if isinstance(value, float) and value.is_integer():
        return int(value)  # as PostgreSQL writes it
    if kind == "text" and not isinstance(value, str):
        return str(value)
    return value


PIECE = 50_000


def pieces_of(db, name, key):
    """Conditions that part a table by this column, so that few rows are in memory; what is beyond all of them, too."""
    if not key:
        return [""]
    bounds = [r[0] for r in db.execute(f'SELECT max({key}) FROM (SELECT {key}, row_number() OVER (ORDER BY {key}) / {PIECE} AS piece '
                                       f'FROM "{name}") GROUP BY piece ORDER BY 1')][:-1]
    return [f"WHERE {key} > {a} AND {key} <= {b}" for a, b in zip([-1, *bounds], [*bounds, 1 << 62])]


def assert_same(case, server, database, path, what=None, views=True, pieces=None):
    """All tables and views of the snapshot, row by row; by pieces of this column."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    names = [r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    for name in [*names, *(VIEWS if views else ())] if what is None else what:
        types = types_of(server, database, name.lower())
        for where in pieces_of(db, name, pieces):
            pg = sorted(map(canonical, there(server, database, name.lower(), where)))
            lite = sorted(map(canonical, here(db, name, types, where)))
            for one, other in zip(pg, lite):
                if one != other:
                    case.fail(f"{name}: PostgreSQL has\n{one[:3000]}\nand SQLite\n{other[:3000]}")
            case.assertEqual(len(pg), len(lite), name)
    db.close()
    return len(names)


# ---- who looks on

libpq = ctypes.CDLL("libpq.so.5")
for name, result in (("connectdb", ctypes.c_void_p), ("exec", ctypes.c_void_p), ("getvalue", ctypes.c_char_p),
                     ("resultErrorMessage", ctypes.c_char_p)):
    getattr(libpq, "PQ" + name).restype = result
TUPLES_OK = 2


class Reader:
    """Asks in one statement what run the schema holds, and how much, over and over: so each answer is of one moment. What is none of
    `wholes`, or "nothing" where that is one, is `wrong`."""
    OF_RUN = "coalesce((SELECT value FROM qidflow_feed WHERE name = 'run'), '-')"
    SQL = (f"SELECT {OF_RUN}, max(run), "
           "(SELECT count(*) FROM q_host_list), (SELECT sum(batch_number) FROM q_host_list), "
           "(SELECT count(*) FROM q_host_list_detection_hosts), (SELECT count(*) FROM q_host_list_detection_qids), "
           "(SELECT sum(batch_number) FROM q_host_list_detection_qids), (SELECT sum(batch_number) FROM q_knowledgebase) FROM qidflow_run")
    COLUMNS = 8

    def __init__(self, server, database, wholes):
        self.to = f"{server.connection(database)} options='-c search_path=qidflow' connect_timeout=20".encode()
        self.wholes, self.wrong, self.seen, self.looks = wholes, [], set(), 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    @classmethod
    def whole(cls, path):
        """What is to be seen of a snapshot."""
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return "|".join(map(str, db.execute(cls.SQL.replace(cls.OF_RUN, "max(run)")).fetchone()))
        finally:
            db.close()

    def _look(self):
        while not self.over.wait(0.02):
            connection = ctypes.c_void_p(libpq.PQconnectdb(self.to))
            while libpq.PQstatus(connection) == 0 and not self.over.wait(0.02):
                self._ask(connection)
            libpq.PQfinish(connection)

    def _ask(self, connection):
        result = ctypes.c_void_p(libpq.PQexec(connection, self.SQL.encode()))
        said = None
        if libpq.PQresultStatus(result) == TUPLES_OK:
            said = "|".join(libpq.PQgetvalue(result, 0, i).decode() for i in range(self.COLUMNS))
        elif b"does not exist" in libpq.PQresultErrorMessage(result):
            said = "nothing"
        libpq.PQclear(result)
        if said:
            self.looks += 1
            self.seen.add(said)
            if said not in self.wholes and len(self.wrong) < 20:
                self.wrong.append(said)

    def close(self):
        assert self.thread.is_alive(), "the reader died"
        self.over.set()
        self.thread.join(60)
