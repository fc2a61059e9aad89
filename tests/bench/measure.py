"""measure.py -- runs a process and says what it used; starts the simulator; reads what a run left.

CPU is that of the process alone (wait4), the busiest thread's is looked at in /proc while it runs. A machine's speed
changes from minute to minute, so who compares lets the two take turns and looks at the ratio of each pair."""
import json
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

PATH = "/api/5.0/fo/asset/host/vm/detection/"
FORM = {"action": "list", "truncation_limit": "0", "status": "New,Active,Re-Opened,Fixed", "show_igs": "1",
        "show_results": "1", "show_reopened_info": "1", "show_qds": "1", "show_qds_factors": "1", "show_asset_id": "1",
        "arf_kernel_filter": "1", "include_ignored": "1", "include_disabled": "1"}
TICK = os.sysconf("SC_CLK_TCK")


class Run:
    """A process from its start to its end."""

    def __init__(self, args, err, env=None, cwd=None):
        began = time.monotonic()
        with open(err, "w", encoding="utf-8") as log:
            process = subprocess.Popen([str(a) for a in args], env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=log)
        self.busiest = watch_threads(process)
        self.out = process.stdout.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.wall = time.monotonic() - began
        self.cpu = used.ru_utime + used.ru_stime
        self.peak_mib = used.ru_maxrss / 1024
        if process.returncode:
            sys.exit(f"{args[0]} failed ({process.returncode}): {pathlib.Path(err).read_text(encoding='utf-8')[-800:]}")


def watch_threads(process):
    """CPU seconds of the thread that used most, until the process has ended (what it says fits into a pipe)."""
    used = {}
    while not is_ended(process.pid):
        for task in pathlib.Path(f"/proc/{process.pid}/task").glob("*/stat"):
            try:
                fields = task.read_text(encoding="utf-8").rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            used[task.parent.name] = (int(fields[11]) + int(fields[12])) / TICK
        time.sleep(0.02)
    return max(used.values(), default=0)


def is_ended(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Simulator:
    def __init__(self, build, folder, hosts, *options):
        port = folder / "port"
        port.unlink(missing_ok=True)
        args = [build / "tests/qualys_sim/qualys_sim", "--port-file", port, "--die-with-parent", "--seconds", 7200,
                "--no-traps", "--hosts", hosts, *options]
        self.process = subprocess.Popen([str(a) for a in args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not port.exists():
            if self.process.poll() is not None or time.monotonic() > until:
                sys.exit("the simulator does not start")
            time.sleep(0.05)
        self.url = f"http://127.0.0.1:{port.read_text(encoding='utf-8').strip()}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return answer.read()

    def stats(self):
        return json.loads(self.get("/stats"))

    def save_answer(self, path):
        """All detections in one answer, into a file."""
        request = urllib.request.Request(self.url + PATH, data=urllib.parse.urlencode(FORM).encode(), headers={
            "X-Requested-With": "bench", "Authorization": "Basic c2ltOnNpbQ=="})
        with urllib.request.urlopen(request, timeout=600) as answer, open(path, "wb") as to:
            shutil.copyfileobj(answer, to)


class Bench:
    """What all tables need: programs, a folder, how much there is to do."""

    def __init__(self, build, binary, folder, quick):
        self.build, self.binary, self.folder, self.quick = build, binary, folder, quick
        self.bare_program = build / "tests/bench/bench_bare"
        self.stages_program = build / "tests/bench/bench_stages"

    def simulator(self, hosts, *options):
        return Simulator(self.build, self.folder, hosts, *options)

    def qidflow(self, url, name, *settings, fresh=True, formats="none"):
        """`qidflow run` into the data folder `name`; what it asked for is in gb and detections."""
        data = self.folder / name
        if fresh:
            shutil.rmtree(data, ignore_errors=True)
        env = dict(os.environ, QIDFLOW_QUALYS_URL=url, QIDFLOW_QUALYS_USERNAME="sim", QIDFLOW_QUALYS_PASSWORD="sim")
        args = [self.binary, "run", "--data", data, "--set", f"publish.formats={formats}"]
        for s in settings:
            args += ["--set", s]
        run = Run(args, self.folder / "err", env)
        with sqlite3.connect(data / "qidflow.sqlite") as db:
            run.gb, run.detections, run.calls = (value or 0 for value in db.execute(
                "SELECT xml_bytes / 1e9, detections, calls FROM qidflow_run ORDER BY run DESC").fetchone())
        db.close()
        return run

    def bare(self, url, *how):
        for old in self.folder.glob("bare.db*"):
            old.unlink()
        run = Run([self.bare_program, url + PATH, "sim:sim", self.folder / "bare.db", *how], self.folder / "err")
        xml_bytes, detections = re.fullmatch(r"(\d+) (\d+)\s*", run.out).groups()
        run.gb, run.detections = int(xml_bytes) / 1e9, int(detections)
        return run

    def stages(self, *args):
        """What bench_stages tells, a list of (stage, CPU seconds, bytes, rows)."""
        out = Run([self.stages_program, *args], self.folder / "err").out
        return [(name, float(cpu), int(size), int(rows)) for name, cpu, size, rows in
                (line.split() for line in out.splitlines())]


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f} .. {max(values):.2f})"
