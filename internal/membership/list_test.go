package membership

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"kith/event"
	"kith/internal/decision"
	"kith/internal/entity"
	"kith/internal/expr/exprtest"
	"kith/internal/record"
	"kith/internal/sys"
)

// upload sends an upload of a list of few people, some of whom nobody knows yet.
func (w *world) upload(r *rand.Rand, segment string) {
	w.n++
	id, at := fmt.Sprint("u", w.n), exprtest.Midnight+int64(r.IntN(5))
	run := []string{"", "load-1", "load-2"}[r.IntN(3)]
	mode := []string{"add", "add", "remove", "replace"}[r.IntN(4)]
	write := func(id string, body entity.Body) {
		w.append(int32(r.IntN(w.log.Partitions())), record.Record{
			Kind: record.Row, Body: body.AppendTo(nil),
			Stamp: event.Stamp{Source: "api", MessageID: id, ReceivedAt: sys.Millis(w.clock.Now()), Timestamp: at},
		})
	}
	for i := range r.IntN(4) {
		typ, value := "user_id", fmt.Sprint("user-", r.IntN(3))
		if r.IntN(2) == 0 {
			typ, value = "anonymous_id", fmt.Sprint("visitor-", r.IntN(4))
		}
		write(fmt.Sprintf("%s-%d", id, i), entity.ListBody(segment, run, typ, value, mode == "remove"))
	}
	if mode == "replace" {
		write(id, entity.ReplaceBody(segment, run))
	}
}

// retract takes back a run of uploads, and lets it count again.
func (w *world) retract(r *rand.Rand) {
	w.n++
	d := decision.Decision{
		ID: fmt.Sprint("dec_", w.n), At: sys.Millis(w.clock.Now()), By: "somebody", Kind: decision.Retract, Source: "api", Run: fmt.Sprint("load-", 1+r.IntN(2)),
	}
	rec, err := d.Record()
	if err != nil {
		w.t.Fatal(err)
	}
	w.append(0, rec)
	if r.IntN(3) > 0 {
		w.fold()
		back := decision.Decision{ID: d.ID + "_back", At: d.At, By: "somebody", Kind: decision.Revoke, Target: d.ID}
		if rec, err = back.Record(); err != nil {
			w.t.Fatal(err)
		}
		w.append(0, rec)
	}
}

// TestListsAreWhatUploadsSay: random uploads that add, remove and replace, taken
// back and let count again, between calls that merge people: after every round the
// members are exactly those whom asking everybody finds.
func TestListsAreWhatUploadsSay(t *testing.T) {
	members := 0
	for seed := range uint64(60) {
		src := exprtest.New(seed)
		r := src.Rand
		w := newWorld(t, 1+int(seed%2))
		w.docs.Segments["a"] = json.RawMessage(`{"list":true}`)
		w.docs.Segments["made"] = json.RawMessage(`{"where":{"any":[{"segment":"a","op":"in"},{"segment":"b","op":"in"}]}}`)
		w.docs.Segments["b"] = json.RawMessage(`{"list":true}`)
		w.docs.Segments["not_a"] = json.RawMessage(`{"where":{"all":[{"segment":"a","op":"not_in"},{"event":"A"}]}}`)
		for round := range 12 {
			for range r.IntN(5) {
				w.upload(r, []string{"a", "b"}[r.IntN(2)])
				if r.IntN(2) == 0 {
					w.call(src, r)
				}
				if r.IntN(2) == 0 {
					w.fold()
				}
				if r.IntN(2) == 0 {
					w.step()
				}
			}
			if r.IntN(4) == 0 {
				w.retract(r)
			}
			if r.IntN(6) == 0 {
				w.interpret(w.cfg.Keys, 3-w.users)
			}
			w.fold()
			if r.IntN(4) == 0 {
				w.open()
			}
			w.settle()
			members += w.check(fmt.Sprintf("seed %d, round %d", seed, round))
		}
		w.checkTransitions()
		w.sameInAnotherOrder(r)
	}
	if members < 1000 {
		t.Errorf("there were only %d memberships", members)
	}
}

// sameInAnotherOrder holds the answers against those of the same records in
// another order, some of them twice.
func (w *world) sameInAnotherOrder(r *rand.Rand) {
	w.t.Helper()
	w.interpret(w.cfg.Keys, 1)
	w.fold()
	b := newWorld(w.t, 3)
	b.docs = w.docs
	for _, i := range r.Perm(len(w.records)) {
		p := int32(r.IntN(3))
		if w.records[i].Kind == record.Decision {
			p = 0
		}
		for range 1 + r.IntN(2) {
			b.append(p, w.records[i])
		}
		if r.IntN(3) == 0 {
			b.fold()
		}
	}
	b.fold()
	at := sys.Millis(w.clock.Now())
	if one, other := w.hashRows(at), b.hashRows(at); !slices.Equal(one, other) {
		w.t.Fatalf("\n%v\n%v", one, other)
	}
}
