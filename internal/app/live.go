package app

import (
	"time"

	"kith/internal/feed"
)

// makeFeed makes what serves listeners to live events, under whatever
// configuration is in force at the time.
func (a *App) makeFeed() {
	var poll time.Duration // as usual
	if a.shared() {
		poll = 200 * time.Millisecond // others fold too
	}
	a.feed = feed.New(feed.Config{
		State: a.store, Clock: a.cfg.Clock, Poll: poll,
		Parts: func() feed.Parts {
			l := a.live.Load()
			return feed.Parts{Runner: l.runner, Reader: l.reader}
		},
	})
}
