package sizing

import (
	"math"
	"testing"
)

// round is a table of numbers that can be multiplied by heart.
func round() (t lookup) {
	for i, v := range map[int]float64{
		acceptBatch: 2, acceptSingle: 40, fold: 50, definition: 10, tables: 100, merge: 28,
		embeddedFoldSerial: 100, embeddedTablesSerial: 50, sharedFoldSerial: 90, sharedTransaction: 10,
		sharedAccept: 20, sharedFold: 30, sharedTables: 22, postgresFold: 40, postgresTables: 10, kafkaCPU: 100, standbyCPU: 20,
		logBatch: 60, logSingle: 160, stateEvent: 400, lakeEvent: 40, kafkaEvent: 200, postgresEvent: 1000, archiveEvent: 60, postgresTable: 10_000,
		historyEvent: 300, historyPerson: 100, historyCold: 60, historyMove: 200, historyMoveCPU: 1000, factEvent: 100, factCold: 40, clickhouseMemory: 3,
		nodeMemory: 0.5, mergeMemory: 1, queryMemory: 0.5, brokerMemory: 6, postgresMemory: 4,
		headroom: 1.5, busiest: 0.5, spareDisk: 1.25, visit: 5, touched: 40,
	} {
		t[i] = v
	}
	return t
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b), 1e-9) }

func checkPart(t *testing.T, got, want Part) {
	t.Helper()
	if got.Name != want.Name || got.Count != want.Count || !near(got.Cores, want.Cores) || !near(got.MemoryGB, want.MemoryGB) || !near(got.DiskGB, want.DiskGB) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestEmbeddedPlan(t *testing.T) {
	// A thousand a second, three at the peak for each, half of them one by one.
	l := Load{EventsPerDay: 86_400_000, Peak: 3, Profiles: 1e6, Segments: 3, Days: 10, Single: 0.5, NodeCores: 8}
	p := planned(round(), &l)
	if p.Mean != 1000 || p.Peak != 3000 || p.Workspaces != 1 || !near(p.CacheGB, 40) {
		t.Errorf("%+v", p)
	}
	// 21 + 50 + 3*10 + 100 + 28 = 229 µs, of 3,000 a second, and half as much again;
	// 864 million events of 110 + 400 + 40 bytes, and a quarter more.
	checkPart(t, p.Parts[0], Part{"kith", 1, 3000 * 229e-6 * 1.5, 2, 864e6 * 550 * 1.25 / 1e9})
	if got := p.Parts[0].Cost(Prices{Core: 10, MemoryGB: 2, DiskGB: 0.1}); !near(got, 10*1.0305+2*2+0.1*594) {
		t.Errorf("it costs %v", got)
	}
	l.Peak = 6 // of the 10,000 that folding allows a half is to be used
	if p := planned(round(), &l); p.Workspaces != 2 || p.Parts[0].Count != 2 {
		t.Errorf("a peak of 6,000 a second takes %+v", p)
	}
}

func TestSharedPlan(t *testing.T) {
	l := Load{EventsPerDay: 86_400_000, Peak: 2, Profiles: 1e6, Segments: 1, Days: 10, Shared: true, NodeCores: 1}
	p := planned(round(), &l)
	// Folding: 90 µs and 10 ms for a thousand.
	if p.Workspaces != 1 || !near(p.Stations[0].Limit, 10_000) || !near(p.Stations[2].Limit, 100_000) {
		t.Fatalf("%+v", p)
	}
	for i, want := range []Part{
		// 20 + 30 + 22 + 28 + 10 = 110 µs of 2,000 a second: a third of a core, so one
		// node, and another that may go.
		{"kith", 2, 2, 2*(0.5+0.5) + 1, 0},
		{"Kafka", 3, 3, 18, 864e6 * 200 * 1.25 / 1e9},
		{"PostgreSQL", 1, 1, 4, 864e6 * 1000 * 1.25 / 1e9},
		{"its standby", 1, 1, 4, 864e6 * 1000 * 1.25 / 1e9},
		{"object store", 1, 0, 0, 864e6 * 40 * 1.25 / 1e9},
	} {
		checkPart(t, p.Parts[i], want)
	}
	l.LogDays = 2
	kept := planned(round(), &l)
	checkPart(t, kept.Parts[1], Part{"Kafka", 3, 3, 18, 2 * 86.4e6 * 200 * 1.25 / 1e9})
	checkPart(t, kept.Parts[4], Part{"object store", 1, 0, 0, 864e6 * 100 * 1.25 / 1e9})
	l.LogDays = 0
	l.EventsPerDay *= 100 // 200,000 a second at the peak, 5,000 for each workspace
	p = planned(round(), &l)
	if p.Workspaces != 40 {
		t.Fatalf("%d workspaces", p.Workspaces)
	}
	checkPart(t, p.Parts[0], Part{"kith", 80, 80, 80*1.0 + 40, 0})
	// 50 µs of 200,000 a second and half as much again are 15 cores, but each has one.
	checkPart(t, p.Parts[2], Part{"PostgreSQL", 40, 40, 160, 86.4e9 * 1000 * 1.25 / 1e9})
	l.Days = 50 // of 432 billion events the state has 432 TB
	if p := planned(round(), &l); p.Workspaces != 44 {
		t.Errorf("%d workspaces for the state", p.Workspaces)
	}
	l.Days = 10
	if s := p.Setup(&l); s.Rate != 5000 || s.Nodes != 2 || s.People != 25_000 {
		t.Errorf("%+v", s)
	}
}

// TestOldHistoryPlan: history and facts that are old lie in ClickHouse, and of them
// something for each person is left.
func TestOldHistoryPlan(t *testing.T) {
	l := Load{EventsPerDay: 86_400_000, Peak: 2, Profiles: 1e6, Segments: 1, Days: 10, Shared: true, NodeCores: 1}
	before := planned(round(), &l)
	l.HistoryDays = 5 // a pass goes by every half day, so 4.5 days of events have moved
	p := planned(round(), &l)
	const moved = 4.5 * 86.4e6
	state := (864e6*1000 - moved*400 + 1e6*100) * 1.25 / 1e9
	// Moving a thousand a second on average takes 1 ms of each of the three, and half as
	// much again; PostgreSQL folds 2,000 at 50 µs beside it.
	for i, want := range []Part{
		{"kith", 3, 3, 3*(0.5+0.5) + 1, 0},
		before.Parts[1],
		{"PostgreSQL", 1, 1.65, 4, state},
		{"its standby", 1, 1, 4, state},
		before.Parts[4],
		{"ClickHouse", 1, 1.5, 3, moved * 100 * 1.25 / 1e9},
	} {
		checkPart(t, p.Parts[i], want)
	}
	if s := p.Stations[3]; s.Name != "moving old history" || !near(s.Limit, 2500) || !s.Mean {
		t.Errorf("%+v", s)
	}
	l.EventsPerDay, l.Peak = 86_400*2000, 2 // half of what moving can do at most is to be used
	if p := planned(round(), &l); p.Workspaces != 2 {
		t.Errorf("2,000 a second on average take %d workspaces", p.Workspaces)
	}
	l = Load{EventsPerDay: 86_400_000, Peak: 2, Profiles: 1e6, Segments: 1, Days: 1000, Shared: true, NodeCores: 1}
	all := planned(round(), &l).Workspaces
	l.HistoryDays = 10
	if few := planned(round(), &l).Workspaces; all != 9 || few != 6 { // 8.6 and 5.2 times 10 TB
		t.Errorf("%d databases instead of %d have what is left", few, all)
	}
	l.HistoryDays, l.Days = 90, 30
	if p := planned(round(), &l); len(p.Parts) != 5 || len(p.Stations) != 3 {
		t.Errorf("nothing gets old, but %+v", p)
	}
}

// TestTablesLimit: with nothing to pay for people the events decide; more people
// make it slower, and no more than all of them are in a round.
func TestTablesLimit(t *testing.T) {
	c := round()
	if got := tablesLimit(c, 1e6); !near(got, 1e6/32) {
		t.Errorf("without people %v", got)
	}
	c[sharedPerson] = 1000
	few, many := tablesLimit(c, 1e4), tablesLimit(c, 1e8)
	if few <= many || few > 1e6/32 || many < 1000 {
		t.Errorf("of few people %v, of many %v", few, many)
	}
}

func TestDistinct(t *testing.T) {
	for _, c := range []struct{ events, people, least, most float64 }{
		{1, 1000, 0.99, 1}, {1e9, 1000, 999, 1000}, {1000, 1, 0.99, 1.01}, {1000, 1e6, 700, 950}, {1000, 1e9, 700, 1000},
	} {
		if got := distinct(c.events, c.people); got < c.least || got > c.most {
			t.Errorf("%v events of %v people are about %v", c.events, c.people, got)
		}
	}
}

func TestValidate(t *testing.T) {
	good := Load{EventsPerDay: 1, Peak: 1, Profiles: 1, Days: 1, NodeCores: 1}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, spoil := range []func(*Load){
		func(l *Load) { l.EventsPerDay = 0 }, func(l *Load) { l.EventsPerDay = math.Inf(1) }, func(l *Load) { l.EventsPerDay = math.NaN() },
		func(l *Load) { l.Peak = 0.5 }, func(l *Load) { l.Profiles = 0 }, func(l *Load) { l.Segments = -1 }, func(l *Load) { l.LogDays = -1 }, func(l *Load) { l.HistoryDays = -1 }, func(l *Load) { l.HistoryDays = 90 },
		func(l *Load) { l.HistoryDays, l.Shared = math.NaN(), true },
		func(l *Load) { l.Days = 0 }, func(l *Load) { l.Single = 2 }, func(l *Load) { l.NodeCores = 0 },
	} {
		bad := good
		spoil(&bad)
		if bad.Validate() == nil {
			t.Errorf("%+v is planned for", bad)
		}
	}
}

// TestTable: every coefficient is there, says where it is from.
func TestTable(t *testing.T) {
	for i, c := range Table() {
		if c.Name == "" || c.Value <= 0 || c.Unit == "" || c.Source == "" {
			t.Errorf("coefficient %d is %+v", i, c)
		}
	}
}

// TestPoints: the model is off by what the guide says, and rather tells too much.
func TestPoints(t *testing.T) {
	for _, p := range Points() {
		if d := p.Deviation(); p.Measured <= 0 || d < -0.15 || d > 0.8 {
			t.Errorf("%s: measured %v, predicted %.1f, off by %.0f %%", p.What, p.Measured, p.Predicted, 100*d)
		}
	}
}
