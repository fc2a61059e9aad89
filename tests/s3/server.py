#!/usr/bin/env python3
"""server.py -- an S3 server on 127.0.0.1 that verifies signatures, for the tests; moto does the work.

  build/s3/bin/python tests/s3/server.py FOLDER [--port N] [--tls FILE]

FOLDER/ready.json says port and keys once it answers: of `user`, who may do anything, of `writer`, who may only put, of
`reader`, and of `pointer`, who may put, and get latest.json alone. The bucket is `snapshots`, and what is in it outlives the
server (FOLDER/state). Beside what moto checks (signatures, policies, parts and their sizes) a body must be whole, and have the
sums that its headers say; and the clock of a signature must be within 15 minutes of this server's. FILE: certificate and key, for https.

Not signed, for who looks from outside: GET /-/list is a JSON object of all objects, GET /-/uploads the number of uploads
that are not finished, GET /-/object/KEY an object, GET /-/log what was asked for. GET /-/empty removes all objects,
GET /-/remove/KEY one, GET /-/cut/KEY its last byte, GET /-/clock/N sets the server's clock N seconds off.
"""
import argparse
import base64
import datetime
import hashlib
import io
import json
import os
import pickle
import resource
import threading
from pathlib import Path

os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "0"
os.environ["MOTO_S3_CUSTOM_ENDPOINTS"] = ""

from moto.iam.models import iam_backends  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app  # noqa: E402
from moto.s3.models import s3_backends  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

ACCOUNT, BUCKET, SKEW_S = "123456789012", "snapshots", 900
POLICIES = {"user": ["s3:*"], "writer": ["s3:PutObject"], "reader": ["s3:Get*", "s3:List*"], "pointer": ["s3:PutObject"]}


def error(status, code, message, start):
    body = f"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body.encode()]


class Server:
    def __init__(self, folder):
        self.folder, self.clock = folder, 0
        self.app = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.Lock()
        self.log = []
        self.s3 = s3_backends[ACCOUNT]["aws"]
        self.keys = {}
        saved = folder / "state"
        state = pickle.loads(saved.read_bytes()) if saved.exists() else None
        self.make_users(state)
        if state:
            self.s3.buckets = state["buckets"]
            for name in self.s3.buckets:
                s3_backends.bucket_accounts[name] = ("aws", ACCOUNT)
        else:
            self.s3.create_bucket(BUCKET, "us-east-1")
            self.save()

    def make_users(self, state):
        iam = iam_backends[ACCOUNT]["aws"]
        for name, actions in POLICIES.items():
            iam.create_user("us-east-1", name)
            key = iam.create_access_key(name)
            if state:
                key.access_key_id, key.secret_access_key = state["keys"][name]
            allowed = [{"Effect": "Allow", "Action": actions, "Resource": "*"}]
            if name == "pointer":
                allowed.append({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::*/latest.json"})
            iam.put_user_policy(name, "all", json.dumps({"Version": "2012-10-17", "Statement": allowed}))
            self.keys[name] = (key.access_key_id, key.secret_access_key)

    def save(self):
        """What it keeps for its next start is not on the disk of its objects, so is not under that one's limit."""
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits[1], limits[1]))
        made = self.folder / "state.tmp"
        made.write_bytes(pickle.dumps({"buckets": self.s3.buckets, "keys": self.keys}))
        made.rename(self.folder / "state")
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    def look(self, path, start):
        objects = self.s3.buckets[BUCKET].keys
        if path == "/-/list":
            answer = {key: {"bytes": objects[key].size, "sha256": hashlib.sha256(objects[key].value).hexdigest(),
                            "class": objects[key].storage_class, "encryption": objects[key].encryption, "key": objects[key].kms_key_id,
                            "checksum": objects[key].checksum_value, "metadata": dict(objects[key].metadata)}
                      for key in list(objects)}
        elif path == "/-/uploads":
            answer = len(self.s3.buckets[BUCKET].multiparts)
        elif path == "/-/empty":
            objects.clear()
            self.save()
            answer = None
        elif path.startswith("/-/remove/"):
            objects.pop(path[len("/-/remove/"):])
            self.save()
            answer = None
        elif path.startswith("/-/cut/"):
            cut = objects[path[len("/-/cut/"):]]
            cut.value = cut.value[:-1]
            self.save()
            answer = None
        elif path.startswith("/-/object/"):
            key = path[len("/-/object/"):].encode("latin-1").decode()
            if key not in objects:
                return error("404 Not Found", "NoSuchKey", key, start)
            start("200 OK", [("Content-Length", str(objects[key].size))])
            return [objects[key].value]
        elif path.startswith("/-/clock/"):
            answer = self.clock = int(path[len("/-/clock/"):])
        else:
            answer = self.log
        body = json.dumps(answer).encode()
        start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def wrong(self, environ, body, start):
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.clock)
        try:
            said = datetime.datetime.strptime(environ.get("HTTP_X_AMZ_DATE", ""), "%Y%m%dT%H%M%SZ")
        except ValueError:
            return error("403 Forbidden", "AccessDenied", "no x-amz-date", start)
        if abs((now - said.replace(tzinfo=datetime.timezone.utc)).total_seconds()) > SKEW_S:
            return error("403 Forbidden", "RequestTimeTooSkewed", "The clocks differ.", start)
        digest = hashlib.sha256(body)
        if environ.get("HTTP_X_AMZ_CONTENT_SHA256") != digest.hexdigest():
            return error("400 Bad Request", "XAmzContentSHA256Mismatch", "The body is another one.", start)
        checksum = environ.get("HTTP_X_AMZ_CHECKSUM_SHA256")
        if checksum and checksum != base64.b64encode(digest.digest()).decode():
            return error("400 Bad Request", "BadDigest", "The body is another one.", start)
        return None

    def __call__(self, environ, start):
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path.startswith("/-/"):
            with self.lock:
                return self.look(path, start)
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = b""
        while len(body) < size:
            piece = environ["wsgi.input"].read(min(size - len(body), 1 << 20))
            if not piece:
                return error("400 Bad Request", "IncompleteBody", "The body is cut off.", start)
            body += piece

        def dated(status, headers, info=None):
            now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.clock)
            headers = [(k, v) for k, v in headers if k.lower() != "date"]
            return start(status, headers + [("Date", now.strftime("%a, %d %b %Y %H:%M:%S GMT"))], info)
        with self.lock:
            self.log.append(f"{method} {path}?{environ.get('QUERY_STRING', '')} {size}")
            answer = self.wrong(environ, body, dated)
            if answer:
                return answer
            environ["wsgi.input"] = io.BytesIO(body)
            answer = list(self.app(environ, dated))
            if method in ("PUT", "POST", "DELETE"):
                self.save()
            return answer


class Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass

    def make_environ(self):
        environ = super().make_environ()
        environ["SERVER_SOFTWARE"] = "s3"
        return environ


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls")
    o = parser.parse_args()
    server = Server(o.folder)
    listening = make_server("127.0.0.1", o.port, server, threaded=True, request_handler=Handler,
                            ssl_context=(o.tls, o.tls) if o.tls else None)
    made = o.folder / "ready.tmp"
    made.write_text(json.dumps({"port": listening.server_port, "bucket": BUCKET, **server.keys}))
    made.rename(o.folder / "ready.json")
    listening.serve_forever()


if __name__ == "__main__":
    main()
