package app

import (
	"context"
	"encoding/json"
	"path/filepath"

	"kith/internal/errs"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	idsettings "kith/internal/identity/settings"
	"kith/internal/job"
	"kith/internal/pipeline"
	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/sys"
)

// kindTry is the kind of the jobs that say what other settings would change.
const kindTry = "identity.try"

// Try implements api.Identity.
func (k kinship) Try(ctx context.Context, doc idsettings.Document) (job.Job, error) {
	params, err := doc.JSON()
	if err != nil {
		return job.Job{}, err
	}
	return k.app.jobs.Start(ctx, kindTry, params, func(ctx context.Context, report func(job.Progress)) (json.RawMessage, error) {
		return k.app.try(ctx, doc, report)
	})
}

// try compares who is who today with who would be under other settings, without
// touching the state.
func (a *App) try(ctx context.Context, doc idsettings.Document, report func(job.Progress)) (json.RawMessage, error) {
	l := a.live.Load()
	candidate := doc.Config()
	candidate.Sources = l.rules.Sources
	today, err := a.evidence(ctx, a.store)
	if err != nil {
		return nil, err
	}
	before := today.Derive(l.rules)
	then, from := today, "observations"
	if !l.rules.ReadsAlike(candidate) {
		from = "log"
		if then, err = a.foldAside(ctx, candidate, report); err != nil {
			return nil, err
		}
	}
	after := then.Derive(candidate)
	for n, id := range then.IDs {
		today.IDs[n] = id
	}
	return reportOf(identity.Compare(before, after, today.IDs), today.IDs, from)
}

func (a *App) evidence(ctx context.Context, store state.Store) (*identity.Evidence, error) {
	snap, err := store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	return identity.ReadEvidence(ctx, snap)
}

// foldAside folds the log into a state of its own, and returns who is seen with
// whom there.
func (a *App) foldAside(ctx context.Context, candidate *identity.Config, report func(job.Progress)) (*identity.Evidence, error) {
	a.aside.Lock()
	defer a.aside.Unlock()
	dir := filepath.Join(a.ws.Dir(), "scratch")
	if err := a.cfg.FS.RemoveAll(dir); err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "app.scratch", "the scratch folder cannot be emptied")
	}
	defer func() { _ = a.cfg.FS.RemoveAll(dir) }() // the next one empties it too
	if err := sys.MakeDir(a.cfg.FS, dir, 0o700); err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "app.scratch", "the scratch folder cannot be made")
	}
	store, err := pebble.Open(dir, pebble.Options{FS: a.cfg.FS, Clock: a.cfg.Clock, NoSync: true})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	interpreter := *a.live.Load().runner.Interpreter
	interpreter.Identity = candidate
	runner := &pipeline.Runner{
		Log: a.log, State: store, Stages: &pipeline.Stages{History: keyed.Index{}}, Interpreter: &interpreter, Clock: a.cfg.Clock,
	}
	if err := foldUpTo(ctx, runner, report); err != nil {
		return nil, err
	}
	return a.evidence(ctx, store)
}

// foldUpTo folds what is in the log now.
func foldUpTo(ctx context.Context, runner *pipeline.Runner, report func(job.Progress)) error {
	ends, err := runner.Log.Ends(ctx)
	if err != nil {
		return err
	}
	var p job.Progress
	for _, end := range ends {
		p.Total += end
	}
	for i, end := range ends {
		for done := int64(0); done < end; {
			n, err := runner.RunOnce(ctx, int32(i))
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			done, p.Accepted = done+int64(n), p.Accepted+int64(n)
			report(p)
		}
	}
	for more := true; more; {
		if more, err = runner.Sweep(ctx); err != nil {
			return err
		}
	}
	return nil
}

// namedID is an identifier of a report.
type namedID struct {
	Type      string `json:"type"`
	Value     string `json:"value"`
	ProfileID string `json:"profile_id"`
}

type regrouped struct {
	Profiles int             `json:"profiles"`
	Samples  []regroupedFrom `json:"samples"`
}

type regroupedFrom struct {
	Before []namedID `json:"before"`
	After  []namedID `json:"after"`
}

type counted struct {
	Count   int       `json:"count"`
	Samples []namedID `json:"samples"`
}

// difference is the report: what would become of profiles.
type difference struct {
	From     string `json:"from"` // what it was computed from
	Profiles struct {
		Before int `json:"before"`
		After  int `json:"after"`
	} `json:"profiles"`
	Merged      regrouped `json:"merged"`
	Split       regrouped `json:"split"`
	Renamed     regrouped `json:"renamed"`
	Quarantined counted   `json:"quarantined"`
	Released    counted   `json:"released"`
	Gone        counted   `json:"identifiers_gone"`
	New         counted   `json:"identifiers_new"`
}

func reportOf(d identity.Difference, ids map[identity.NodeID]identity.Identifier, from string) (json.RawMessage, error) {
	name := func(nodes []identity.NodeID) []namedID {
		out := make([]namedID, len(nodes))
		for i, n := range nodes {
			out[i] = namedID{ids[n].Type, ids[n].Value, n.String()}
		}
		return out
	}
	group := func(count int, list []identity.Regrouping) regrouped {
		out := regrouped{Profiles: count, Samples: []regroupedFrom{}}
		for _, r := range list {
			out.Samples = append(out.Samples, regroupedFrom{name(r.Before), name(r.After)})
		}
		return out
	}
	r := difference{
		From: from, Merged: group(d.Counts.Merged, d.Merged), Split: group(d.Counts.Split, d.Split), Renamed: group(d.Counts.Renamed, d.Renamed),
		Quarantined: counted{d.Counts.Quarantined, name(d.Quarantined)}, Released: counted{d.Counts.Released, name(d.Released)},
		Gone: counted{d.Counts.Gone, name(d.Gone)}, New: counted{d.Counts.New, name(d.New)},
	}
	r.Profiles.Before, r.Profiles.After = d.Before, d.After
	b, err := json.Marshal(r)
	return b, errs.Wrap(err, errs.Internal, "identity.report", "a report could not be written down")
}
