package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"kith/internal/client"
	"kith/internal/collect"
	"kith/internal/errs"
	"kith/internal/pipeline"
	"kith/internal/sys"
)

// drainTime is how long requests under way have to end after a signal.
const drainTime = 5 * time.Second

// Serve listens and runs the roles until ctx ends, a part fails, or ready, which
// is called once the server answers, returns an error. It drains, closes the app
// and returns nil when ctx was the reason.
func (a *App) Serve(ctx context.Context, ready func(context.Context) error) (err error) {
	defer func() {
		if cerr := a.Close(); err == nil {
			err = cerr
		}
	}()
	main, err := listen(ctx, a.cfg.Addr)
	if err != nil {
		return err
	}
	a.url = "http://" + main.Addr().String()
	servers := map[net.Listener]*http.Server{main: a.server(a.handler)}
	if a.cfg.CollectAddr != "" {
		extra, err := listen(ctx, a.cfg.CollectAddr)
		if err != nil {
			return errors.Join(err, main.Close())
		}
		servers[extra] = a.server(a.collectHandler)
	}
	if err := a.writeAddress(); err != nil {
		return err
	}
	defer a.removeAddress()
	return a.runUntilDone(ctx, servers, ready)
}

func (a *App) runUntilDone(ctx context.Context, servers map[net.Listener]*http.Server, ready func(context.Context) error) error {
	g, running := errgroup.WithContext(ctx)
	stopped := make(chan struct{}) // requests have drained; the parts may stop
	for l, s := range servers {
		g.Go(func() error {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return errs.Wrap(err, errs.Unavailable, "app.listener", "the listener failed")
			}
			return nil
		})
	}
	g.Go(func() error {
		<-running.Done()
		defer close(stopped)
		return shutDown(servers)
	})
	g.Go(func() error { return a.runParts(stopped) })
	g.Go(func() error { return ready(running) })
	err := g.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// runParts runs what works in the background until stopped is closed.
func (a *App) runParts(stopped <-chan struct{}) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		select {
		case <-stopped:
			stop()
		case <-ctx.Done():
		}
		return nil
	})
	a.runs.Store(true)
	g.Go(func() error {
		a.sources.Run(ctx, func(err error) { a.logger.Warn("reading the sources again failed", "code", errs.CodeOf(err)) })
		return nil
	})
	g.Go(func() error {
		a.jobs.Run(ctx, func(err error) { a.logger.Warn("jobs that were left cannot be read", "code", errs.CodeOf(err)) })
		return nil
	})
	g.Go(func() error {
		if a.cfg.plays(RolePipeline) {
			err := a.runShare(ctx)
			if errs.CodeOf(err) != pipeline.CodeOlder {
				return err
			}
			a.logger.Warn("a newer kith works on this state: this process takes events and answers, and leaves folding, members of segments and tables to it; run that version here too")
		}
		a.followSettings(ctx)
		return nil
	})
	return g.Wait()
}

// runShare does this process's part of what is derived from the log, until ctx ends.
// The error has pipeline.CodeOlder when a newer kith has taken the state over.
func (a *App) runShare(ctx context.Context) error {
	leave, err := a.join()
	if err != nil {
		return err
	}
	defer leave() // of what has ended by then
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.runPipeline(ctx) })
	if a.archiver != nil {
		g.Go(func() error { return a.shares.Each(ctx, a.runArchiver) })
	}
	for duty, work := range map[int]func(context.Context){
		dutyLake: a.lake.Run, dutyMemberships: a.runMemberships, dutyScores: a.scores.Run, dutyHistory: a.moveHistory,
	} {
		g.Go(func() error {
			a.while(ctx, duty, work)
			return nil
		})
	}
	return g.Wait()
}

// shutDown lets requests under way end, for a bounded time.
func shutDown(servers map[net.Listener]*http.Server) error {
	ctx, stop := context.WithTimeout(context.Background(), drainTime)
	defer stop()
	var g errgroup.Group
	for _, s := range servers {
		g.Go(func() error {
			if err := s.Shutdown(ctx); err != nil {
				return s.Close()
			}
			return nil
		})
	}
	return g.Wait()
}

func (a *App) server(h http.Handler) *http.Server {
	s := collect.NewHTTPServer(h, collect.ServerConfig{Unlimited: a.cfg.Proxies})
	s.RegisterOnShutdown(a.feed.End) // streams would never end by themselves
	return s
}

// listen opens a TCP listener.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	return l, errs.Wrap(err, errs.Unavailable, "app.address", "the address %s cannot be listened on", addr)
}

// writeAddress tells commands on this machine where the server is.
func (a *App) writeAddress() error {
	name := filepath.Join(a.cfg.Data, client.AddressFile)
	err := sys.WriteFile(a.cfg.FS, name, []byte(a.url+"\n"))
	return errs.Wrap(err, errs.Unavailable, "app.address_file", "the file %s cannot be written", name)
}

func (a *App) removeAddress() {
	name := filepath.Join(a.cfg.Data, client.AddressFile)
	if err := a.cfg.FS.Remove(name); err != nil {
		a.logger.Warn("the address file stays behind", "file", name)
	}
}
