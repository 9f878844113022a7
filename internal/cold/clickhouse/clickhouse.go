// Package clickhouse keeps cold history in a table of ClickHouse that is only ever
// added to. FORMAT.md of package state describes it.
package clickhouse

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"kith/internal/clickhouse"
	"kith/internal/cold"
	"kith/internal/errs"
	"kith/internal/state"
)

// table is the table's name.
const table = "kith_history"

// Backend implements cold.Backend.
type Backend struct {
	server *clickhouse.Server // for reading
	write  *clickhouse.Server // the same, with more time
}

var _ cold.Backend = (*Backend)(nil)

// Open makes the table unless it is there.
//
// What was inserted has to survive a power cut, as its rows are deleted elsewhere: the
// server syncs parts when they are inserted and when they are merged, which it does
// not do unless it is told. Keys and values are written in hexadecimal digits, which
// sort as the bytes do, and which every way of inserting brings in as they are.
//
// s and write are connections to the same database; the calls of the second may
// take longer.
func Open(ctx context.Context, s, write *clickhouse.Server) (*Backend, error) {
	if s.Location().Cluster != "" {
		return nil, errs.New(errs.Invalid, "history.cluster", "history cannot be kept on a cluster of ClickHouse yet: name one server, without cluster=")
	}
	database := clickhouse.Name(s.Location().Database)
	if err := s.In("default").Do(ctx, "CREATE DATABASE IF NOT EXISTS "+database); err != nil {
		return nil, err
	}
	err := s.Do(ctx, "CREATE TABLE IF NOT EXISTS "+table+` (
		generation String,
		node       String CODEC(ZSTD(3)),
		key        String CODEC(ZSTD(3)),
		term       UInt64 CODEC(ZSTD(1)),
		number     UInt64 CODEC(ZSTD(1)),
		gone       UInt8 CODEC(ZSTD(1)),
		value      String CODEC(ZSTD(3))
	) ENGINE = MergeTree PARTITION BY generation ORDER BY (node, key)
	SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1`)
	return &Backend{s, write}, err
}

// away is an error of a call after the start: all of them may pass, once an operator
// has looked.
func away(err error) error {
	if err == nil || errs.Is(err, errs.Unavailable) {
		return err
	}
	return errs.Wrap(clickhouse.Classified(err), errs.Unavailable, "history.unreachable", "ClickHouse, which has the older history, does not answer as it should")
}

// row is a version as the table has it.
type row struct {
	Generation string `json:"generation"`
	Node       string `json:"node"`
	Key        string `json:"key"`
	Term       string `json:"term"`
	Number     string `json:"number"`
	Gone       uint8  `json:"gone"`
	Value      string `json:"value"`
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

// Insert implements cold.Backend.
func (b *Backend) Insert(ctx context.Context, g cold.Generation, versions []cold.Version) error {
	var lines bytes.Buffer
	out := json.NewEncoder(&lines)
	for i := range versions {
		v := &versions[i]
		r := row{hex.EncodeToString(g[:]), nodeOf(v.Key), hex.EncodeToString(v.Key), number(v.Term), number(v.Number), 0, hex.EncodeToString(v.Value)}
		if v.Gone {
			r.Gone = 1
		}
		if err := out.Encode(&r); err != nil {
			return errs.Wrap(err, errs.Internal, "history.encode", "rows cannot be written down")
		}
	}
	return away(b.write.Insert(ctx, table, "", lines.Bytes()))
}

// nodeBytes is how many bytes of a key say whose it is: the family and the node.
const nodeBytes = 1 + 16

// nodeOf is the beginning of a key by which rows are found first.
func nodeOf(key []byte) string { return hex.EncodeToString(key[:min(len(key), nodeBytes)]) }

// Ranges that one statement asks for: any, and the beginnings of nodes. Of each node the
// server reads a granule of the table or more, and it has to be done with all of them in
// the time that a read may take, however large the table is.
const (
	together = 50
	nodesMax = 256
)

// Scan implements cold.Backend.
func (b *Backend) Scan(ctx context.Context, g cold.Generation, ranges []state.Range) ([][]cold.Version, error) {
	out := make([][]cold.Version, len(ranges))
	// Those that can be asked for in one statement lie side by side.
	order := make([]int, len(ranges))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return len(ranges[i].Low) - len(ranges[j].Low) })
	sorted := make([]state.Range, len(ranges))
	for to, from := range order {
		sorted[to] = ranges[from]
	}
	for len(order) > 0 {
		n, ask := min(len(order), together), b.scan
		if alike := alike(sorted); alike > 1 && alike >= n {
			n, ask = alike, b.scanNodes
		}
		some, err := ask(ctx, g, sorted[:n])
		if err != nil {
			return nil, away(err)
		}
		for i, versions := range some {
			out[order[i]] = versions
		}
		order, sorted = order[n:], sorted[n:]
	}
	return out, nil
}

// alike is how many of the first ranges are each what begins with some bytes, all with
// as many and no two with the same, in one direction under one limit.
func alike(ranges []state.Range) int {
	seen := map[string]bool{}
	for i, r := range ranges {
		first := &ranges[0]
		if i == nodesMax || len(r.Low) < nodeBytes || len(r.Low) != len(first.Low) || r.Limit != first.Limit || r.Reverse || first.Reverse ||
			!bytes.Equal(r.High, state.PrefixEnd(r.Low)) || seen[string(r.Low)] {
			return i
		}
		seen[string(r.Low)] = true
	}
	return len(ranges)
}

// scanNodes asks for alike ranges, of many nodes: the server finds each node by the
// order of the table.
func (b *Backend) scanNodes(ctx context.Context, g cold.Generation, ranges []state.Range) ([][]cold.Version, error) {
	nodes, places := make([]string, len(ranges)), map[string]int{}
	var lows []string
	length := 2 * len(ranges[0].Low)
	for i, r := range ranges {
		low := hex.EncodeToString(r.Low)
		nodes[i], lows, places[low] = "'"+nodeOf(r.Low)+"'", append(lows, "'"+low+"'"), i
	}
	where := fmt.Sprintf("generation = '%x' AND node IN (%s)", g[:], strings.Join(nodes, ","))
	if length > 2*nodeBytes {
		where += fmt.Sprintf(" AND substring(key, 1, %d) IN (%s)", length, strings.Join(lows, ","))
	}
	statement := fmt.Sprintf("SELECT 0 AS i, key, term, number, gone, value FROM %s WHERE %s ORDER BY node, key LIMIT %d BY substring(key, 1, %d)",
		table, where, ranges[0].Limit, length)
	out := make([][]cold.Version, len(ranges))
	err := b.each(ctx, statement, func(_ int, v cold.Version) bool {
		i, ok := places[hex.EncodeToString(v.Key[:min(len(v.Key), length/2)])]
		if ok {
			out[i] = append(out[i], v)
		}
		return ok
	})
	sortAll(out, ranges)
	return out, err
}

// statement asks for one range.
func statement(g cold.Generation, i int, rng state.Range) string {
	var s strings.Builder
	fmt.Fprintf(&s, "SELECT * FROM (SELECT %d AS i, key, term, number, gone, value FROM %s WHERE generation = '%x' AND node >= '%s' AND key >= '%x'",
		i, table, g[:], nodeOf(rng.Low), rng.Low)
	if rng.High != nil {
		fmt.Fprintf(&s, " AND node <= '%s' AND key < '%x'", nodeOf(rng.High), rng.High)
	}
	order := ""
	if rng.Reverse {
		order = " DESC"
	}
	fmt.Fprintf(&s, " ORDER BY node%s, key%s LIMIT %d)", order, order, rng.Limit)
	return s.String()
}

func (b *Backend) scan(ctx context.Context, g cold.Generation, ranges []state.Range) ([][]cold.Version, error) {
	parts := make([]string, len(ranges))
	for i, rng := range ranges {
		parts[i] = statement(g, i, rng)
	}
	out := make([][]cold.Version, len(ranges))
	err := b.each(ctx, strings.Join(parts, " UNION ALL "), func(i int, v cold.Version) bool {
		if i < len(out) {
			out[i] = append(out[i], v)
		}
		return i < len(out)
	})
	sortAll(out, ranges)
	return out, err
}

// sortAll brings versions into the order of their ranges: what comes of several parts
// of a statement may be mixed.
func sortAll(out [][]cold.Version, ranges []state.Range) {
	for i, rng := range ranges {
		slices.SortStableFunc(out[i], func(a, b cold.Version) int {
			if rng.Reverse {
				a, b = b, a
			}
			return bytes.Compare(a.Key, b.Key)
		})
	}
}

// each hands over the rows of a statement, which take reads or refuses.
func (b *Backend) each(ctx context.Context, statement string, take func(i int, v cold.Version) bool) (err error) {
	rows, err := b.server.Query(ctx, statement, clickhouse.Setting{Name: "max_query_size", Value: "4194304"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		values, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		i, v, ok := read(values)
		if !ok || !take(i, v) {
			return errs.New(errs.Unavailable, "history.answer", "what ClickHouse answers about older history cannot be read")
		}
	}
}

// read reads the values of a row: whole numbers of 64 bits are texts.
func read(values []json.RawMessage) (i int, v cold.Version, ok bool) {
	if len(values) != 6 {
		return 0, v, false
	}
	text := make([]string, len(values))
	for j, raw := range values {
		if text[j] = string(raw); len(raw) > 1 && raw[0] == '"' {
			text[j] = string(raw[1 : len(raw)-1]) // digits alone
		}
	}
	var bad [5]error
	i, bad[0] = strconv.Atoi(text[0])
	v.Key, bad[1] = hex.DecodeString(text[1])
	v.Term, bad[2] = strconv.ParseUint(text[2], 10, 64)
	v.Number, bad[3] = strconv.ParseUint(text[3], 10, 64)
	v.Value, bad[4] = hex.DecodeString(text[5])
	v.Gone = text[4] == "1"
	return i, v, errors.Join(bad[:]...) == nil && i >= 0
}

// Count implements cold.Backend.
func (b *Backend) Count(ctx context.Context, g cold.Generation) (int64, error) {
	rows, err := b.server.Texts(ctx, fmt.Sprintf("SELECT count() FROM %s WHERE generation = '%x'", table, g[:]))
	if err != nil {
		return 0, away(err)
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return 0, away(errs.New(errs.Internal, "history.answer", "there is no count"))
	}
	n, err := strconv.ParseInt(rows[0][0], 10, 64)
	return n, away(err)
}

// Generations implements cold.Backend.
func (b *Backend) Generations(ctx context.Context) ([]cold.Held, error) {
	rows, err := b.server.Texts(ctx, "SELECT partition, toString(greatest(0, dateDiff('second', max(modification_time), now()))) FROM system.parts WHERE active AND database = "+
		clickhouse.Text(b.server.Location().Database)+" AND table = '"+table+"' GROUP BY partition ORDER BY partition")
	if err != nil {
		return nil, away(err)
	}
	var out []cold.Held
	for _, r := range rows {
		id, err := hex.DecodeString(strings.Trim(r[0], "'"))
		seconds, err2 := strconv.ParseInt(r[1], 10, 64)
		if err := errors.Join(err, err2); err != nil || len(id) != len(cold.Generation{}) {
			return nil, away(errs.New(errs.Internal, "history.answer", "the names of partitions cannot be read"))
		}
		out = append(out, cold.Held{Generation: cold.Generation(id), Idle: time.Duration(seconds) * time.Second})
	}
	return out, nil
}

// Drop implements cold.Backend.
func (b *Backend) Drop(ctx context.Context, g cold.Generation) error {
	return away(b.write.Do(ctx, fmt.Sprintf("ALTER TABLE %s DROP PARTITION '%x'", table, g[:])))
}
