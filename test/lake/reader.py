"""Reads every open table again and again while kith writes, as a stranger would:
by current.json alone. Prints one JSON object: how many readings, how old the tables
were when they were read, and what was wrong. Ages are taken until a line comes in,
which says that nothing is sent any more; it ends when its standard input does."""

import datetime
import json
import pathlib
import select
import sys
import time

import duckdb

NAMES = {
    "events": "source, message_id, received_at",
    "traits_history": "source, message_id, received_at, trait",
}


def heard():
    """Whether a line or the end of the input has come: None, "line" or "end"."""
    if not select.select([sys.stdin], [], [], 0)[0]:
        return None
    return "line" if sys.stdin.buffer.raw.readline() else "end"


def read(db, folder):
    """Reads one table; returns its list, how many rows count, when the newest was
    received (of those that say so), and what is wrong."""
    current = json.loads((folder / "current.json").read_text())
    files = [str(folder / f["path"]) for f in current["files"]]
    if not files:
        return current, 0, None, None
    rows = sum(f["rows"] for f in current["files"])
    if current["kind"] == "append":
        names = NAMES[current["table"]]
        n, distinct, newest = db.execute(
            f"SELECT count(*), count(DISTINCT ({names})), epoch(max(received_at)) FROM read_parquet($1, union_by_name = true)", [files]
        ).fetchone()
        wrong = None if n == distinct == rows else f"{rows} rows listed, {n} there, {distinct} different ones"
        return current, n, newest, wrong
    key = ", ".join(current["key"])
    n, versions, live = db.execute(
        f"""WITH r AS (SELECT * FROM read_parquet($1, union_by_name = true)),
                 newest AS (SELECT * FROM r QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _version DESC) = 1)
            SELECT (SELECT count(*) FROM r), (SELECT count(DISTINCT ({key}, _version)) FROM r),
                   (SELECT count(*) FROM newest WHERE NOT _deleted)""",
        [files],
    ).fetchone()
    wrong = None if n == versions == rows else f"{rows} rows listed, {n} there, {versions} different ones"
    return current, live, None, wrong


def main():
    lake = pathlib.Path(sys.argv[1])
    db = duckdb.connect()
    db.execute("SET threads = 1")
    readings, ages, wrong, last, versions, levels, held = 0, [], [], {}, {}, set(), 0.0
    final = quiet = False
    while True:
        word = heard()
        final, quiet = word == "end", quiet or word is not None
        for table in ["events", "traits_history", "identifiers", "profiles", "links"]:
            now = time.time()
            try:
                current, n, newest, what = read(db, lake / table)
            except Exception as e:  # a file that is gone, or no Parquet
                wrong.append(f"{table}: {e}")
                continue
            readings += 1
            if what:
                wrong.append(f"{table}: {what}")
            if table == "events" and n < last.get(table, 0):
                wrong.append(f"{table}: {n} rows after {last[table]}")
            if current["version"] < versions.get(table, 0):
                wrong.append(f"{table}: version {current['version']} after {versions[table]}")
            last[table], versions[table] = n, current["version"]
            levels.update(f["level"] for f in current["files"])
            if not quiet and table == "events" and n > 0:
                as_of = datetime.datetime.fromisoformat(current["as_of"].replace("Z", "+00:00"))
                ages.append(now - min(as_of.timestamp(), newest))
        if final:
            break
        before = time.monotonic()
        time.sleep(0.05)
        held = max(held, time.monotonic() - before - 0.05)
    ages.sort()
    print(json.dumps({
        "readings": readings, "ages": len(ages), "held_s": held, "wrong": wrong[:20], "rows": last, "levels": sorted(levels),
        "median_s": ages[len(ages) // 2] if ages else 0, "p95_s": ages[len(ages) * 95 // 100] if ages else 0, "oldest_s": ages[-1] if ages else 0,
    }))


main()
