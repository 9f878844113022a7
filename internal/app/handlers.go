package app

import (
	"context"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"kith/internal/api"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/resource"
	"kith/internal/route"
	"kith/internal/signin"
	"kith/internal/sys"
	"kith/web"
)

// makeHandlers mounts the routes of the roles. The document describes what is
// mounted and nothing else.
func (a *App) makeHandlers(context.Context) error {
	keys := &api.Keys{Admin: a.admin, Sources: a.sources, Workspace: a.ws}
	a.sessions = signin.New(signin.Config{
		Clock: a.cfg.Clock, Rand: a.cfg.Rand, Holder: keys,
		Owner:     route.Principal{Key: route.AdminKey, Name: "admin", Workspace: a.ws},
		Documents: resource.NewDocuments(a.store), Grant: a.grant(),
	})
	opts := route.Options{
		Rand: a.cfg.Rand, Clock: a.cfg.Clock,
		Called: func(c route.Call) { a.metrics.Called(c.Route, c.Status, c.Took) },
		Failed: func(f route.Failure) {
			a.metrics.Failed(f.Stack != nil)
			a.logger.Error("a request failed by a defect or damaged data", "request_id", f.RequestID, "route", f.Route, "code", errs.CodeOf(f.Err), "stack", string(f.Stack))
		},
	}
	var collector []route.Route
	if a.cfg.plays(RoleCollect) {
		collector = a.collector.Routes()
	}
	all := api.New(api.Config{
		Profiles: people{a}, Pipeline: fold{a}, Identity: kinship{a}, Jobs: a.jobs, Live: a.feed, Sources: a.sources, Purposes: a.purposes, Consents: ledger{a}, Definitions: a.definitions, Entities: a.entities, Rows: rows{a}, Lists: lists{a}, Metrics: a.metrics.Handler(), Backup: a.backup,
		Now: func() int64 { return sys.Millis(a.cfg.Clock.Now()) }, Version: a.cfg.Version, Ready: a.ready,
	})
	table, err := a.rowsOf(all, collector)
	if err != nil {
		return err
	}
	if a.cfg.plays(RoleAPI) {
		opts.Session = a.sessions.Of
	}
	if a.handler, err = route.Mux(table, keys, opts); err != nil {
		return err
	}
	a.collectHandler = http.NotFoundHandler()
	if len(collector) > 0 {
		a.collectHandler, err = route.Mux(collector, keys, opts)
	}
	return err
}

// rowsOf is the table of the roles: what is asked of every process, the collector's
// rows, and the API with the interface.
func (a *App) rowsOf(all *api.API, collector []route.Route) ([]route.Route, error) {
	if !a.cfg.plays(RoleAPI) {
		return all.System(collector...)
	}
	pages, err := web.Rows()
	if err != nil {
		return nil, err
	}
	a.pages = len(pages) > 0
	return all.Table(slices.Concat(a.uploader().Routes(), a.sqlRoutes(), a.sessions.Rows(), pages, collector)...)
}

// grant stands for the admin token, by whose leave browsers are signed in: with
// another token they are no more. It tells nothing of the token.
func (a *App) grant() string {
	return a.ws.Keyring().Node(identity.Identifier{Type: "admin", Value: hex.EncodeToString(a.admin[:])}).String()
}

// SignInLink makes an address that signs one browser in, once and for a short
// time; empty when there is no interface to sign in to. The server must listen.
func (a *App) SignInLink(ctx context.Context) (string, error) {
	if !a.pages {
		return "", nil
	}
	code, err := a.sessions.NewCode(ctx)
	return signin.Link(a.url, signin.LinkPath(code)), err
}

// readyTime bounds how long the engines have to answer whether a process is ready.
const readyTime = 3 * time.Second

// ready tells whether this process can do what its roles ask: a collector needs the
// log alone, the others the state too, and where events are folded that must not
// have stopped.
func (a *App) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	if !a.cfg.plays(RolePipeline) && !a.cfg.plays(RoleAPI) {
		_, err := a.log.Ends(ctx)
		return err
	}
	status, err := a.live.Load().runner.Status(ctx)
	if err != nil {
		return err
	}
	if stopped := a.trouble.Load(); stopped != nil && status.Lag() > 0 {
		return *stopped
	}
	return nil
}
