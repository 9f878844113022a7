package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"

	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/state"
)

// derived lists the families that a rebuild makes anew from the log, beside the
// cursors. Without the rows of the first one, no history lies elsewhere any more.
var derived = [...]state.Family{
	state.FamilyCold, state.FamilyAdjacent, state.FamilyMarkDay, state.FamilyFact, state.FamilyHistory,
	state.FamilyIdentifier, state.FamilyMark, state.FamilyObservation, state.FamilyQuarantine, state.FamilySearch, state.FamilyTrait,
	state.FamilyLedger, state.FamilyConsent, state.FamilyEntity, state.FamilyEntityWrite, state.FamilyOwned,
	state.FamilyCluster, state.FamilyJournal, state.FamilyWaiting, state.FamilyLake, state.FamilyDecision, state.FamilyRun, state.FamilyRuling,
}

// interpretationKey is the row that says under which interpreting configuration
// the state was made. No partition has that number.
func interpretationKey() []byte { return cursorKey(-1) }

// FoldVersion rises when a new version of kith reads the same records differently, so
// that the state is made anew at its first start. An earlier version then leaves the
// state alone: otherwise the two would make it anew in turn, for ever.
const FoldVersion = 3

// CodeOlder is the code of the error of kind Unavailable that a newer kith works on the
// state.
const CodeOlder = "pipeline.older"

func errOlder() error {
	return errs.New(errs.Unavailable, CodeOlder, "a newer kith works on this state: run that version here too")
}

// marked is what the row of the interpretation holds: 32 bytes that tell for what the
// state was made, and the version that has made it so.
func marked(made [sha256.Size]byte) []byte {
	return binary.AppendUvarint(made[:], FoldVersion)
}

// emptying stands in the row while the state is emptied.
func emptying() []byte { return marked([sha256.Size]byte{}) }

// Emptying reports whether a row of the interpretation is of a state that is emptied,
// to be made anew.
func Emptying(row []byte) bool { return bytes.HasPrefix(row, make([]byte, sha256.Size)) }

// versionOf is the version that wrote the row; ok is false for what is no such row.
func versionOf(row []byte) (version uint64, ok bool) {
	if len(row) < sha256.Size {
		return 0, false
	}
	version, n := binary.Uvarint(row[sha256.Size:])
	return version, n > 0 && sha256.Size+n == len(row)
}

// Newer reports whether a newer kith than this one has made a state.
func Newer(ctx context.Context, r state.Reader) (bool, error) {
	_, row, err := Interpretation(ctx, r)
	version, _ := versionOf(row)
	return version > FoldVersion, err
}

// Fingerprint tells one interpretation from another: it is a hash of everything that it
// depends on beside the records, and the FoldVersion.
func (in *Interpreter) Fingerprint() ([]byte, error) {
	var purposes any
	if in.Consent != nil {
		purposes = in.Consent.Meaning()
	}
	doc, err := json.Marshal(struct {
		Identity *identity.Config
		Blocked  []string
		Key      identity.NodeID // stands for the secret that node ids are made with
		Purposes any
		Entities *entity.Config
	}{in.Identity, in.Identity.Blocked.Rules(), in.Keys.Node(identity.Identifier{Type: "fingerprint", Value: "of the key"}), purposes, in.Entities})
	if err != nil {
		return nil, errs.Wrap(err, errs.Internal, "pipeline.fingerprint", "the interpreting configuration cannot be written down")
	}
	return marked(sha256.Sum256(doc)), nil
}

// Prepare makes the state fit the interpreter: a state that was made under
// another configuration is emptied, so that folding starts at the beginning of
// the log. Workers elsewhere that still have the other configuration stop at
// their next commit and begin no new one. Another process that does the same gets
// kind Conflict, and finds it done when it tries again. A state that a newer kith has
// made is left alone; the error then has CodeOlder. It must not run beside this
// runner's Run. rebuilt tells that the state was emptied.
func (r *Runner) Prepare(ctx context.Context) (rebuilt bool, err error) {
	have, want, err := r.interpretations(ctx)
	if err != nil || string(have) == string(want) {
		return false, err
	}
	if err := r.fence(ctx, have); err != nil {
		return false, err
	}
	if err := r.wipe(ctx); err != nil {
		return false, err
	}
	return have != nil, r.update(ctx, func(tx state.Tx) error {
		tx.PutIf(interpretationKey(), emptying(), want)
		return nil
	})
}

// fence takes the cursors back to the beginning of the log, where anything was or may
// be folded in another epoch, and marks the state as belonging to nobody, in one step:
// commits of others then fail, however late they come, and none is begun.
func (r *Runner) fence(ctx context.Context, have []byte) error {
	return r.update(ctx, func(tx state.Tx) error {
		for p := int32(0); int(p) < r.Log.Partitions(); p++ {
			switch cur, err := readCursor(ctx, tx, p); {
			case err != nil:
				return err
			case have != nil || cur.Next > 0:
				tx.Put(cursorKey(p), (&Cursor{Epoch: cur.Epoch + 1}).encode())
			}
		}
		tx.PutIf(interpretationKey(), have, emptying())
		return nil
	})
}

// mayFold refuses to fold into a state that belongs to another configuration. A
// state that no Prepare has seen belongs to everybody.
func (r *Runner) mayFold(ctx context.Context) error {
	have, want, err := r.interpretations(ctx)
	if err != nil || have == nil {
		return err
	}
	if string(have) != string(want) {
		return errs.New(errs.Unavailable, "pipeline.other_interpretation", "the state is being made under another configuration than this process has")
	}
	return nil
}

// Prepared reports whether the state fits the interpreter. The error has CodeOlder when
// it never will.
func (r *Runner) Prepared(ctx context.Context) (bool, error) {
	have, want, err := r.interpretations(ctx)
	return string(have) == string(want), err
}

// interpretations are that under which the state was made and this process's own. The
// error has CodeOlder when a newer kith has made the state.
func (r *Runner) interpretations(ctx context.Context) (have, want []byte, err error) {
	if want, err = r.Interpreter.Fingerprint(); err != nil {
		return nil, nil, err
	}
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer snap.Close()
	_, have, err = Interpretation(ctx, snap)
	if version, _ := versionOf(have); err == nil && version > FoldVersion {
		err = errOlder()
	}
	return have, want, err
}

// wipe deletes the derived rows. The row of the interpretation, which fits nobody
// by now, stays until all are gone, so a wipe that was cut short is begun again,
// also under the configuration that the state was made under.
func (r *Runner) wipe(ctx context.Context) error {
	for _, f := range derived {
		for {
			n, err := r.wipeSome(ctx, f)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	}
	return nil
}

// wipeSome deletes a bounded number of rows of a family.
func (r *Runner) wipeSome(ctx context.Context, f state.Family) (int, error) {
	rng := state.Prefix([]byte{byte(f)})
	rng.Limit = 10_000
	n := 0
	err := r.update(ctx, func(tx state.Tx) error {
		for kv, err := range tx.Scan(ctx, rng) {
			if err != nil {
				return err
			}
			n++
			tx.Delete(append([]byte(nil), kv.Key...))
		}
		tx.PutIf(interpretationKey(), emptying(), emptying()) // else another process has emptied it and begun
		return nil
	})
	return n, err
}

// update commits one transaction that holds every partition.
func (r *Runner) update(ctx context.Context, f func(state.Tx) error) error {
	var locks []state.Lock
	for p := range r.Log.Partitions() {
		locks = append(locks, state.PartitionLock(int32(p)))
	}
	tx, err := r.State.Begin(ctx, locks)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit(ctx, state.Cursor{})
}
