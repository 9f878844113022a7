package app

import (
	"bytes"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"kith/internal/errs"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/resource"
)

// live is what depends on the interpreting configuration. It is replaced whole
// when the configuration changes.
type live struct {
	rules       *identity.Config
	fingerprint []byte
	runner      *pipeline.Runner
	reader      *profile.Reader
}

// interpretation is the identity configuration of today: the defaults and what
// the sources say about their identifiers.
func (a *App) interpretation(ctx context.Context) (*identity.Config, error) {
	document, err := a.identitySettings(ctx)
	if err != nil {
		return nil, err
	}
	cfg := document.Config()
	if cfg.Survivorship, err = a.survivorship(ctx); err != nil {
		return nil, err
	}
	cfg.Sources = map[string]identity.SourceRule{}
	for after, more := "", true; more; {
		var page []resource.Source
		var err error
		if page, more, err = a.sources.List(ctx, after, 100); err != nil {
			return nil, err
		}
		for _, s := range page {
			after = s.Key
			if s.DefaultCountry != "" || len(s.Identifies) > 0 {
				cfg.Sources[s.Key] = identity.SourceRule{Country: s.DefaultCountry, Identifies: set(s.Identifies)}
			}
		}
	}
	return cfg, nil
}

// set is nil for an empty list, which means no restriction.
func set(list []string) map[string]bool {
	if len(list) == 0 {
		return nil
	}
	out := make(map[string]bool, len(list))
	for _, s := range list {
		out[s] = true
	}
	return out
}

// makeLive builds the parts that depend on the configuration of today.
func (a *App) makeLive(ctx context.Context) (*live, error) {
	rules, err := a.interpretation(ctx)
	if err != nil {
		return nil, err
	}
	purposes, err := a.declaredPurposes(ctx)
	if err != nil {
		return nil, err
	}
	entities, err := a.declaredEntities(ctx)
	if err != nil {
		return nil, err
	}
	index := keyed.Index{}
	l := &live{
		rules: rules,
		runner: &pipeline.Runner{
			Log: a.log, State: a.store, Stages: &pipeline.Stages{History: index},
			Interpreter: &pipeline.Interpreter{Identity: rules, Keys: a.ws.Keyring(), Consent: purposes, Fields: a.definitions.Fields, Entities: entities},
			Clock:       a.cfg.Clock, Observer: a.pipelineObserver(rules), Reaccept: a.collector.Reaccept, Share: a.shares.Each,
		},
		reader: &profile.Reader{State: a.store, History: index, Log: a.log, Config: rules, Keys: a.ws.Keyring()},
	}
	l.fingerprint, err = l.runner.Interpreter.Fingerprint()
	return l, err
}

func (a *App) makePipeline(ctx context.Context) error {
	l, err := a.makeLive(ctx)
	a.live.Store(l)
	a.makeFeed()
	return err
}

// lookEvery is how often the pipeline looks whether another process has changed
// the settings; a flush makes it look at once.
const lookEvery = time.Second

// runPipeline folds until ctx ends, or a newer kith has taken the state over, which
// the error tells with pipeline.CodeOlder. What else stops the folding, such as a
// damaged file of the log, is logged and makes the process not ready; events are taken
// and profiles answered all the while, and folding is tried again.
func (a *App) runPipeline(ctx context.Context) error {
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, time.Minute) {
		err := a.foldRounds(ctx)
		if err == nil || errs.CodeOf(err) == pipeline.CodeOlder {
			return err
		}
		if passes(err) {
			wait = time.Second
		}
		a.trouble.Store(&err)
		if errs.Is(err, errs.Conflict) && a.cfg.LogURL != "" {
			// As when a partition goes to a node that joins: what was begun here is left.
			a.logger.Info("another node was first; folding goes on where it stands", "code", errs.CodeOf(err))
		} else {
			a.logger.Error("folding has stopped and will be tried again", "code", errs.CodeOf(err), "error", err)
		}
		select {
		case <-ctx.Done():
		case <-a.cfg.Clock.After(wait):
		}
	}
	return nil
}

// passes reports whether an error may soon be over: an engine is away, or another
// process was first.
func passes(err error) bool { return errs.Is(err, errs.Conflict) || errs.Is(err, errs.Unavailable) }

// foldRounds folds until ctx ends or an error. When the interpreting
// configuration changes it begins anew under the new one.
func (a *App) foldRounds(ctx context.Context) error {
	for ctx.Err() == nil {
		l := a.live.Load()
		rebuilt, err := l.runner.Prepare(ctx)
		if err != nil {
			return ignoreEnd(ctx, err)
		}
		if rebuilt && a.logHolds(ctx) {
			a.logger.Info("the interpreting configuration has changed: the log is folded anew")
		}
		next, err := a.foldUnder(ctx, l)
		if err != nil {
			return ignoreEnd(ctx, err)
		}
		if next != nil {
			a.live.Store(next)
		}
	}
	return nil
}

// logHolds reports whether there is anything to fold anew; what cannot be told
// counts as something.
func (a *App) logHolds(ctx context.Context) bool {
	ends, err := a.log.Ends(ctx)
	return err != nil || slices.ContainsFunc(ends, func(end int64) bool { return end > 0 })
}

func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// foldUnder folds under one configuration until ctx ends or another one is in
// force, which it returns.
func (a *App) foldUnder(ctx context.Context, l *live) (next *live, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.runner.Run(ctx) })
	if a.shared() {
		g.Go(func() error { return a.awaitNewer(ctx, l) })
	}
	g.Go(func() error {
		defer stop()
		next, err = a.awaitChange(ctx, l)
		return err
	})
	return next, g.Wait()
}

// awaitNewer returns an error once a newer kith has taken the state over, nil when ctx
// ends. A process without anything to fold would not come to know.
func (a *App) awaitNewer(ctx context.Context, l *live) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.cfg.Clock.After(lookEvery):
		}
		if _, err := l.runner.Prepared(ctx); errs.CodeOf(err) == pipeline.CodeOlder {
			return err
		}
	}
}

// followSettings keeps the settings in force in a process that does not fold, until
// ctx ends.
func (a *App) followSettings(ctx context.Context) {
	for ctx.Err() == nil {
		next, err := a.awaitChange(ctx, a.live.Load())
		if err != nil {
			a.logger.Warn("reading the settings again failed", "code", errs.CodeOf(err))
		}
		if next != nil {
			a.live.Store(next)
		}
	}
}

// awaitChange returns what is to be used instead of l, or nil when ctx ends.
func (a *App) awaitChange(ctx context.Context, l *live) (*live, error) {
	for {
		var asked chan struct{}
		select {
		case <-ctx.Done():
			return nil, nil
		case asked = <-a.recheck:
		case <-a.cfg.Clock.After(lookEvery):
		}
		next, err := a.makeLive(ctx)
		if err == nil {
			_, err = a.definitions.Documents(ctx) // and with them the fields that the history keeps
		}
		if asked != nil {
			close(asked)
		}
		switch {
		case err != nil && !errs.Is(err, errs.Unavailable):
			return nil, ignoreEnd(ctx, err)
		case err == nil && !bytes.Equal(next.fingerprint, l.fingerprint):
			return next, nil
		}
	}
}

// settle returns once the settings in force are those of today, so that a flush
// after a change waits for what the change means. Where nobody folds there is
// nothing to wait for.
func (a *App) settle(ctx context.Context) error {
	if !a.runs.Load() || !a.folded() {
		return nil
	}
	want, err := a.makeLive(ctx)
	if err != nil {
		return err
	}
	for !bytes.Equal(a.live.Load().fingerprint, want.fingerprint) {
		asked := make(chan struct{})
		select {
		case <-ctx.Done():
			return errs.Wrap(ctx.Err(), errs.Unavailable, "flush.timeout", "a changed setting was not in force in time")
		case a.recheck <- asked:
		case <-a.cfg.Clock.After(lookEvery):
			continue
		}
		<-asked
	}
	return a.awaitPrepared(ctx)
}

// awaitPrepared returns once the state fits the settings in force.
func (a *App) awaitPrepared(ctx context.Context) error {
	for {
		l := a.live.Load()
		ready, err := l.runner.Prepared(ctx)
		if err != nil || ready {
			return err
		}
		select {
		case <-ctx.Done():
			return errs.Wrap(ctx.Err(), errs.Unavailable, "flush.timeout", "the state was not made anew in time")
		case <-a.cfg.Clock.After(20 * time.Millisecond):
		}
	}
}
