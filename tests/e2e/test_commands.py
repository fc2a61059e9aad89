#!/usr/bin/env python3
"""test_commands.py -- the command line: what is refused and with which remedy, what is printed where, what a terminal shows."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time
import unittest

from harness import BUILD, PASSWORD, ROOT, SLOW, Case, wait_until

PROGRAM = BUILD / "compose/qidflow"
COMMANDS = ("run", "coordinator", "fetcher", "loader", "retry", "cancel", "check", "status", "tail", "export", "config", "help")


class Plain(Case):
    """qidflow as a person would call it: no simulator."""

    def call(self, *words, status=0, env=None, cwd=None, given=os.devnull):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("QIDFLOW_")}
        environment.update(env or {})
        with open(given, encoding="utf-8") as stdin:
            done = subprocess.run([PROGRAM, *[str(w) for w in words]], capture_output=True, text=True, timeout=60, check=False,
                                  stdin=stdin, env=environment, cwd=cwd or self.temp)
        self.assertEqual(done.returncode, status, f"{words}\n{done.stdout}{done.stderr}")
        return done

    def file(self, name, text, mode):
        path = self.temp / name
        path.write_text(text)
        path.chmod(mode)
        return path


class Usage(Plain):
    def test_no_command(self):
        done = self.call(status=2)
        self.assertEqual(done.stdout, "")
        self.assertIn("qidflow help", done.stderr)

    def test_unknown_command(self):
        self.assertIn("did you mean 'status'?", self.call("statsu", status=2).stderr)
        self.assertIn("qidflow help", self.call("frobnicate", status=2).stderr)

    def test_unknown_option(self):
        self.assertIn("did you mean --full?", self.call("run", "--ful", status=2).stderr)
        self.assertIn("--set qualys.url=", self.call("run", "--qualys.url=x", status=2).stderr)
        self.assertIn("help status", self.call("status", "--full", status=2).stderr)
        self.call("run", "today", status=2)
        self.call("run", "--data", status=2)
        self.call("run", "--full=yes", status=2)

    def test_unknown_setting(self):
        done = self.call("config", "--set", "qualys.usrname=me", status=2)
        self.assertIn("did you mean 'qualys.username'?", done.stderr)
        done = self.call("config", "--config", self.file("a.ini", "[batch]\nhosts = 3\nhost = 4\n", 0o644), status=2)
        self.assertRegex(done.stderr, r"a\.ini:3: .*batch\.host'.*batch\.hosts")

    def test_help(self):
        general = self.call("help").stdout
        self.assertEqual(general, self.call("--help").stdout)
        for command in COMMANDS:
            self.assertRegex(general, rf"(?m)^  {command} ")
            self.assertEqual(self.call("help", command).stdout, self.call(command, "--help").stdout)
        self.assertIn("--confirm-purge", self.call("help", "run").stdout)
        self.call("help", "nothing", status=2)
        self.assertRegex(self.call("--version").stdout, r"^qidflow \d+\.\d+")

    def test_the_man_page_names_every_setting_and_option(self):
        names = re.findall(r"(?m)^([a-z][a-z_.]*)(?: = .*| +\[.*)?$", self.call("help", "settings").stdout)
        self.assertGreater(len(names), 40)
        page = (ROOT / "compose/qidflow.1").read_text().replace("\\-", "-")
        self.assertEqual([n for n in names if n not in page], [])
        for command in COMMANDS:
            self.assertIn(f"\n.SY qidflow\n.B {command}\n", page)
            self.assertIn(f"\n.TP\n.B {command}\n", page)
            for option in re.findall(r"--[a-z-]+", self.call("help", command).stdout):
                self.assertIn(option, page)

    def test_missing_settings(self):
        done = self.call("run", status=2)
        self.assertIn("QIDFLOW_QUALYS_URL", done.stderr)
        self.assertIn("QIDFLOW_QUALYS_USERNAME", done.stderr)
        self.assertFalse((self.temp / "qidflow-data").exists(), "made a data folder without settings")
        done = self.call("run", "--set", "qualys.url=https://127.0.0.1:1", "--set", "qualys.username=me", status=2)
        self.assertIn("QIDFLOW_QUALYS_PASSWORD_FILE", done.stderr)


class Secrets(Plain):
    URL = ("--set", "qualys.url=https://127.0.0.1:1", "--set", "qualys.username=me")

    def test_never_an_argument(self):
        for name in ("qualys.password", "kafka.sasl.password"):
            done = self.call("config", "--set", f"{name}=geheim", status=2)
            self.assertIn("never an argument", done.stderr)
            self.assertNotIn("geheim", done.stdout + done.stderr)

    def test_files_that_others_can_read(self):
        password = self.file("password", "geheim\n", 0o644)
        done = self.call("run", *self.URL, "--set", f"qualys.password_file={password}", status=2)
        self.assertIn(f"chmod 600 {password}", done.stderr)
        settings = self.file("q.ini", "[qualys]\npassword = geheim\n", 0o640)
        done = self.call("config", "--config", settings, status=2)
        self.assertIn(f"chmod 600 {settings}", done.stderr)
        self.assertNotIn("geheim", done.stdout + done.stderr)

    def test_config_masks(self):
        settings = self.file("q.ini", "[qualys]\npassword = geheim\n[batch]\nhosts = 9\n[kafka]\nsasl.password = geheim\n", 0o600)
        done = self.call("config", "--config", settings, "--set", "batch.time=5s", env={"QIDFLOW_LOG_LEVEL": "error"})
        self.assertNotIn("geheim", done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("= ***"), 2)
        self.assertRegex(done.stdout, r"(?m)^hosts = 9\t; .*q\.ini:4$")
        self.assertRegex(done.stdout, r"(?m)^time = 5s\t; --set$")
        self.assertRegex(done.stdout, r"(?m)^level = error\t; QIDFLOW_LOG_LEVEL$")
        self.assertRegex(done.stdout, r"(?m)^;keep = 3\t; default$")
        again = self.file("again.ini", done.stdout, 0o600)
        printed = self.call("config", "--config", again).stdout
        self.assertRegex(printed, r"(?m)^hosts = 9\t; .*again\.ini:\d+$")

    def test_order(self):
        settings = self.file("q.ini", "data = from-file\n[log]\nlevel = warn\n", 0o644)
        env = {"QIDFLOW_DATA": "from-environment"}
        self.assertIn(f"\ndata = {self.temp}/from-file\t", self.call("config", "--config", settings).stdout)
        self.assertIn(f"\ndata = {self.temp}/from-environment\t", self.call("config", "--config", settings, env=env).stdout)
        self.assertIn(f"\ndata = {self.temp}/from-line\t", self.call("config", "--data=from-line", "--config", settings, env=env).stdout)

    def test_data_of_a_settings_file(self):
        (self.temp / "etc").mkdir()
        (self.temp / "here").mkdir()
        settings = self.file("etc/q.ini", "data = here\n", 0o644)
        done = self.call("config", "--config", settings, status=2)
        self.assertIn(f"{settings}:1: data is {self.temp}/etc/here", done.stderr)
        self.assertIn(f"{self.temp}/here is", done.stderr)
        self.call("config", "--config", settings, "--data", "here")
        self.assertIn(f"\ndata = {self.temp}/here\t", self.call("config", "--config", "/dev/stdin", given=settings).stdout)

    def test_unknown_variable_is_a_warning(self):
        self.assertIn("QIDFLOW_PASSWORD", self.call("config", env={"QIDFLOW_PASSWORD": "x"}).stderr)


class Folder(Plain):
    def test_status_of_nothing(self):
        done = self.call("status", "--data", self.temp / "none")
        self.assertIn("nothing yet", done.stdout)
        self.assertFalse((self.temp / "none").exists())
        (self.temp / "empty").mkdir()
        self.assertIn("nothing yet", self.call("status", "--data", self.temp / "empty").stdout)
        told = json.loads(self.call("status", "--json", "--data", self.temp / "none").stdout)
        self.assertEqual(told["runs"], [])
        self.assertIsNone(told["database"])

    def test_export_of_nothing(self):
        done = self.call("export", "--data", self.temp / "none", status=1)
        self.assertIn("none/qidflow.sqlite", done.stderr)
        self.assertFalse((self.temp / "none").exists())

    def test_a_file_is_no_folder(self):
        path = self.file("data", "", 0o644)
        env = {"QIDFLOW_QUALYS_PASSWORD": "x"}
        self.assertIn("is not a folder", self.call("run", *Secrets.URL, "--data", path, env=env, status=1).stderr)
        self.assertIn("is not a folder", self.call("run", *Secrets.URL, "--data", path / "x", env=env, status=1).stderr)

    def test_check_without_settings(self):
        done = self.call("check", status=2)
        self.assertRegex(done.stdout, r"(?m)^FAILED +settings .*QIDFLOW_QUALYS_URL")
        self.assertRegex(done.stdout, r"(?m)^ok +database ")
        self.assertFalse((self.temp / "qidflow-data").exists())


class Check(Case):
    def check(self, sim, status, env=None, flags=()):
        done = self.qidflow("check", sim, self.data(), *flags, env=env)
        self.assertEqual(done.wait(60), status, done.out.decode() + done.err)
        return done.out.decode()

    def test_all_is_well(self):
        sim = self.simulator(20)
        out = self.check(sim, 0)
        for line in ("settings", "Host List", "credentials", "clock", "KnowledgeBase", "Detections", "data folder", "database"):
            self.assertRegex(out, rf"(?m)^ok +{line} *: ")
        self.assertEqual(sim.stats()["calls"], 3)
        self.run_qidflow(sim, self.data())
        self.assertIn("read whole", self.check(sim, 0, flags=("--deep",)))

    def test_refused_after_one_call(self):
        sim = self.simulator(20)
        out = self.check(sim, 4, env={"QIDFLOW_QUALYS_PASSWORD": "wrong"})
        self.assertRegex(out, r"(?m)^FAILED +credentials *: .*qidflow")
        self.assertIn(sim.url, out)
        self.assertNotIn("wrong", out)
        self.assertEqual(sim.stats()["calls"], 1)

    def test_nobody_there(self):
        sim = self.simulator(20)
        out = self.check(sim, 1, env={"QIDFLOW_QUALYS_URL": "http://127.0.0.1:1"})
        self.assertRegex(out, r"(?m)^FAILED +Host List ")

    def test_damaged_database(self):
        sim, data = self.simulator(20), self.data()
        data.folder.mkdir()
        data.db.write_bytes(b"this is no database" * 1000)
        self.assertRegex(self.check(sim, 1), r"(?m)^FAILED +database *: .*qidflow\.sqlite")

    def test_clock_off(self):
        sim = self.simulator(20, clock_offset=7200)
        self.assertRegex(self.check(sim, 0), r"(?m)^warn +clock *: .*behind")


class Status(Case):
    def status(self, data):
        plain = self.qidflow("status", None, data)
        self.assertEqual(plain.wait(20), 0, plain.err)
        told = self.qidflow("status", None, data, "--json")
        self.assertEqual(told.wait(20), 0, told.err)
        return plain.out.decode(), json.loads(told.out)

    def test_while_a_run_goes_on_and_after(self):
        sim, data = self.simulator(60, limit=2, latency_ms=300), self.data()
        run = self.qidflow("run", sim, data, settings={"batch.hosts": 5, "batch.hosts.most": 5})
        wait_until("some hosts to have been loaded", lambda: data.batches().get("LOADED"), 60)
        out, told = self.status(data)
        self.assertEqual(run.poll(), None, "the run was over too soon for this test")
        self.assertIn(str(run.pid), out)
        self.assertEqual(told["running"]["pid"], run.pid)
        self.assertEqual(told["runs"][0]["state"], "RUNNING")
        self.assertGreater(sum(b["batches"] for b in told["batches"]), 0)
        self.assertEqual(run.wait(120), 0, run.tail())

        out, told = self.status(data)
        self.assertIsNone(told["running"])
        self.assertEqual(told["runs"][0]["state"], "COMPLETE")
        self.assertEqual(told["tables"]["Q_Host_List"], 60)
        self.assertEqual(told["dead_letters"], [])
        self.assertEqual(told["snapshot"], str(data.latest.resolve()))
        self.assertIn("60", out)


class Terminal(Case):
    def test_live_lines_and_log_lines_above(self):
        sim, data = self.simulator(60, limit=2, latency_ms=200), self.data()
        env = {**os.environ, "TERM": "xterm", "QIDFLOW_QUALYS_URL": sim.url, "QIDFLOW_QUALYS_USERNAME": "qidflow",
               "QIDFLOW_QUALYS_PASSWORD": PASSWORD}
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        run = subprocess.Popen([PROGRAM, "run", "--data", data.folder, "--set", "batch.hosts=5", "--set", "batch.hosts.most=5"],
                               env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        shown = b""
        end = time.monotonic() + (60 if not SLOW else 200)
        try:
            while time.monotonic() < end:
                piece = os.read(ours, 65536)
                shown += piece
        except OSError:  # the other end was closed
            pass
        finally:
            if run.poll() is None and time.monotonic() > end:
                run.kill()
            out = run.communicate(timeout=60)[0]
            os.close(ours)
        self.assertEqual(run.returncode, 0, shown[-2000:])
        self.assertEqual(out, b"")
        text = shown.decode()
        self.assertGreater(len(re.findall(r"Detections +\d+ of \d+ hosts", text)), 3)
        screen = self.screen(text)
        self.assertTrue(all(re.match(r"\d{4}-\d\d-\d\dT", line) for line in screen if line), screen)
        self.assertTrue(any("complete" in line for line in screen), screen)

    def prompted(self, sim, keys):
        """`qidflow check` with a terminal and no password: exit status and all that the terminal showed."""
        settings = ["--set", f"qualys.url={sim.url}", "--set", "qualys.username=qidflow", "--data", str(self.temp / "data")]
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.pop("QIDFLOW_QUALYS_PASSWORD", None)
            os.execv(PROGRAM, [str(PROGRAM), "check", *settings])
        shown = b""
        try:
            while True:
                shown += os.read(terminal, 65536)
                if keys and b"Password of qidflow at " in shown:
                    time.sleep(0.2)  # the prompt comes before the echo goes
                    os.write(terminal, keys)
                    keys = b""
        except OSError:
            pass
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def test_password_prompt(self):
        sim = self.simulator(20)
        status, shown = self.prompted(sim, f"{PASSWORD}\n".encode())
        self.assertEqual(status, 0, shown)
        self.assertNotIn("Sesam", shown)
        self.assertEqual(sim.stats()["calls"], 3)
        status, shown = self.prompted(sim, b"half a pass\x03")
        self.assertEqual(status, 2, shown)
        self.assertIn("there is no password", shown)
        self.assertEqual(sim.stats()["calls"], 3)

    def screen(self, text):
        """What stays on a terminal that is as long as it needs to be."""
        lines, row = [""], 0
        for piece in re.findall(r"\x1b\[\d*[A-Z]|\r|\n|[^\x1b\r\n]+", text):
            if piece == "\n":
                row += 1
                if row == len(lines):
                    lines.append("")
            elif piece == "\r":
                pass
            elif piece.startswith("\x1b") and piece.endswith("A"):
                row -= int(piece[2:-1])
                self.assertGreaterEqual(row, 0)
            elif piece == "\x1b[J":
                lines[row:] = [""]
            else:
                self.assertFalse(piece.startswith("\x1b"), piece)
                lines[row] += piece
        return lines


if __name__ == "__main__":
    unittest.main()
