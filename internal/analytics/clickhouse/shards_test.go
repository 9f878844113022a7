package clickhouse_test

import (
	"fmt"
	"strings"
	"testing"

	"kith/internal/analytics"
	"kith/internal/analytics/clickhouse"
	"kith/internal/analytics/clickhouse/clickhousetest"
	"kith/internal/eventlog"
	"kith/internal/lake"
)

// lie tells on which shard the records of events lie, by their offsets.
func (h *house) lie() map[string]string {
	h.t.Helper()
	rows, err := h.conn.Texts(h.t.Context(), "SELECT toString(record_offset), toString(_shard_num) FROM kith_events")
	h.must(err)
	out := map[string]string{}
	for _, r := range rows {
		if out[r[0]] != "" {
			h.t.Errorf("the event %s is there twice", r[0])
		}
		out[r[0]] = r[1]
	}
	return out
}

// numbered is a line of the table of events for each number, at a node of its own.
func numbered(from, to int) []byte {
	var lines []byte
	for i := from; i < to; i++ {
		line := strings.Replace(event(0, fmt.Sprint("n-", i)), `"record_offset":0`, fmt.Sprintf(`"record_offset":%d`, i), 1)
		lines = append(lines, strings.Replace(line, `"m-0"`, fmt.Sprintf(`"m-%d"`, i), 1)...)
	}
	return lines
}

// TestShards holds that rows are spread over the shards of a cluster, that they count
// once when a round is tried again, whichever of them had it, that they are joined
// wherever they lie, and that they leave all of them.
func TestShards(t *testing.T) {
	h := open(t, clickhousetest.StartShards(t), analytics.Limits{})
	ctx := t.Context()
	const n = 60
	h.must(h.mirror.Add(ctx, lake.TableEvents, "cut", numbered(0, n)))
	h.must(h.mirror.Add(ctx, lake.TableEvents, "cut", numbered(0, n)))
	where := h.lie()
	var first []byte
	for i := range n {
		if where[fmt.Sprint(i)] == "1" {
			first = append(first, numbered(i, i+1)...)
		}
	}
	if lines := strings.Count(string(first), "\n"); len(where) != n || lines < n/10 || lines > n-n/10 {
		t.Fatalf("of %d events %d are there, and %d on the first shard", n, len(where), lines)
	}
	// One shard had the round before the other could not be reached.
	h.must(h.mirror.Clear(ctx))
	h.must(h.conn.Insert(ctx, "kith_events_shard", "cut", first))
	h.must(h.mirror.Add(ctx, lake.TableEvents, "cut", numbered(0, n)))
	h.expect("SELECT count(), uniqExact(message_id) FROM events", fmt.Sprintf("%d|%d", n, n))

	for version := range 2 {
		var lines []byte
		for i := range n {
			profile := []string{fmt.Sprint("p-n-", i), "one"}[version]
			lines = fmt.Appendf(lines, `{"node_id":"n-%d","type":"user_id","value":"u","profile_id":%q,"_version":%d,"_deleted":false}`+"\n", i, profile, version)
		}
		h.must(h.mirror.Add(ctx, lake.TableIdentifiers, fmt.Sprint("i-", version), lines))
		h.expect("SELECT count(), countIf(profile_id = if("+fmt.Sprint(version)+", 'one', concat('p-', node_id))), count(DISTINCT profile_id) FROM events",
			fmt.Sprintf("%d|%d|%d", n, n, []int{n, 1}[version]))
		h.expect("SELECT count() FROM identifiers", fmt.Sprint(n))
	}
	h.expect("SELECT count() FROM events WHERE node_id IN (SELECT node_id FROM identifiers WHERE profile_id = 'one')", fmt.Sprint(n))
	h.expect("SELECT count() FROM events AS a JOIN events AS b ON a.profile_id = b.profile_id", fmt.Sprint(n*n))

	var gone []eventlog.Position
	for i := range n / 2 {
		gone = append(gone, eventlog.Position{Offset: int64(i)})
	}
	h.must(h.mirror.Remove(ctx, lake.TableEvents, gone))
	h.expect("SELECT count(), min(record_offset) FROM events", fmt.Sprintf("%d|%d", n-n/2, n/2))
}

// TestOtherShards holds that tables which were made for other shards are made anew.
func TestOtherShards(t *testing.T) {
	h := open(t, clickhousetest.StartShards(t), analytics.Limits{})
	ctx := t.Context()
	round := lake.MirrorRound{Lake: [16]byte{1}, Generation: 1, Round: 2}
	for _, before := range []string{"", "CREATE TABLE kith_events ON CLUSTER `two` (message_id String) ENGINE = MergeTree ORDER BY message_id",
		"CREATE TABLE kith_events ON CLUSTER `two` AS kith_events_shard ENGINE = Distributed('two', currentDatabase(), 'kith_events_shard', 1) COMMENT '1:1 2:1 3:1'"} {
		h.must(h.mirror.Add(ctx, lake.TableEvents, "cut", numbered(0, 9)))
		h.must(h.mirror.Note(ctx, round))
		want := round
		if before != "" {
			want = lake.MirrorRound{}
			h.must(h.conn.Do(ctx, "DROP TABLE kith_events ON CLUSTER `two` SYNC"))
			h.must(h.conn.Do(ctx, before))
		}
		h.mirror = clickhouse.NewMirror(h.conn)
		if held, err := h.mirror.Holds(ctx); err != nil || held != want {
			t.Errorf("after %q the copy holds %+v, %v", before, held, err)
		}
		h.expect("SELECT count() FROM events", map[bool]string{true: "9", false: "0"}[before == ""])
	}
}

// TestWindows holds that a table whose server would forget tokens too early is told to
// keep them.
func TestWindows(t *testing.T) {
	for _, way := range []transport{{"native", clickhousetest.StartNative}, shards, replica} {
		t.Run(way.name, func(t *testing.T) {
			h := open(t, way.start(t), analytics.Limits{})
			table, everywhere, narrow := "kith_events", "", []string{"non_replicated_deduplication_window = 0"}
			if h.loc.Cluster != "" {
				everywhere = " ON CLUSTER `" + h.loc.Cluster + "`"
				narrow = []string{"replicated_deduplication_window = 0", "replicated_deduplication_window_seconds = 3600"}
			}
			if way.name == shards.name {
				table = "kith_events_shard"
			}
			engine := func() string {
				rows, err := h.conn.Texts(t.Context(), "SELECT engine_full FROM system.tables WHERE database = '"+h.loc.Database+"' AND name = '"+table+"'")
				h.must(err)
				return rows[0][0]
			}
			want := engine()
			if replicated := strings.HasPrefix(want, "ReplicatedMergeTree("); replicated != (everywhere != "") {
				t.Errorf("the engine is %s", want)
			}
			for _, setting := range narrow {
				h.must(h.conn.Do(t.Context(), "ALTER TABLE "+table+everywhere+" MODIFY SETTING "+setting))
				if got := engine(); !strings.Contains(got, setting) {
					t.Fatalf("%s is not set: %s", setting, got)
				}
			}
			h.mirror = clickhouse.NewMirror(h.conn)
			_, err := h.mirror.Holds(t.Context())
			h.must(err)
			if got := engine(); got != want {
				t.Errorf("the table is\n%s, not\n%s", got, want)
			}
		})
	}
}
