"""Speaks as much of ClickHouse's HTTP interface as kith does, over ClickHouse's
engine in this process: statements, settings and content in, answers and errors
out. It ends when its standard input does. One statement runs at a time, except
where there is a configuration, of which shards may be a part: then a statement may
wait for another server, and that one ask here.

What a server checks before its engine, this does here: readonly lets nothing but
questions through. Users and passwords are compared with the two arguments; a fourth names a file of settings, and a
fifth the address to listen on; the port is printed."""

import http.server
import os
import re
import sys
import tempfile
import threading
import urllib.parse
from xml.etree import ElementTree

import address
from chdb import session

FOLDER, USER, PASSWORD = sys.argv[1:4]
CONFIG = sys.argv[4] if len(sys.argv) > 4 else ""  # a file for the engine
if CONFIG:  # what a server reads of it itself
    HOST, PORT = (ElementTree.parse(CONFIG).findtext("interserver_http_" + x) for x in ("host", "port"))
    if PORT:
        address.give(HOST, int(PORT))
ADDRESS = sys.argv[5] if len(sys.argv) > 5 else "127.0.0.1:0"
LOCK = threading.Lock()
AT_ONCE = threading.Semaphore(16 if CONFIG else 1)
IDLE = []  # sessions that nobody uses
# Settings of the interface, or of a server around the engine.
OURS = {"database", "query", "default_format", "readonly", "cancel_http_readonly_queries_on_client_close", "run_query_in_background"}


def literal(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Session:
    """A session of the engine and the settings that it has."""

    def __init__(self):
        self.engine = session.Session(FOLDER + ("?config-file=" + CONFIG if CONFIG else ""))
        self.current = {}

    def run(self, database, settings, statement, content, form):
        self.engine.query("USE `" + database + "`")
        for name in [n for n in self.current if n not in settings]:
            self.engine.query("SET " + name + " = DEFAULT")
            del self.current[name]
        for name, value in settings.items():
            if self.current.get(name) != value:
                self.engine.query("SET " + name + " = " + literal(value))
                self.current[name] = value
        if content is None:
            return self.engine.query(statement, form).bytes()
        if not statement.endswith(" FORMAT Native"):
            return self.engine.query(statement + "\n" + content.decode(), form).bytes()
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(FOLDER)) as block:  # bytes that a statement cannot hold
            block.write(content)
            block.flush()
            return self.engine.query(statement[: -len("FORMAT Native")] + "FROM INFILE " + literal(block.name) + " FORMAT Native", form).bytes()


def run(params, statement, content):
    """Runs a statement and returns the answer's bytes."""
    if params.get("readonly", "0") != "0" and not re.match(r"\s*(\(|SELECT\b|WITH\b|EXPLAIN\b|DESCRIBE\b)", statement, re.I):
        raise RuntimeError("Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)")
    settings = {k: v for k, v in params.items() if k not in OURS}
    with AT_ONCE:
        with LOCK:
            one = IDLE.pop() if IDLE else Session()
        try:
            return one.run(params.get("database", "default"), settings, statement, content, params.get("default_format", "TabSeparated"))
        finally:
            with LOCK:
                IDLE.append(one)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        params = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True))
        status, code = 200, None
        try:
            if (self.headers.get("X-ClickHouse-User"), self.headers.get("X-ClickHouse-Key")) != (USER, PASSWORD):
                raise RuntimeError("Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)")
            if "query" in params:
                answer = run(params, params["query"], body)
            else:
                answer = run(params, body.decode(), None)
        except Exception as e:  # what the engine refuses
            answer, status = str(e).encode(), 500
            code = re.search(r"Code: (\d+)", str(e))
        answer = answer or b""
        self.send_response(status)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code.group(1))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        try:
            self.wfile.write(answer)
        except (BrokenPipeError, ConnectionResetError):
            pass  # nobody waits for it any more

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"Ok.\n")

    def log_message(self, *_):
        pass


host, _, port = ADDRESS.rpartition(":")
server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
os._exit(0)  # nothing that the engine holds is wanted any more
