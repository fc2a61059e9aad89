#!/usr/bin/env python3
"""test_distribute_s3.py -- snapshots get to a bucket, on a server that verifies signatures: whole, once, however they are interrupted."""
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
import unittest
import urllib.request

from harness import Case, wait_until
from targets import S3, Proxy, half_seen, make_snapshot, sha256

SECRET = "wJalr/XUtn+FEMI/K7MDENG="


class Bucket(Case):
    prefix = "some/where"
    options = {}

    def setUp(self):
        super().setUp()
        self.set_up()

    def set_up(self):
        self.data_ = self.data()
        self.s3 = S3(self, **self.options)
        self.proxy = Proxy(socket.create_server(("127.0.0.1", 0)), lambda: socket.create_connection(("127.0.0.1", self.s3.port), 5))
        self.port = self.proxy.listening.getsockname()[1]
        self.addCleanup(self.proxy.close)
        self.set = {"distribute.bucket.type": "s3", "distribute.bucket.bucket": self.s3.bucket, "distribute.bucket.part": "5MiB",
                    "distribute.bucket.endpoint": f"http://127.0.0.1:{self.port}", "distribute.bucket.prefix": self.prefix,
                    "distribute.bucket.pause": "50ms", "distribute.bucket.tries": 1, "distribute.bucket.timeout": "60s",
                    "distribute.bucket.stall": "5s"}

    def distribute(self, *flags, status=0, seconds=60, more=None, env=None, **others):
        env = {"HOME": str(self.temp), **(self.s3.credentials() if env is None else env)}
        process = self.qidflow("distribute", None, self.data_, *flags, settings={**self.set, **(more or {})}, env=env, **others)
        if status is not None:
            ended = process.wait(seconds)
            self.assertEqual(ended, status, process.err)
            self.assert_silent(process.err)
        return process

    def assert_silent(self, text):
        """No secret is in it."""
        for secret in (self.s3.user[1], self.s3.writer[1], SECRET):
            self.assertNotIn(secret, text)

    def check(self, more=None, env=None):
        env = {"HOME": str(self.temp), **(self.s3.credentials() if env is None else env)}
        process = self.qidflow("check", None, self.data_, settings={**self.set, **(more or {})}, env=env)
        process.wait(60)
        self.assert_silent(process.out.decode() + process.err)
        return process.out.decode()

    def read(self, name):
        """As a reader does, an object at a time. None: it is not there, or the server is not."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.s3.port}/-/object/{self.prefix}/{name}", timeout=10) as a:
                return a.read()
        except (OSError, http.client.HTTPException):
            return None

    def reader(self, name):
        name = name.removeprefix(self.prefix + "/")
        for _ in range(500):  # a server that restarts has not lost anything
            content = self.read(name)
            if content is not None:
                return content
            try:
                if self.read(name) is None and self.s3.look("uploads") >= 0:
                    return None
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
        return None

    def assert_holds(self, *snapshots):
        """The newest last: whole, and nothing else in the bucket, no unfinished upload either."""
        there = {key: (o["bytes"], o["sha256"]) for key, o in self.s3.look("list").items()}
        latest = there.pop(f"{self.prefix}/latest.json")
        wanted = {f"{self.prefix}/{name}/{f}": (len(content), sha256(content))
                  for name, files in snapshots for f, content in files.items()}
        self.assertEqual(there, wanted)
        self.assertEqual(json.loads(self.read("latest.json"))["snapshot"], snapshots[-1][0])
        self.assertEqual(latest[1], sha256(self.read("latest.json")))
        self.assertIsNone(half_seen(self.read("latest.json"), self.reader))
        self.assertEqual(self.s3.look("uploads"), 0)

    def puts(self):
        return [line for line in self.s3.look("log") if line.startswith("PUT")]


class Sent(Bucket):
    def test_whole_once_and_kept(self):
        self.set["distribute.bucket.keep"] = 2
        sent = [make_snapshot(self.data_, 0, large=11 << 20)]
        process = self.distribute(more={"distribute.bucket.sse": "AES256", "distribute.bucket.storage_class": "STANDARD_IA"})
        self.assertIn("7 of 7 files", process.err)
        self.assert_holds(*sent)
        for key, o in self.s3.look("list").items():
            self.assertEqual((o["class"], o["encryption"]), ("STANDARD_IA", "AES256"), key)
            self.assertEqual(o["metadata"].get("x-amz-meta-sha256", o["metadata"].get("sha256")), o["sha256"], key)
        parts = [p for p in self.puts() if "partNumber=" in p]
        self.assertEqual(len(parts), 3)
        self.assertTrue(self.puts()[-1].startswith(f"PUT /snapshots/{self.prefix}/latest.json"), self.puts()[-1])
        asked = len(self.s3.look("log"))
        self.assertRegex(self.distribute(more={"distribute.bucket.sse": "AES256",
                                               "distribute.bucket.storage_class": "STANDARD_IA"}).err, "^[^\n]*already$")
        self.assertEqual(sorted(self.s3.look("log")[asked:]), [f"GET /snapshots/{self.prefix}/latest.json? 0"] + sorted(
            f"HEAD /snapshots/{self.prefix}/{sent[0][0]}/{f}? 0" for f in sent[0][1]))
        # Other settings: all of it is made anew, once, also when it is cut in between.
        other = {"distribute.bucket.sse": "none", "distribute.bucket.storage_class": "ONEZONE_IA"}
        before, moment = len(self.puts()), sum(map(len, sent[0][1].values())) - 1000
        self.proxy.after(moment, None, True)
        self.assertRegex(self.distribute(more=other, status=3).err, "INFO .*with other settings: sends it again")
        self.proxy.mend()
        self.distribute(more=other)
        self.assert_holds(*sent)
        self.assertEqual({o["class"] for o in self.s3.look("list").values()}, {"ONEZONE_IA"})
        self.assertLess(len(self.puts()) - before, 8 + 3 + 3, "sent twice")
        for i in range(1, 4):
            sent.append(make_snapshot(self.data_, i, large=1000))
            self.distribute()
            self.assert_holds(*sent[-2:])

    def test_state_that_is_lost(self):
        sent = make_snapshot(self.data_, 1, large=11 << 20)
        self.distribute()
        self.data_.remove("distribute/bucket.db")
        before = len(self.puts())
        self.assertIn("0 of 7 files", self.distribute().err)
        self.assertEqual(len(self.puts()) - before, 1, "more than latest.json was sent again")
        self.assert_holds(sent)
        self.s3.look("empty")
        self.assertRegex(self.distribute().err, "WARN .*is not there any more: some/where/latest.json is missing: sends it again")
        self.assert_holds(sent)
        self.assertIn("0 of 7 files", self.distribute("--again").err)

    def test_some_files_then_others(self):
        """What stays is not sent again, and what is not wanted any more goes, an upload of it too."""
        name, files = make_snapshot(self.data_, 1, large=11 << 20)
        process = self.distribute(status=None)
        wait_until("a part", lambda: any("partNumber" in p for p in self.puts()), 30)
        process.kill()
        process.wait(20)
        some = {"distribute.bucket.files": "*.csv.gz"}
        self.assertIn("4 of 4 files", self.distribute(more=some).err)
        self.assertEqual(self.s3.look("uploads"), 0)
        self.assertIn("4 of 7 files", self.distribute().err)
        self.assert_holds((name, files))
        self.assertIn("1 of 4 files", self.distribute(more=some).err)
        narrow = {n: content for n, content in files.items() if n.endswith(".csv.gz")}
        narrow["manifest.json"] = self.read(f"{name}/manifest.json")
        self.assert_holds((name, narrow))
        self.distribute()
        self.assert_holds((name, files))
        # One is gone, or cut, though latest.json is there.
        for spoil in ("remove", "cut"):
            self.s3.look(f"{spoil}/{self.prefix}/{name}/hosts.csv.gz")
            self.assertIn("already", self.distribute(env=self.s3.credentials("pointer")).err)  # who may not look at it
            said = self.distribute().err
            self.assertRegex(said, f"WARN .*is not there any more: .*/{name}/hosts.csv.gz is missing, or of another size: sends it again")
            self.assertIn("1 of 7 files", said)
            self.assert_holds((name, files))

    def test_odd_prefix(self):
        self.prefix = "a b/ü+&=/%41"
        self.set["distribute.bucket.prefix"] = "/" + self.prefix + "/"
        sent = make_snapshot(self.data_, 1, large=6 << 20)
        self.distribute()
        self.assertEqual(len([k for k in self.s3.look("list") if k.startswith(self.prefix + "/")]), 8)
        self.assertEqual(len(sent[1]), 7)

    def test_without_a_prefix_and_host_style(self):
        self.set["distribute.bucket.prefix"] = ""
        sent = make_snapshot(self.data_, 1, large=6 << 20)
        self.distribute()
        self.assertEqual({k for k in self.s3.look("list")}, {"latest.json"} | {f"{sent[0]}/{f}" for f in sent[1]})
        host = {"distribute.bucket.path_style": "no", "distribute.bucket.endpoint": f"http://localhost:{self.port}"}
        process = self.distribute(more=host)  # another description: another target, where all is there already
        self.assertIn("0 of 7 files", process.err)

    def test_a_key_of_their_own(self):
        """Headers that libcurl before 8.10 signs in the wrong order."""
        sent = make_snapshot(self.data_, 1, large=6 << 20)
        use = {"distribute.bucket.sse": "aws:kms", "distribute.bucket.sse_kms_key_id": "arn:aws:kms:us-east-1:123456789012:key/some-key"}
        self.distribute(more=use)
        self.assert_holds(sent)
        for key, o in self.s3.look("list").items():
            self.assertEqual((o["encryption"], o["key"]), ("aws:kms", use["distribute.bucket.sse_kms_key_id"]), key)
        make_snapshot(self.data_, 2, large=1000)
        wrong = {"AWS_ACCESS_KEY_ID": self.s3.user[0], "AWS_SECRET_ACCESS_KEY": SECRET}
        self.assertIn("SignatureDoesNotMatch", self.distribute(status=3, more=use, env=wrong).err)

    def test_who_may_only_write(self):
        self.assertRegex(self.check(), "ok      bucket .*the bucket answers and can be written, credentials from")
        self.assertEqual([line.split("?")[0] for line in self.s3.look("log")],
                         [f"{m} /snapshots/some/where/{k}" for m, k in (("GET", "latest.json"), ("PUT", ".qidflow-check"), ("DELETE", ".qidflow-check"))])
        self.assertEqual(self.s3.look("list"), {})
        self.assertRegex(self.check(env=self.s3.credentials("reader")), "FAILED  bucket .*PUT .*s3:PutObject")
        sent = make_snapshot(self.data_, 1, large=6 << 20)
        self.distribute(env=self.s3.credentials("writer"))
        self.assert_holds(sent)
        puts = len(self.puts())
        self.assertIn("already", self.distribute(env=self.s3.credentials("writer")).err)
        self.assertEqual(len(self.puts()), puts, "sent again")
        again = make_snapshot(self.data_, 2, large=1000)
        process = self.distribute(env=self.s3.credentials("writer"), more={"distribute.bucket.keep": 1})
        self.assertRegex(process.err, "WARN .*cannot remove what is old")
        self.assert_holds(sent, again)
        # Cut before the last of seven: the next try sends that one, and not those before it.
        cut = make_snapshot(self.data_, 3, large=1000)
        puts = len(self.puts())
        self.proxy.after(sum(map(len, cut[1].values())) - 500, None, True)
        self.distribute(env=self.s3.credentials("writer"), status=3)
        self.proxy.mend()
        self.distribute(env=self.s3.credentials("writer"))
        self.assertLessEqual(len(self.puts()) - puts, 9)
        self.assert_holds(sent, again, cut)
        self.assertRegex(self.check(env=self.s3.credentials("writer")), "warn    bucket .*may not read latest.json.*"
                         "may not remove, so some/where/.qidflow-check stays there")
        self.assertIn("some/where/.qidflow-check", self.s3.look("list"))

    def test_credentials(self):
        sent = make_snapshot(self.data_, 1, large=1000)
        key, secret = self.s3.user
        file = self.temp / ".aws/credentials"
        file.parent.mkdir()
        file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET}\n"
                        f"# a comment\n[other]\naws_access_key_id={key}\r\naws_secret_access_key = {secret}\r\n")
        self.assertIn("SignatureDoesNotMatch", self.distribute(status=3, env={}).err)
        for env, more in (({"AWS_PROFILE": "other"}, {}), ({}, {"distribute.bucket.profile": "other"}),
                          ({"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": SECRET}, {"distribute.bucket.profile": "other"})):
            self.assertIn("the bucket answers", self.check(more, env))
        secret_file = self.temp / "secret"
        secret_file.write_text(secret + "\n")
        use = {"distribute.bucket.access_key": key, "distribute.bucket.secret_key_file": secret_file}
        secret_file.chmod(0o644)
        self.assertIn("chmod 600", self.check(use, {}))
        secret_file.chmod(0o600)
        self.assertIn("the bucket answers", self.check(use, {}))
        private = self.temp / "settings.ini"
        private.write_text(f"[distribute.bucket]\nsecret_key = {secret}\n")
        private.chmod(0o600)
        self.assertIn("neither secret_key nor secret_key_file", self.distribute(
            more={"distribute.bucket.access_key": key}, env={"AWS_ACCESS_KEY_ID": "no"}, status=3).err)
        process = self.qidflow("distribute", None, self.data_, "--config", private,
                               settings={**self.set, "distribute.bucket.access_key": key})
        self.assertEqual(process.wait(60), 0, process.err)
        self.assert_holds(sent)
        config = self.qidflow("config", None, self.data_, "--config", private, settings=self.set)
        config.wait(20)
        self.assert_silent(config.out.decode())
        argument = self.qidflow("config", None, self.data_, "--set", "distribute.bucket.secret_key=x")
        self.assertEqual(argument.wait(20), 2)
        self.assertIn("never an argument", argument.err)


class Refused(Bucket):
    def refused(self, said, **how):
        process = self.distribute(status=3, more={**how.get("more", {}), "distribute.bucket.tries": 5}, env=how.get("env"))
        self.assertRegex(process.err, said)
        self.assertNotIn("again in", process.err, "tried again, though it is of no use")
        self.assertRegex(self.check(how.get("more"), how.get("env")), f"FAILED  bucket .*{said}")

    def test_each_has_a_clear_message(self):
        make_snapshot(self.data_, 1, large=1000)
        key, secret = self.s3.user
        self.refused("the secret key is not the one of this access key", env={"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": SECRET})
        self.refused("does not know the access key", env={"AWS_ACCESS_KEY_ID": "AKIANOBODY0000000000", "AWS_SECRET_ACCESS_KEY": secret})
        self.refused("the bucket is not there: make it", more={"distribute.bucket.bucket": "elsewhere"})
        self.refused("no credentials: set access_key", env={})
        self.refused("plain http would send the data readable", more={"distribute.bucket.endpoint": "http://s3.example.com"})
        self.refused("no URL of a server", more={"distribute.bucket.endpoint": "s3 example"})
        unreachable = self.distribute(status=3, more={"distribute.bucket.endpoint": "http://127.0.0.1:9"})
        self.assertIn("cannot be reached", unreachable.err)

    def test_a_silent_server(self):
        make_snapshot(self.data_, 1, large=1000)
        os.kill(self.s3.process.pid, signal.SIGSTOP)
        began = time.monotonic()
        process = self.distribute(status=3, more={"distribute.bucket.timeout": "3s"})
        os.kill(self.s3.process.pid, signal.SIGCONT)
        self.assertLess(time.monotonic() - began, 8)
        self.assertIn("distribute.bucket.timeout", process.err)
        self.distribute()

    def test_clocks_that_differ(self):
        make_snapshot(self.data_, 1, large=1000)
        for server, word in ((-3000, "ahead of"), (3000, "behind")):
            self.s3.look(f"clock/{server}")
            self.refused(f"this machine's clock is (49|50) min( \\d+ s)? {word} the server's \\(RequestTimeTooSkewed\\): set it")


class Tls(Bucket):
    def setUp(self):
        Case.setUp(self)
        self.pem, key = self.temp / "both.pem", self.temp / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                        "-out", self.pem, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                       check=True, capture_output=True, timeout=60)
        self.pem.write_bytes(self.pem.read_bytes() + key.read_bytes())
        self.options = {"tls": self.pem}
        self.set_up()
        self.set["distribute.bucket.endpoint"] = f"https://localhost:{self.port}"

    def test_a_certificate_is_verified(self):
        make_snapshot(self.data_, 1, large=6 << 20)
        trusted = {"distribute.bucket.ca_file": self.pem}
        self.assertRegex(self.distribute(status=3).err, "its certificate is not trusted: .*see distribute.bucket.ca_file")
        elsewhere = {**trusted, "distribute.bucket.endpoint": f"https://127.0.0.1:{self.port}"}
        self.assertIn("its certificate is not trusted", self.distribute(status=3, more=elsewhere).err)
        self.assertIn("7 of 7 files", self.distribute(more=trusted).err)


class Resumed(Bucket):
    def test_parts_are_not_sent_twice(self):
        sent = make_snapshot(self.data_, 1, large=21 << 20)  # five parts
        process = self.distribute(status=None)
        wait_until("two parts", lambda: sum("partNumber" in p for p in self.puts()) >= 2, 30)
        process.kill()
        process.wait(20)
        before = {p for p in self.puts() if "partNumber=" in p}
        self.assertLess(len(before), 5)
        self.distribute()
        numbers = [p.partition("partNumber=")[2].partition("&")[0] for p in self.puts() if "partNumber=" in p]
        self.assertLessEqual(len(numbers), 6, numbers)  # one may have been under way
        self.assertEqual(len({p.partition("uploadId=")[2].split()[0] for p in self.puts() if "partNumber=" in p}), 1)
        self.assert_holds(sent)

    def test_an_upload_that_is_not_gone_on_with(self):
        make_snapshot(self.data_, 1, large=21 << 20)
        process = self.distribute(status=None)
        wait_until("a part", lambda: any("partNumber" in p for p in self.puts()), 30)
        process.kill()
        process.wait(20)
        self.assertEqual(self.s3.look("uploads"), 1)
        newer = make_snapshot(self.data_, 2, large=1000)
        self.distribute()
        self.assert_holds(newer)

    def test_an_upload_whose_id_was_not_noted(self):
        sent = make_snapshot(self.data_, 1, large=6 << 20)
        process = self.distribute(status=None)
        wait_until("the upload", lambda: any("uploads=" in p for p in self.s3.look("log")), 30)
        process.kill()
        process.wait(20)
        db = sqlite3.connect(self.data_.folder / "distribute/bucket.db")
        db.execute("UPDATE s3_upload SET upload = ''")
        db.commit()
        db.close()
        self.distribute()
        self.assert_holds(sent)


if __name__ == "__main__":
    unittest.main()
