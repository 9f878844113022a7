"""Speaks as much of ClickHouse's HTTP interface as kith does, over ClickHouse's
engine in this process: statements, settings and content in, answers and errors
out. It ends when its standard input does. One statement runs at a time.

What a server checks before its engine, this does here: readonly lets nothing but
questions through. Users and passwords are compared with the two arguments."""

import http.server
import re
import sys
import threading
import urllib.parse

from chdb import session

FOLDER, USER, PASSWORD = sys.argv[1:4]
ENGINE = session.Session(FOLDER)
LOCK = threading.Lock()
CURRENT = {}  # settings of the session
# Settings of the interface, or of a server around the engine.
OURS = {"database", "query", "default_format", "readonly", "cancel_http_readonly_queries_on_client_close"}


def literal(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def run(params, statement, content):
    """Runs a statement and returns the answer's bytes."""
    if params.get("readonly", "0") != "0" and not re.match(r"\s*(\(|SELECT\b|WITH\b|EXPLAIN\b|DESCRIBE\b)", statement, re.I):
        raise RuntimeError("Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)")
    settings = {k: v for k, v in params.items() if k not in OURS}
    with LOCK:
        ENGINE.query("USE `" + params.get("database", "default") + "`")
        for name in [n for n in CURRENT if n not in settings]:
            ENGINE.query("SET " + name + " = DEFAULT")
            del CURRENT[name]
        for name, value in settings.items():
            if CURRENT.get(name) != value:
                ENGINE.query("SET " + name + " = " + literal(value))
                CURRENT[name] = value
        if content is not None:
            if statement.endswith(" FORMAT Native"):  # bytes that a statement cannot hold
                with open(FOLDER + ".block", "wb") as f:
                    f.write(content)
                statement = statement[: -len("FORMAT Native")] + "FROM INFILE " + literal(FOLDER + ".block") + " FORMAT Native"
            else:
                statement += "\n" + content.decode()
        return ENGINE.query(statement, params.get("default_format", "TabSeparated")).bytes()


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
        self.wfile.write(answer)

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"Ok.\n")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
server.shutdown()
