"""Reads every open table again and again while kith writes, as a stranger would:
by current.json alone. Prints one JSON object: how many readings, the greatest age
of a table, and what was wrong. Ends when its standard input does."""

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


def ended():
    return bool(select.select([sys.stdin], [], [], 0)[0])


def read(db, folder):
    """Reads one table; returns its list, how many rows count, and what is wrong."""
    current = json.loads((folder / "current.json").read_text())
    files = [str(folder / f["path"]) for f in current["files"]]
    if not files:
        return current, 0, None
    rows = sum(f["rows"] for f in current["files"])
    if current["kind"] == "append":
        names = NAMES[current["table"]]
        n, distinct = db.execute(
            f"SELECT count(*), count(DISTINCT ({names})) FROM read_parquet($1, union_by_name = true)", [files]
        ).fetchone()
        wrong = None if n == distinct == rows else f"{rows} rows listed, {n} there, {distinct} different ones"
        return current, n, wrong
    key = ", ".join(current["key"])
    n, versions, live = db.execute(
        f"""WITH r AS (SELECT * FROM read_parquet($1, union_by_name = true)),
                 newest AS (SELECT * FROM r QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _version DESC) = 1)
            SELECT (SELECT count(*) FROM r), (SELECT count(DISTINCT ({key}, _version)) FROM r),
                   (SELECT count(*) FROM newest WHERE NOT _deleted)""",
        [files],
    ).fetchone()
    wrong = None if n == versions == rows else f"{rows} rows listed, {n} there, {versions} different ones"
    return current, live, wrong


def main():
    lake = pathlib.Path(sys.argv[1])
    db = duckdb.connect()
    db.execute("SET threads = 1")
    readings, oldest, wrong, last, versions, levels = 0, 0.0, [], {}, {}, set()
    while True:
        final = ended()
        for table in ["events", "traits_history", "identifiers", "profiles", "links"]:
            try:
                current, n, what = read(db, lake / table)
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
            if not final:
                as_of = datetime.datetime.fromisoformat(current["as_of"].replace("Z", "+00:00"))
                written = datetime.datetime.fromtimestamp((lake / table / "current.json").stat().st_mtime, datetime.timezone.utc)
                oldest = max(oldest, (written - as_of).total_seconds())
        if final:
            break
        time.sleep(0.05)
    print(json.dumps({"readings": readings, "oldest_s": oldest, "wrong": wrong[:20], "rows": last, "levels": sorted(levels)}))


main()
