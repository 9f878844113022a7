package profile_test

import (
	"context"
	"fmt"
	"testing"

	"kith/event"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state/pebble"
	"kith/internal/sys"
)

// BenchmarkRead reads profiles of two identifiers out of 50,000 on the embedded
// state.
func BenchmarkRead(b *testing.B) {
	const people = 50_000
	ctx := context.Background()
	store, err := pebble.Open(b.TempDir(), pebble.Options{FS: sys.Disk(), NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	log, keys, rules := logmem.New(1), identity.NewKeyring([]byte("bench")), identity.DefaultConfig()
	var entries []eventlog.Entry
	for i := range 3 * people {
		r := record.Record{
			Kind:  record.Event,
			Stamp: event.Stamp{Source: "web", MessageID: fmt.Sprint("m", i), Type: event.Track, ReceivedAt: int64(i), Timestamp: int64(i)},
			Body:  fmt.Appendf(nil, `{"event":"A","userId":"user-%d","anonymousId":"browser-%d"}`, i%people, i%people),
		}
		if i < people {
			r.Stamp.Type = event.Identify
			r.Body = fmt.Appendf(nil, `{"userId":"user-%d","anonymousId":"browser-%d","traits":{"plan":"pro","age":30,"name":"Ana"}}`, i, i)
		}
		entries = append(entries, eventlog.Entry{Data: r.AppendTo(nil)})
	}
	if _, err := log.Append(ctx, entries); err != nil {
		b.Fatal(err)
	}
	runner := pipeline.Runner{
		Log: log, State: store, Stages: &pipeline.Stages{History: keyed.Index{}}, Clock: sys.Wall(),
		Interpreter: &pipeline.Interpreter{Identity: rules, Keys: keys},
	}
	if err := runner.Drain(ctx); err != nil {
		b.Fatal(err)
	}
	reader := profile.Reader{State: store, History: keyed.Index{}, Log: log, Config: rules, Keys: keys}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i += 7919
		if _, err := reader.Read(ctx, profile.Ref{Type: "user_id", Value: fmt.Sprint("user-", i%people)}); err != nil {
			b.Fatal(err)
		}
	}
}
