package sizing

import (
	"fmt"
	"math"
)

// Load is what is to be carried.
type Load struct {
	EventsPerDay float64 `json:"events_per_day"`
	Peak         float64 `json:"peak"` // events of the busiest seconds to the mean
	Profiles     float64 `json:"profiles"`
	Segments     float64 `json:"segments"`     // definitions that an event concerns, on average
	Days         float64 `json:"days"`         // for which events are kept
	LogDays      float64 `json:"log_days"`     // for which Kafka keeps them, and the archive all the rest; 0: Kafka keeps all
	HistoryDays  float64 `json:"history_days"` // for which PostgreSQL keeps the history, and ClickHouse all the rest; 0: PostgreSQL keeps all
	Single       float64 `json:"single"`       // share of the events that come one by one, 0 to 1
	Shared       bool    `json:"shared"`       // on Kafka and PostgreSQL; else embedded
	NodeCores    int     `json:"node_cores"`
}

// Validate says what cannot be planned for.
func (l *Load) Validate() error {
	switch {
	case l.EventsPerDay <= 0 || l.Profiles < 1 || l.Days <= 0:
		return fmt.Errorf("events a day, profiles and days must be above 0")
	case l.Peak < 1:
		return fmt.Errorf("the peak is a factor to the mean, so at least 1")
	case l.Segments < 0 || l.Single < 0 || l.Single > 1:
		return fmt.Errorf("segments cannot be negative, and the share of single events lies between 0 and 1")
	case l.LogDays < 0:
		return fmt.Errorf("events cannot stay in Kafka for less than no time")
	case l.HistoryDays < 0:
		return fmt.Errorf("history cannot stay in PostgreSQL for less than no time")
	case l.HistoryDays > 0 && !l.Shared:
		return fmt.Errorf("only PostgreSQL gives old history away; add --shared")
	case l.NodeCores < 1:
		return fmt.Errorf("a node has at least one core")
	case math.IsInf(l.EventsPerDay+l.Profiles+l.Days+l.Peak+l.Segments+l.HistoryDays, 0) || math.IsNaN(l.EventsPerDay+l.Profiles+l.Days+l.Peak+l.Segments+l.HistoryDays):
		return fmt.Errorf("these are no numbers to plan with")
	}
	return nil
}

// Prices are money for a month, in any currency.
type Prices struct{ Core, MemoryGB, DiskGB float64 }

// Part is what one engine needs.
type Part struct {
	Name     string  `json:"name"`
	Count    int     `json:"count"`  // processes or servers
	Cores    float64 `json:"cores"`  // of all of them, as the rest
	MemoryGB float64 `json:"memory"` // without what the system keeps of files
	DiskGB   float64 `json:"disk"`
}

// Cost is the money for a part in a month.
func (p *Part) Cost(of Prices) float64 {
	return p.Cores*of.Core + p.MemoryGB*of.MemoryGB + p.DiskGB*of.DiskGB
}

// Station is work of a workspace that is done one after the other, however many
// nodes there are. Of folding that is so where transactions are large and link people
// who are known; what partitions gain that fold side by side was not measured, so
// nobody should plan with it.
type Station struct {
	Name  string  `json:"name"`
	Limit float64 `json:"limit"` // events a second
	Mean  bool    `json:"mean"`  // of the mean: it is done day and night
}

// Plan is what a load needs.
type Plan struct {
	Mean       float64   `json:"mean"` // events a second
	Peak       float64   `json:"peak"`
	Stations   []Station `json:"stations"`
	StateGB    float64   `json:"state"`      // that one workspace can have in PostgreSQL; 0: as the disk
	Workspaces int       `json:"workspaces"` // each with a state of its own
	Parts      []Part    `json:"parts"`
	CacheGB    float64   `json:"cache"` // of files that the system should be able to keep, beside the memory
}

const (
	secondsPerDay = 86_400
	gigabyte      = 1e9
)

// For plans a load.
func For(l *Load) Plan { return planned(newLookup(), l) }

func planned(t lookup, l *Load) Plan {
	p := Plan{Mean: l.EventsPerDay / secondsPerDay}
	p.Peak = p.Mean * l.Peak
	p.Stations = stations(t, l)
	limit := math.Inf(1)
	for _, s := range p.Stations {
		if s.Mean {
			limit = min(limit, s.Limit*l.Peak)
			continue
		}
		limit = min(limit, s.Limit)
	}
	p.Workspaces = max(1, int(math.Ceil(p.Peak/(limit*t[busiest]))))
	kept := l.EventsPerDay * l.Days
	if l.Shared {
		p.StateGB = t[postgresTable]
		p.Workspaces = max(p.Workspaces, int(math.Ceil(l.state(t)/gigabyte/p.StateGB)))
	}
	p.CacheGB = min(l.Profiles, l.EventsPerDay/t[visit]) * t[touched] * 1000 / gigabyte
	if l.Shared {
		p.Parts = shared(t, l, &p, kept)
		return p
	}
	each := l.accept(t) + t[fold] + l.Segments*t[definition] + t[tables] + t[merge]
	p.Parts = []Part{{
		Name: "kith", Count: p.Workspaces,
		Cores:    max(float64(p.Workspaces), p.Peak*each/1e6*t[headroom]),
		MemoryGB: float64(p.Workspaces) * (t[nodeMemory] + t[mergeMemory] + t[queryMemory]),
		DiskGB:   kept * (l.Single*t[logSingle] + (1-l.Single)*t[logBatch] + t[stateEvent] + t[lakeEvent]) * t[spareDisk] / gigabyte,
	}}
	return p
}

// movesEvery is how many days pass between two passes of what moves old history.
func (l *Load) movesEvery() float64 { return min(l.HistoryDays/10, 1) }

// moved is how many events have their history in ClickHouse.
func (l *Load) moved() float64 {
	if l.HistoryDays == 0 {
		return 0
	}
	return l.EventsPerDay * max(0, l.Days-l.HistoryDays-l.movesEvery())
}

// state is the bytes of the state in PostgreSQL.
func (l *Load) state(t lookup) float64 {
	old := l.moved()
	return l.EventsPerDay*l.Days*t[postgresEvent] - old*(t[historyEvent]+t[factEvent]) + min(l.Profiles, old)*t[historyPerson]
}

// accept is the CPU time in µs to take an event in.
func (l *Load) accept(t lookup) float64 {
	return l.Single*t[acceptSingle] + (1-l.Single)*t[acceptBatch]
}

func stations(t lookup, l *Load) []Station {
	out := []Station{{Name: "folding", Limit: 1e6 / t[embeddedFoldSerial]}, {Name: "open tables", Limit: 1e6 / t[embeddedTablesSerial]}}
	if l.Shared {
		out[0].Limit = 1e6 / (t[sharedFoldSerial] + t[sharedTransaction]*1000/batchMax)
		out[1].Limit = tablesLimit(t, l.Profiles)
	}
	if l.Segments > 0 {
		out = append(out, Station{Name: "members of segments", Limit: 1e6 / (l.Segments * t[definition])})
	}
	if l.moved() > 0 {
		out = append(out, Station{"moving old history", 1e6 / (2 * t[historyMove]), true}) // half of the time
	}
	return out
}

// roundMax is how long, in seconds, a round of the open tables may take on PostgreSQL:
// the longer, the fewer people it has for each of its events.
const roundMax = 60

// tablesLimit is how many events a second of so many people the open tables take, in
// rounds of that length.
func tablesLimit(t lookup, people float64) float64 {
	low, high := 0.0, 1e6
	for range 60 {
		rate := (low + high) / 2
		took := rate*roundMax*(t[sharedTables]+t[postgresTables]) + distinct(rate*roundMax, people)*(t[sharedPerson]+t[postgresPerson])
		if took < roundMax*1e6 {
			low = rate
		} else {
			high = rate
		}
	}
	return low
}

// distinct is how many of the people so many events are about, by the distribution of
// the load generator: the chance of the k-th is as (10+k) to the power of -1.01.
func distinct(events, people float64) float64 {
	const bins = 400
	var weight, sum float64
	bin := func(i int) (count, each float64) {
		from, to := math.Pow(people+1, float64(i)/bins)-1, math.Pow(people+1, float64(i+1)/bins)-1
		return to - from, math.Pow(10+(from+to)/2, -1.01)
	}
	for i := range bins {
		count, each := bin(i)
		weight += count * each
	}
	for i := range bins {
		count, each := bin(i)
		sum += count * -math.Expm1(events*math.Log1p(-each/weight))
	}
	return min(sum, events)
}

// shared is what nodes need that share Kafka, PostgreSQL and an object store.
func shared(t lookup, l *Load, p *Plan, kept float64) []Part {
	many := float64(p.Workspaces)
	rate := p.Peak / many
	each := distinct(rate, l.Profiles/many) / rate // people of a round for each of its events
	node := t[sharedAccept] + t[sharedFold] + t[sharedTables] + each*t[sharedPerson] + t[merge] +
		l.Segments*t[definition] + l.Single*(t[acceptSingle]-t[acceptBatch])
	database := t[postgresFold] + t[postgresTables] + each*t[postgresPerson]
	moving := 0.0 // cores, of each of the three that move old history
	if l.moved() > 0 {
		moving = p.Mean * t[historyMoveCPU] / 1e6 * t[headroom]
	}
	cores := p.Peak*node/1e6*t[headroom] + moving
	// One more than the load needs, so that it can go.
	nodes := p.Workspaces * (1 + max(1, int(math.Ceil(cores/many/float64(l.NodeCores)))))
	topic, archived := kept, 0.0
	if l.LogDays > 0 {
		topic, archived = l.EventsPerDay*min(l.Days, l.LogDays), kept
	}
	state := l.state(t) * t[spareDisk] / gigabyte
	parts := []Part{
		{"kith", nodes, float64(nodes * l.NodeCores), float64(nodes)*(t[nodeMemory]+t[queryMemory]) + many*t[mergeMemory], 0},
		{"Kafka", 3, max(3, p.Peak*t[kafkaCPU]/1e6*t[headroom]), 3 * t[brokerMemory], topic * t[kafkaEvent] * t[spareDisk] / gigabyte},
		{"PostgreSQL", p.Workspaces, max(many, p.Peak*database/1e6*t[headroom]+moving), t[postgresMemory] * many, state},
		{"its standby", p.Workspaces, max(many, p.Peak*t[standbyCPU]/1e6*t[headroom]), t[postgresMemory] * many, state},
		{"object store", 1, 0, 0, (kept*t[lakeEvent] + archived*t[archiveEvent]) * t[spareDisk] / gigabyte},
	}
	if old := l.moved(); old > 0 {
		disk := old * (t[historyCold] + t[factCold]) * t[spareDisk] / gigabyte
		parts = append(parts, Part{"ClickHouse", p.Workspaces, max(many, moving), t[clickhouseMemory] * many, disk})
	}
	return parts
}

// Setup is one workspace of a plan at its peak, to be simulated.
func (p *Plan) Setup(l *Load) Setup {
	return Setup{
		Rate: p.Peak / float64(p.Workspaces), People: int(min(l.Profiles/float64(p.Workspaces), 1e9)), PerCall: 100,
		Nodes: p.Parts[0].Count / p.Workspaces, NodeCores: l.NodeCores, Segments: l.Segments, Links: newLookup()[linked],
	}
}

// What was measured at most, in events a second of one workspace until all were shown
// by the open tables too, on two cores that other programs shared.
const (
	measuredEmbedded = 9_400
	measuredShared   = 830
)

// Measured is the peak of a workspace as a multiple of what was measured.
func (p *Plan) Measured(l *Load) float64 {
	most := float64(measuredEmbedded)
	if l.Shared {
		most = measuredShared
	}
	return p.Peak / float64(p.Workspaces) / most
}
