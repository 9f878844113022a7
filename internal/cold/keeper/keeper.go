// Package keeper opens where old rows of the history lie, as the settings say,
// and keeps moving them there.
package keeper

import (
	"context"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kith/internal/clickhouse"
	"kith/internal/cold"
	coldrows "kith/internal/cold/clickhouse"
	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/sys"
)

// afterUsual is how old a row is that moves, unless the address says so.
const afterUsual = 90 * 24 * time.Hour

// place is what a setting says.
type place struct {
	loc   clickhouse.Location
	after time.Duration
}

// parse reads clickhouse://USER:PASSWORD@HOST:PORT/DATABASE?after=90d. The error is of
// kind Invalid and does not quote the address.
func parse(raw string) (p place, err error) {
	u, err := url.Parse(raw)
	if err != nil {
		return p, errs.New(errs.Invalid, "history.url", "it must be clickhouse://USER:PASSWORD@HOST:8123/DATABASE?after=90d")
	}
	query := u.Query()
	p.after = afterUsual
	if query.Has("after") {
		var ok bool
		if p.after, ok = parseAfter(query.Get("after")); !ok {
			return p, errs.New(errs.Invalid, "history.after", "after must be a number of days, hours, minutes or seconds such as 90d, 36h, 30m or 1s")
		}
		query.Del("after")
	}
	u.RawQuery = query.Encode()
	if p.loc, err = clickhouse.ParseURL(u.String()); err == nil && p.loc.Cluster != "" {
		err = errs.New(errs.Invalid, "history.cluster", "history cannot be kept on a cluster of ClickHouse: name one server, without cluster=")
	}
	return p, err
}

// afterMost bounds after: the oldest moment that it leads to is a moment still.
const afterMost = 100 * 365 * 24 * time.Hour

func parseAfter(s string) (time.Duration, bool) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second} {
		number, ok := strings.CutSuffix(s, suffix)
		if n, err := strconv.ParseUint(number, 10, 32); ok && err == nil && n > 0 && time.Duration(n) <= afterMost/unit {
			return time.Duration(n) * unit, true
		}
	}
	return 0, false
}

// Check returns what is wrong with the settings of the history and the state.
func Check(history, stateURL string) (bad []string) {
	if history == "" {
		return nil
	}
	if _, err := parse(history); err != nil {
		bad = append(bad, "--history: "+errs.DetailOf(err))
	}
	if stateURL == "" {
		bad = append(bad, "--history needs --state: the embedded state keeps its history itself")
	}
	return bad
}

// Times that the server may take. A transaction of the state that waits for an answer
// does nothing meanwhile, which the state's server allows for 6 s.
const (
	openTime  = 4 * time.Second
	readTime  = 5 * time.Second
	writeTime = 2 * time.Minute
)

// answerBytes bounds an answer.
const answerBytes = 1 << 30

// Settings say where old history lies and how it is reached.
type Settings struct {
	Address  string         // clickhouse://…; empty: all of it is in the state
	Allow    []netip.Prefix // addresses inside that may be reached
	Clock    sys.Clock
	Observer Observer

	// Later leaves opening it until it is needed. It is for a process that reads no
	// history in what it is there for, and can do that while the place is away.
	Later bool
}

// Open returns the state over what hot opens and the address names; the former
// alone without an address, unless rows of it lie elsewhere already.
func Open(ctx context.Context, s Settings, hot func() (state.Store, error)) (state.Store, error) {
	store, err := hot()
	if err != nil {
		return nil, err
	}
	out, err := open(ctx, &s, store)
	if err != nil {
		_ = store.Close() // the first error is the one to tell
		return nil, err
	}
	return out, nil
}

func open(ctx context.Context, s *Settings, store state.Store) (state.Store, error) {
	if s.Address == "" {
		used, err := cold.Used(ctx, store)
		if used {
			err = errs.New(errs.Invalid, "history.setting", "older history of this state lies in ClickHouse: say where with --history or KITH_HISTORY")
		}
		return store, err
	}
	p, err := parse(s.Address)
	if err != nil {
		return nil, err
	}
	verified := func(ctx context.Context) (cold.Backend, error) {
		ctx, stop := context.WithTimeout(ctx, openTime)
		defer stop()
		backend, err := p.open(ctx, s)
		if err != nil {
			return nil, err
		}
		return backend, cold.New(store, backend).Verify(ctx)
	}
	if s.Later {
		return &Store{cold.New(store, &later{open: verified}), p.after}, nil
	}
	backend, err := verified(ctx)
	if err != nil {
		return nil, err
	}
	return &Store{cold.New(store, backend), p.after}, nil
}

// open reaches the place.
func (p *place) open(ctx context.Context, s *Settings) (cold.Backend, error) {
	cfg := clickhouse.Config{Allow: s.Allow, Timeout: writeTime, AnswerBytes: answerBytes}
	write := clickhouse.Open(p.loc, cfg)
	cfg.Timeout = readTime
	backend, err := coldrows.Open(ctx, clickhouse.Open(p.loc, cfg), write)
	if err != nil {
		return nil, err
	}
	return measure(backend, s), nil
}

// Store is a state whose older history lies elsewhere.
type Store struct {
	*cold.Store
	after time.Duration
}
