package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/resource"
	"kith/internal/share"
)

// What exists once for a workspace runs where a partition of the log is folded, so
// that it moves with that when a process comes or goes. The numbers, modulo that of
// partitions, spread it. What is done once beside the folding is with partition 0.
const (
	dutyMemberships = 1
	dutyLake        = 2
	dutyScores      = 3
	dutyHistory     = 4
)

// makeShares makes what says which partitions this process folds: all, unless
// others fold the same log into the same state.
func (a *App) makeShares() {
	a.shares = share.All(a.log.Partitions())
	if _, ok := topicOf(a.log); ok && a.shared() {
		a.shares = share.New()
	}
}

// shared reports whether other processes may work on the same state.
func (a *App) shared() bool { return a.cfg.StateURL != "" }

// folded reports whether somebody folds what is accepted: this process, or others
// on the same state.
func (a *App) folded() bool { return a.cfg.plays(RolePipeline) || a.shared() }

// join makes this process one of those that share the folding, until leave is
// called.
func (a *App) join() (leave func(), err error) {
	log, ok := topicOf(a.log)
	if !ok || !a.shared() {
		return func() {}, nil
	}
	tell := func(what string, change func(...int32)) func([]int32) {
		return func(partitions []int32) {
			change(partitions...)
			a.logger.Info(what, "partitions", partitions)
		}
	}
	group, err := log.Join(a.group, tell("folds more partitions", a.shares.Gain), tell("folds fewer partitions", a.shares.Lose))
	if err != nil {
		return nil, err
	}
	return group.Leave, nil
}

// while runs work whenever this process has a duty.
func (a *App) while(ctx context.Context, duty int, work func(context.Context)) {
	a.shares.While(ctx, int32(duty%a.log.Partitions()), work)
}

// The document that says what every process on a state must agree on.
const (
	kindAgreed = "agreed"
	keyAgreed  = "processes"
)

// agreed is what every process on a shared state must agree on. Processes that did
// not would each fold the log anew under its own, for ever.
type agreed struct {
	Key   string `json:"key"`   // stands for the secret of node ids
	Group string `json:"group"` // names those that share the folding into this state
}

// agree refuses a process that would read the log otherwise than those that work on
// the same state: with another key, or to fold it as an earlier version does. The error
// is of kind Invalid.
func (a *App) agree(ctx context.Context) error {
	if err := a.notOlder(ctx); err != nil || !a.shared() {
		return err
	}
	node := a.ws.Keyring().Node(identity.Identifier{Type: "agreed", Value: "by all"})
	key := hex.EncodeToString(node[:])
	var drawn [4]byte
	_, _ = a.cfg.Rand.Read(drawn[:]) // never fails
	return resource.NewDocuments(a.store).Change(ctx, func(c *resource.Change) error {
		doc, there, err := c.Get(kindAgreed, keyAgreed)
		if err != nil {
			return err
		}
		have := agreed{Key: key}
		if there && json.Unmarshal(doc.JSON, &have) != nil {
			return errs.New(errs.Corrupt, "app.agreed", "what the processes of this state agree on cannot be read")
		}
		if have.Key != key {
			return errs.New(errs.Invalid, "app.other_key", "this state was made with another KITH_ID_KEY: give every process the same, or begin with an empty state")
		}
		if have.Group == "" {
			have.Group = hex.EncodeToString(drawn[:])
		}
		a.group = have.Group
		text, err := json.Marshal(have)
		if err == nil && !bytes.Equal(text, doc.JSON) {
			c.Put(resource.Document{Kind: kindAgreed, Key: keyAgreed, Version: doc.Version + 1, JSON: text})
		}
		return errs.Wrap(err, errs.Internal, "app.agreed", "what the processes agree on cannot be written down")
	})
}

// notOlder refuses to fold into a state that a newer kith has made. What does not fold
// may go on beside it, as in an upgrade of one process after the other.
func (a *App) notOlder(ctx context.Context) error {
	if !a.cfg.plays(RolePipeline) {
		return nil
	}
	snap, err := a.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	newer, err := pipeline.Newer(ctx, snap)
	if newer {
		err = errs.New(errs.Invalid, "app.older", "a newer kith has made this state: run that version here too, or restore a backup from before it")
	}
	return err
}
