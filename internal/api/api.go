// Package api answers over HTTP what operators, scripts and products ask of kith:
// how far it is, what it knows of a person, what it could not take, and which
// sources there are. Every route stands in the table that Table returns; nothing
// else is mounted or described.
package api

import (
	"context"
	"io"
	"net/http"

	"kith/internal/api/space"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/job"
	"kith/internal/profile"
	"kith/internal/resource"
	"kith/internal/route"
	"kith/internal/search"
	"kith/internal/workspace"
)

// Profiles answers questions about people.
type Profiles interface {
	// Read returns the profile that a reference names; an unknown one gives an
	// error of kind NotFound.
	Read(ctx context.Context, ref profile.Ref) (profile.Profile, error)
	// ReadAsOf returns it as the events up to a moment (UTC milliseconds) make it;
	// a person without one gives an error of kind NotFound.
	ReadAsOf(ctx context.Context, ref profile.Ref, at int64) (profile.Profile, error)
	// Events returns a page of a profile's timeline, newest first.
	Events(ctx context.Context, ref profile.Ref, page profile.Page) (profile.EventPage, error)
	// Select returns a page of what is selected of a person's timeline, or of an
	// account's under a reference of profile.AccountType.
	Select(ctx context.Context, ref profile.Ref, sel profile.Selection, page profile.Page) (profile.SelectedPage, error)
	// Account returns what is known of an account; an unknown one gives an error
	// of kind NotFound.
	Account(ctx context.Context, id string) (profile.Profile, error)
	// Members returns the ids of profiles that belong to an account, those that
	// were active in it last first.
	Members(ctx context.Context, account string, limit int) ([]identity.NodeID, error)
	// Find returns the profiles that fit a query, best first, from the offset on.
	Find(ctx context.Context, q string, offset, limit int) (search.Answer, error)
}

// Pipeline is what the API asks and orders of the fold.
type Pipeline interface {
	// Status returns how far it is.
	Status(ctx context.Context) (Status, error)
	// Hash computes the state's hash at a moment (UTC milliseconds).
	Hash(ctx context.Context, at int64) (Hash, error)
	// Flush returns once everything that was accepted before the call shows
	// everywhere, or with an error of kind Unavailable when ctx ends before.
	Flush(ctx context.Context) error
	// Quarantine returns up to limit records that were set apart, after the one
	// of that id (empty: from the first), and whether more follow.
	Quarantine(ctx context.Context, after string, limit int) (held []Held, more bool, err error)
	// Quarantined returns one of them; an unknown id gives kind NotFound.
	Quarantined(ctx context.Context, id string) (Held, error)
	// Retry puts one back; the error is of kind Invalid with the
	// reason when it still cannot be folded.
	Retry(ctx context.Context, id string) error
	// Trace tells what happened to a message, or to the one record of it that a
	// position names unless that is empty. What is not there gives kind NotFound.
	Trace(ctx context.Context, source, messageID, position string) (Trace, error)
}

// Config is what the API works with. Everything but Ready is needed.
type Config struct {
	Profiles    Profiles
	Pipeline    Pipeline
	Identity    Identity
	Jobs        *job.Jobs
	Live        Live
	Sources     *resource.Sources
	Purposes    *resource.Collection[resource.Purpose]
	Consents    Consents
	Definitions Definitions
	Entities    *resource.Collection[resource.Entity]
	Rows        Rows
	Lists       Lists
	Metrics     http.Handler
	// Backup writes an archive of everything. An error before the first byte means
	// that nothing was written.
	Backup  func(ctx context.Context, w io.Writer) error
	Now     func() int64 // UTC milliseconds
	Version string       // of the program, for the OpenAPI document
	// Ready tells why calls could not be served at this moment; nil is always
	// ready.
	Ready func(context.Context) error
}

// API holds the handlers. It is safe for concurrent use.
type API struct {
	cfg Config
}

// New returns the API. It panics when a needed part of the configuration is
// missing.
func New(cfg Config) *API {
	if cfg.Profiles == nil || cfg.Pipeline == nil || cfg.Identity == nil || cfg.Jobs == nil || cfg.Live == nil || cfg.Sources == nil || cfg.Purposes == nil || cfg.Consents == nil || cfg.Definitions == nil || cfg.Entities == nil || cfg.Rows == nil || cfg.Lists == nil || cfg.Metrics == nil || cfg.Now == nil || cfg.Backup == nil {
		panic("BUG: the API needs profiles, a pipeline, identity, jobs, live events, sources, purposes, consents, definitions, entities, rows, lists, metrics, backups and the time")
	}
	return &API{cfg}
}

// Table returns the rows of the API and the given ones of other parts as one
// table, whose row for the OpenAPI document describes them all.
func (a *API) Table(others ...route.Route) ([]route.Route, error) {
	var table []route.Route
	for _, rows := range [][]route.Route{a.statusRows(), a.profileRows(), a.searchRows(), a.identityRows(), space.Routes(a.cfg.Profiles), a.traceRows(), a.liveRows(), a.quarantineRows(), a.sourceRows(), a.purposeRows(), a.consentRows(), a.definitionRows(), a.entityRows(), a.backupRows(), others} {
		table = append(table, rows...)
	}
	return a.System(table...)
}

// System returns what machines ask of every process, whatever it does, and the given
// rows as one table, with the OpenAPI document that describes them all.
func (a *API) System(others ...route.Route) ([]route.Route, error) {
	var document []byte
	table := append(a.systemRows(&document), others...)
	var err error
	document, err = route.OpenAPI(table, route.Info{
		Title:       "kith",
		Version:     a.cfg.Version,
		Description: "A customer data platform: the collector that SDKs send to, and the API of what it makes of their events.",
		Schemas:     schemas(),
	})
	return table, err
}

// Keys is the authenticator of one workspace: the admin token, and the write
// keys of its sources, which open the collector alone.
type Keys struct {
	Admin     resource.Digest
	Sources   *resource.Sources
	Workspace workspace.Handle
}

// Authenticate implements route.Authenticator.
func (k *Keys) Authenticate(_ context.Context, token string) (route.Principal, error) {
	if k.Admin.Matches(token) {
		return route.Principal{Key: route.AdminKey, Name: "admin", Workspace: k.Workspace}, nil
	}
	if src, ok := k.Sources.ByWriteKey(token); ok && src.Enabled {
		return route.Principal{Key: route.WriteKey, Name: src.Key, Workspace: k.Workspace}, nil
	}
	return route.Principal{}, errs.New(errs.Denied, route.CodeBadKey, "the key is not known")
}
