package app

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"testing"

	"kith/internal/backup"
	"kith/internal/cold/coldtest"
	"kith/internal/eventlog"
	"kith/internal/eventlog/kafka"
	"kith/internal/eventlog/kafka/kafkatest"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/state/postgres"
	"kith/internal/state/postgres/pgtest"
	"kith/internal/statehash"
	"kith/internal/sys"
)

// TestFromServersToAFolder backs up a workspace on Kafka and PostgreSQL, whose
// state is behind its log, and restores it into a data folder.
func TestFromServersToAFolder(t *testing.T) {
	ctx := context.Background()
	url := pgtest.Start(t)
	store, err := postgres.Open(ctx, url, postgres.Options{Schema: pgtest.Schema(t, url)})
	if err != nil {
		t.Fatal(err)
	}
	fromServersToAFolder(t, store)
}

// TestFromServersWithMovedHistory is the same where most of the history lies elsewhere.
func TestFromServersWithMovedHistory(t *testing.T) {
	s := coldtest.NewRestless(mem.New(), &coldtest.Memory{}, 1)
	fromServersToAFolder(t, s)
	if s.Moved() < 100 {
		t.Errorf("only %d rows were moved", s.Moved())
	}
}

func fromServersToAFolder(t *testing.T, store state.Store) {
	ctx := context.Background()
	defer store.Close()
	log, err := kafka.Open(ctx, kafkatest.Start(t), defaultWorkspace, kafka.Options{Partitions: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	a := &App{cfg: settings(t), log: log, store: store}
	if err := a.openFolder(ctx); err != nil {
		t.Fatal(err)
	}
	rules := identity.DefaultConfig()
	rules.Sources = map[string]identity.SourceRule{}
	r := &pipeline.Runner{
		Log: log, State: store, Clock: sys.Wall(), Stages: &pipeline.Stages{History: keyed.Index{}},
		Interpreter: &pipeline.Interpreter{Identity: rules, Keys: a.ws.Keyring()},
	}
	if _, err := r.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	all := inOrderOfReceipt(workload.Records(31, 300))
	send := func(some [][]byte) {
		for i, data := range some {
			if _, err := log.Append(ctx, []eventlog.Entry{{Partition: int32(i % 3), Data: data}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(all[:150])
	if err := r.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	send(all[150:])
	var archive bytes.Buffer
	if err := a.backup(ctx, &archive); err != nil {
		t.Fatal(err)
	}
	saved, err := backup.Save(ctx, sys.Disk(), t.TempDir(), sealing(), &archive)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	snap, err := store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	want, err := statehash.Of(ctx, snap, keyed.Index{}, rules)
	if err != nil {
		t.Fatal(err)
	}
	to, out := restored(t, saved.Path, nil)
	if got := hashOf(t, to); got.State != want.Total.String() || !slices.Equal(got.Position, saved.Manifest.Positions) || len(out.Positions) != 3 {
		t.Errorf("%+v after %+v, want %s", got, out, want.Total)
	}
}

// inOrderOfReceipt sorts records as a collector would have appended them, which
// is what forgetting marks relies on.
func inOrderOfReceipt(records [][]byte) [][]byte {
	moment := func(data []byte) int64 {
		rec, err := record.Decode(data)
		if err != nil {
			return 0
		}
		return rec.Stamp.ReceivedAt
	}
	slices.SortStableFunc(records, func(a, b []byte) int { return cmp.Compare(moment(a), moment(b)) })
	return records
}
