package app

import "kith/internal/feed"

// makeFeed makes what serves listeners to live events, under whatever
// configuration is in force at the time.
func (a *App) makeFeed() {
	a.feed = feed.New(feed.Config{
		State: a.store, Clock: a.cfg.Clock,
		Parts: func() feed.Parts {
			l := a.live.Load()
			return feed.Parts{Runner: l.runner, Reader: l.reader}
		},
	})
}
