#!/usr/bin/env python3
"""test_distribute.py -- snapshots get to directories and programs: whole, once, however they are interrupted."""
import json
import os
import signal
import subprocess
import time
import unittest

from harness import BUILD, SLOW, Case, say, wait_until
from targets import Watcher, half_seen, is_held, make_snapshot, sha256

QUICK = {"pause": "50ms", "tries": 2, "timeout": "60s"}


def settings(name, **values):
    return {f"distribute.{name}.{key}": value for key, value in {**QUICK, **values}.items()}


class Target(Case):
    def setUp(self):
        super().setUp()
        self.data_ = self.data()
        self.share = self.temp / "share"
        self.share.mkdir()
        self.set = settings("share", path=self.share)

    def distribute(self, *names, status=0, seconds=60, settings=None, **more):
        process = self.qidflow("distribute", None, self.data_, *names, settings=settings or self.set, **more)
        if status is not None:
            ended = process.wait(seconds * (4 if SLOW else 1))
            self.assertEqual(ended, status, process.err)
        return process

    def status(self, name="share", settings=None):
        p = self.qidflow("status", None, self.data_, "--json", settings=settings or self.set)
        self.assertEqual(p.wait(30), 0, p.err)
        return next(t for t in json.loads(p.out)["distribute"] if t["name"] == name)

    def read(self, name):
        try:
            return (self.share / name).read_bytes()
        except OSError:
            return None

    def assert_holds(self, name, files, also=()):
        """The whole snapshot, once, and nothing else but `also`."""
        self.assertEqual({p.name: p.read_bytes() for p in (self.share / name).iterdir()}, files)
        self.assertIsNone(half_seen(self.read("latest.json"), self.read))
        self.assertEqual(json.loads(self.read("latest.json"))["snapshot"], name)
        there = {p.name for p in self.share.iterdir()}
        self.assertEqual(there - {"latest"}, {name, "latest.json", *also})


class Directory(Target):
    def test_whole_once_and_kept(self):
        names = []
        for i in range(5):
            name, files = make_snapshot(self.data_, i, large=100_000)
            names.append(name)
            process = self.distribute(settings={**self.set, "distribute.share.keep": 3})
            self.assertIn("7 of 7 files", process.err)
            self.assert_holds(name, files, names[-3:-1])
            self.assertEqual(os.readlink(self.share / "latest"), name)
        before = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in self.share.rglob("*")}
        self.assertRegex(self.distribute().err, f"^[^\n]* INFO .*{name} is at directory {self.share} already$")
        self.assertEqual({p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in self.share.rglob("*")}, before)
        said = self.status()
        self.assertEqual((said["state"], said["sent"], said["error"], said["remedy"]), ("sent", name, None, None))

    def test_what_is_gone_there_is_sent_again(self):
        name, files = make_snapshot(self.data_, 1, large=1000)
        self.distribute()

        def spoil_latest():
            (self.share / "latest.json").write_text('{"snapshot": "other"}')
        for spoil, said, copied in (((self.share / name / "hosts.jsonl.gz").unlink, "hosts.jsonl.gz is missing", 7),
                                    ((self.share / "latest.json").unlink, "latest.json is missing", 0),
                                    (spoil_latest, "latest.json names another snapshot", 0)):
            spoil()
            err = self.distribute().err
            self.assertRegex(err, f"WARN .*{name} was sent to directory .* is not there any more: .*{said}.*: sends it again")
            self.assertIn(f"{copied} of 7 files", err)
            self.assert_holds(name, files)
        # A question that cannot be asked is a try that failed.
        away = self.share.rename(self.temp / "away")
        self.assertRegex(self.distribute(status=3).err, f"{self.share} could not be asked whether it holds {name}: .*"
                         "is the share mounted.*again in 50 ms")
        self.assertEqual((self.status()["state"], self.status()["remedy"]), ("failed", "qidflow distribute share"))
        away.rename(self.share)
        self.assertIn("already", self.distribute().err)
        self.assertEqual((self.status()["state"], self.status()["error"]), ("sent", None))
        # As an empty mount point on this machine's disk is; who emptied it on purpose says so.
        subprocess.run(["find", self.share, "-mindepth", "1", "-delete"], check=True)
        self.assertRegex(self.distribute(status=3).err, "latest.json is gone, .*mount it, or, .*`qidflow distribute --again share`")
        self.assertEqual(list(self.share.iterdir()), [])
        self.assertIn("7 of 7 files", self.distribute("--again", "share").err)
        self.assert_holds(name, files)
        # What no question finds.
        spoilt = self.share / name / "hosts.csv.gz"
        spoilt.write_bytes(bytes(len(files["hosts.csv.gz"])))
        self.assertIn("already", self.distribute("share").err)
        self.assertIn("7 of 7 files", self.distribute("--again", "share").err)
        self.assert_holds(name, files)

    def test_other_settings_are_sent_again_and_latest_never_dangles(self):
        name, files = make_snapshot(self.data_, 1)
        self.distribute(settings={**self.set, "distribute.share.files": "hosts.*"})
        watcher = Watcher(self.share / "latest/manifest.json")
        said = self.distribute().err
        watcher.close()
        self.assertEqual(watcher.misses, 0, f"of {watcher.looks} looks")
        self.assertIn(f"{name} was sent to directory {self.share} with other settings", said)
        self.assertIn("7 of 7 files", said)
        self.assert_holds(name, files)
        self.assertGreater(watcher.looks, 100)

    def test_two_databases_leave_each_others_copies(self):
        name, files = make_snapshot(self.data_, 1, large=1000)
        most = max(map(len, files.values())) - 1
        self.distribute(status=3, wrapper=["env", "--ignore-signal=XFSZ", "prlimit", f"--fsize={most}"])
        left = {p.stat().st_ino for p in self.share.glob(f".tmp-*{name}/*")}
        self.assertGreater(len(left), 1)
        data, self.data_ = self.data_, self.data("other")
        other, _ = make_snapshot(self.data_, 2, large=1000, database="d2")
        self.distribute()
        self.assertEqual({p.stat().st_ino for p in self.share.glob(f".tmp-*{name}/*")}, left)
        self.data_ = data
        self.distribute()
        self.assert_holds(name, files, (other,))
        # Of the same second: the first one's stays.
        self.data_ = self.data("third")
        make_snapshot(self.data_, 1, large=1000, database="d3")
        said = self.distribute(status=3).err
        self.assertRegex(said, f"{name} is a snapshot of another database: give each its own path")
        self.assertNotIn("again in", said)
        self.assert_holds(name, files, (other,))

    def test_foreign_files_stay(self):
        (self.share / "notes.txt").write_text("ours")
        (self.share / "2026").mkdir()
        (self.share / ".tmp-notes.txt").write_text("ours")
        (self.share / ".tmp-work").mkdir()
        for name, manifest in (("20200101T000000Z", None), ("20200102T000000Z", '{\n  "database": "d2"\n}'),
                               (".tmp-20200103T000000Z", '{"database": "d1"}'),  # as versions before named what they made
                               (".tmp-20200103T000000Z-x", '{"database": "d1"}'),
                               (".tmp-20200104T000000Z", '{"database": "d2"}'), (".tmp-20200105T000000Z", None)):
            (self.share / name).mkdir()
            (self.share / name / "human.txt").write_text("ours")
            if manifest:
                (self.share / name / "manifest.json").write_text(manifest)
        for i in range(3):
            name, files = make_snapshot(self.data_, i, large=1000)
            self.distribute(settings={**self.set, "distribute.share.keep": 1})
        self.assert_holds(name, files, ("notes.txt", "2026", ".tmp-notes.txt", ".tmp-work", "20200101T000000Z", "20200102T000000Z",
                                        ".tmp-20200103T000000Z-x", ".tmp-20200104T000000Z", ".tmp-20200105T000000Z"))

    def test_some_files(self):
        name, files = make_snapshot(self.data_, 1, large=1000)
        self.distribute(settings={**self.set, "distribute.share.files": "hosts.* *.sqlite"})
        self.assertEqual({p.name for p in (self.share / name).iterdir()},
                         {"hosts.csv.gz", "hosts.jsonl.gz", "vulnerabilities.sqlite", "manifest.json"})
        self.assertIsNone(half_seen(self.read("latest.json"), self.read))
        sent = json.loads((self.share / name / "manifest.json").read_text())
        self.assertEqual(sent["run"], json.loads(files["manifest.json"])["run"])
        newer, _ = make_snapshot(self.data_, 2, large=1000)
        self.distribute(settings={**self.set, "distribute.share.files": "hosts.* *.sqlite", "distribute.share.keep": 1})
        self.assertEqual({p.name for p in self.share.iterdir()}, {newer, "latest", "latest.json"})

    def test_another_path_is_another_target(self):
        name, files = make_snapshot(self.data_, 1, large=1000)
        self.distribute()
        self.share = self.temp / "other"
        self.share.mkdir()
        self.set = settings("share", path=self.share)
        self.distribute()
        self.assert_holds(name, files)

    def test_state_that_is_lost(self):
        name, files = make_snapshot(self.data_, 1)
        self.distribute()
        inodes = {p.name: p.stat().st_ino for p in (self.share / name).iterdir()}
        self.data_.remove("distribute/share.db")
        self.assertIn("0 of 7 files", self.distribute().err)
        self.assertEqual({p.name: p.stat().st_ino for p in (self.share / name).iterdir()}, inodes)
        self.assert_holds(name, files)

    def test_spoilt_there_and_here(self):
        name, files = make_snapshot(self.data_, 1, large=1000)
        self.distribute()
        (self.share / name / "hosts.csv.gz").write_bytes(b"spoilt")
        self.data_.remove("distribute/share.db")
        self.assertIn("7 of 7 files", self.distribute().err)
        self.assert_holds(name, files)
        second, _ = make_snapshot(self.data_, 2, large=1000)
        (self.data_.folder / "publish" / second / "hosts.csv.gz").write_bytes(b"spoilt")
        self.assertIn("is damaged", self.distribute(status=3).err)
        self.assertEqual(json.loads(self.read("latest.json"))["snapshot"], name)

    def test_not_mounted(self):
        make_snapshot(self.data_, 1, large=1000)
        gone = settings("share", path=self.temp / "nowhere")
        process = self.distribute(status=3, settings=gone)
        self.assertIn("is the share mounted?", process.err)
        self.assertFalse((self.temp / "nowhere").exists())
        said = self.status(settings=gone)
        self.assertEqual((said["state"], said["tries"], said["sent"]), ("failed", 2, None))
        self.assertIn("is the share mounted?", said["error"])
        self.assertIsNotNone(said["failing_since"])
        check = self.qidflow("check", None, self.data_, settings=gone)
        check.wait(30)
        self.assertRegex(check.out.decode(), "FAILED  share .*is the share mounted")
        # The empty mount point looks like any folder: a word at check, and at the first snapshot that it takes.
        check = self.qidflow("check", None, self.data_, settings=self.set)
        check.wait(30)
        self.assertRegex(check.out.decode(), "warn    share .*can be written.* is the share mounted\\?")
        use = {**self.set, "distribute.share.mounted": "yes"}
        self.assertRegex(self.distribute(status=3, settings=use).err, "nothing is mounted at .*distribute.share.mounted.*again in 50 ms")
        self.assertEqual(list(self.share.iterdir()), [])
        self.assertRegex(self.distribute().err, "WARN .*is the share mounted\\? distribute.share.mounted=yes")
        make_snapshot(self.data_, 2, large=1000)
        self.assertNotIn("WARN", self.distribute().err)

    def test_no_right_to_write(self):
        make_snapshot(self.data_, 1, large=1000)
        self.share.chmod(0o555)
        mortal = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else ()
        said = self.distribute(status=3, wrapper=mortal).err
        self.assertRegex(said, "cannot .*Permission denied: this user needs the right to write there")
        self.assertNotIn("again in", said)
        check = self.qidflow("check", None, self.data_, settings=self.set, wrapper=mortal)
        check.wait(30)
        self.assertRegex(check.out.decode(), "FAILED  share .*this user needs the right to write there")
        self.share.chmod(0o755)

    def test_share_without_links(self):
        shim = {"LD_PRELOAD": str(BUILD / "tests/e2e/libshare_shim.so"), "SHARE": str(self.share), "SHARE_LINKS": "no"}
        for i in range(2):
            name, files = make_snapshot(self.data_, i, large=1000)
            process = self.distribute(env=shim, settings={**self.set, "distribute.share.keep": 1})
            self.assertIn("the share has no symbolic links", process.err)
            self.assert_holds(name, files)
        self.assertFalse(os.path.lexists(self.share / "latest"))
        more = {**self.set, "distribute.share.files": "*.sqlite"}  # nor can names be exchanged there
        self.assertIn("2 of 2 files", self.distribute(env=shim, settings=more).err)
        # Killed where the old folder is renamed away and the new one is not yet there: the next start has it back at once.
        self.distribute(status=-signal.SIGKILL, env={**shim, "SHARE_KILL_RENAME": str(self.share / name)})
        self.assertFalse((self.share / name).exists())
        made = next(self.share.glob(f".tmp-????????-{name}"))
        most = len(files["hosts.csv.gz"]) - 1
        (made / "hosts.csv.gz").unlink()
        self.distribute(status=3, env=shim, wrapper=["env", "--ignore-signal=XFSZ", "prlimit", f"--fsize={most}"])
        self.assertIsNone(half_seen(self.read("latest.json"), self.read))
        self.assertEqual({p.name for p in (self.share / name).iterdir()}, {"vulnerabilities.sqlite", "manifest.json"})
        self.distribute(env=shim)
        self.assert_holds(name, files)


class Program(Target):
    def program(self, text, **more):
        path = self.temp / "program"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return settings("prog", type="command", command=path, **more)

    def test_environment(self):
        name, _ = make_snapshot(self.data_, 1, large=1000)
        use = self.program('echo "$QIDFLOW_TARGET $QIDFLOW_SNAPSHOT $1|$2"; cp "$QIDFLOW_MANIFEST" "$OUT"; '
                           'ls "$QIDFLOW_SNAPSHOT_FOLDER" | wc -l; echo "<$QIDFLOW_QUALYS_PASSWORD>"; '
                           'echo "sum $QIDFLOW_SNAPSHOT_SHA256"\n')
        use["distribute.prog.command"] = f"{self.temp}/program 'a  b' $HOME"
        process = self.distribute(settings=use, env={"OUT": str(self.temp / "out")})
        self.assertIn(f"prog {name} a  b|$HOME", process.err)
        self.assertRegex(process.err, "(?m)distribute prog: 7$")
        self.assertIn("prog: <>", process.err)
        self.assertEqual((self.temp / "out").read_bytes(), (self.data_.latest / "manifest.json").read_bytes())
        self.assertIn(f"sum {sha256((self.temp / 'out').read_bytes())}", process.err)
        again = self.distribute(settings=use)
        self.assertRegex(again.err, "^[^\n]*already$", "it ran twice")
        use["distribute.prog.command"] += " more"
        self.assertIn(f"prog {name} a  b|$HOME", self.distribute(settings=use, env={"OUT": str(self.temp / "out")}).err)

    def test_what_it_prints_is_bounded(self):
        make_snapshot(self.data_, 1, large=1000)
        use = self.program("head -c 100000 /dev/zero | tr '\\0' x; printf '\\n\\033[31mred\\302\\233m \\377\\000end'\n")
        lines = self.distribute(settings=use).err.splitlines()
        self.assertRegex(lines[0], "prog: x{999}…$")
        self.assertTrue(lines[1].endswith("prog:  [31mred  m ? end"), lines[1])
        self.assertEqual(self.status("prog", use)["how"], " [31mred  m ? end")

    def test_fails_then_works(self):
        make_snapshot(self.data_, 1, large=1000)
        use = self.program(f"[ -e {self.temp}/second ] && exit 0; touch {self.temp}/second; echo wrong >&2; exit 9\n")
        process = self.distribute(settings=use)
        self.assertRegex(process.err, "WARN .*ended with status 9: wrong; again in 50 ms")
        self.assertRegex(process.err, "INFO .*is at command")
        missing = settings("prog", type="command", command="/nowhere/program")
        self.assertRegex(self.distribute(settings=missing, status=3).err, "cannot run /nowhere/program: No such file")

    def test_hangs_and_is_ended_with_all_that_it_started(self):
        make_snapshot(self.data_, 1, large=1000)
        use = self.program(f"trap '' TERM; sleep 300 & echo $! >{self.temp}/child; sleep 300\n", timeout="1s")
        began = time.monotonic()
        process = self.distribute(settings=use, status=3)
        self.assertLess(time.monotonic() - began, 8)
        self.assertIn("distribute.prog.timeout", process.err)
        child = int((self.temp / "child").read_text())
        wait_until("the end of what it started", lambda: not os.path.exists(f"/proc/{child}/exe"), 5)

    def test_one_that_outlives_qidflow_keeps_others_away(self):
        name, _ = make_snapshot(self.data_, 1, large=1000)
        use = self.program(f"echo x >>{self.temp}/begun; sleep 3\n", timeout="1s")
        first = self.distribute(settings={**use, "distribute.prog.timeout": "60s"}, status=None)
        wait_until("the program", (self.temp / "begun").exists, 10)
        first.kill()
        first.wait(10)
        self.assertTrue(is_held(self.data_, name), "publish.keep would remove it under the program")
        self.assertIn("another process sends to it", self.distribute(settings=use, status=3).err)
        self.assertEqual((self.temp / "begun").read_text(), "x\n")
        self.distribute(settings={**use, "distribute.prog.timeout": "20s"})
        self.assertEqual((self.temp / "begun").read_text(), "x\nx\n")
        self.assertFalse(is_held(self.data_, name))


class Run(Target):
    def test_targets_that_hang_or_fail_touch_no_other(self):
        """One hangs in the kernel, one is silent, one fails; the fourth is served, and the run ends with 3 in time."""
        shim = {"LD_PRELOAD": str(BUILD / "tests/e2e/libshare_shim.so"), "SHARE": str(self.temp / "gone"),
                "SHARE_AT": "1", "SHARE_THEN": "hang"}
        (self.temp / "gone").mkdir()
        use = {**self.set, **settings("gone", path=self.temp / "gone", timeout="1s"),
               **settings("silent", type="command", command="sleep 100", timeout="1s"),
               **settings("wrong", type="command", command="false")}
        sim = self.simulator(10)
        began = time.monotonic()
        run = self.run_qidflow(sim, self.data_, settings=use, env=shim, status=3)
        say(f"a run with a target that hangs ended after {time.monotonic() - began:.1f} s")
        self.assertLess(time.monotonic() - began, 30)
        self.assertRegex(run.err, "gone: it hangs")
        self.assertNotIn("exit handlers run", run.err)
        name = os.readlink(self.data_.latest)
        self.assertIsNone(half_seen(self.read("latest.json"), self.read))
        states = {n: self.status(n, use) for n in ("share", "gone", "silent", "wrong")}
        self.assertEqual({n: s["state"] for n, s in states.items()},
                         {"share": "sent", "gone": "failed", "silent": "failed", "wrong": "failed"})
        self.assertEqual(states["share"]["sent"], name)
        plain = self.qidflow("status", None, self.data_, settings=use)
        plain.wait(20)
        self.assertRegex(plain.out.decode(), f"gone +directory +failed.*\n.*failing for.*\n +`qidflow distribute gone` sends {name}")
        # Who catches up is served, and the others are not sent to again.
        only = {k: v for k, v in use.items() if not k.startswith(("distribute.silent", "distribute.wrong"))}
        again = self.distribute(settings=only)
        self.assertIn("distribute gone", again.err)
        self.assertRegex(again.err, "distribute share: .*already")
        self.assertEqual({p.name for p in (self.temp / "gone").iterdir()}, {name, "latest", "latest.json"})

    def test_a_run_distributes_each_snapshot(self):
        sim = self.simulator(10)
        self.run_qidflow(sim, self.data_, settings=self.set)
        first = json.loads(self.read("latest.json"))["snapshot"]
        time.sleep(1.1)  # snapshots are named by the second
        self.run_qidflow(sim, self.data_, settings=self.set)
        second = json.loads(self.read("latest.json"))["snapshot"]
        self.assertEqual(second, os.readlink(self.data_.latest))
        self.assertNotEqual(first, second)

    def test_wrong_settings_begin_no_run(self):
        sim = self.simulator(10)
        for use, said in ((settings("a", type="directory"), "path is not set"), (settings("a", type="s3"), "bucket is not set"),
                          (settings("a", type="command", command="'x"), "in \"quotes\"")):
            run = self.run_qidflow(sim, self.data_, settings=use, status=2)
            self.assertIn(said, run.err)
        self.assertEqual(sim.stats()["calls"], 0)
        missing = self.distribute("shaer", status=2)
        self.assertIn("did you mean 'share'?", missing.err)
        self.assertIn("no snapshot yet", self.distribute(status=1).err)

    def test_a_slow_target_keeps_no_run_waiting(self):
        """While the first run sends, two more publish and wait to send; what is being sent stays, and the newest follows it."""
        sim, release, sent = self.simulator(10), self.temp / "release", self.temp / "sent"
        slow = {"publish.keep": 1, **settings("slow", type="command", command=f"sh -c 'echo $QIDFLOW_SNAPSHOT >>{sent}; until [ -e {release} ]; "
                                              "do sleep 0.05; done; test -f \"$QIDFLOW_MANIFEST\"'")}
        names, running = [], []
        for _ in range(3):
            running.append(self.qidflow("run", sim, self.data_, settings=slow))
            wait_until("a snapshot", lambda: self.data_.latest.is_symlink() and os.readlink(self.data_.latest) not in names, 30)
            names.append(os.readlink(self.data_.latest))
            wait_until("the next one's turn", lambda: sent.exists() and (len(names) == 1 or "waits for it" in running[-1].err), 30)
        self.assertEqual([p.poll() for p in running], [None] * 3)
        self.assertTrue((self.data_.folder / "publish" / names[0]).is_dir(), "removed while it was sent")
        self.assertFalse((self.data_.folder / "publish" / names[1]).exists())
        release.touch()
        self.assertEqual([p.wait(20) for p in running], [0] * 3, running[-1].err)
        self.assertEqual(sent.read_text().split(), [names[0], names[2]])
        self.run_qidflow(sim, self.data_, settings={"publish.keep": 1})
        self.assertFalse((self.data_.folder / "publish" / names[0]).exists())


if __name__ == "__main__":
    unittest.main()
