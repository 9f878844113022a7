// Package sizing tells what a load needs: nodes, cores, memory and disk of each
// engine and what that costs at given prices, from one table of coefficients; and it
// plays the load event by event, to show what multiplying does not: how long events
// wait, and what the loss of a node does. All of it is arithmetic on its arguments.
package sizing

import "time"

// The coefficients, in the order of Table.
const (
	acceptBatch = iota
	acceptSingle
	fold
	definition
	tables
	merge
	sharedAccept
	sharedFold
	sharedTables
	sharedPerson
	kafkaCPU
	postgresFold
	postgresTables
	postgresPerson
	standbyCPU
	embeddedFoldSerial
	embeddedTablesSerial
	sharedFoldSerial
	sharedTransaction
	sharedInterpret
	linked
	membersLook
	tablesRound
	takeover
	logBatch
	logSingle
	stateEvent
	lakeEvent
	kafkaEvent
	postgresEvent
	archiveEvent
	historyEvent
	historyPerson
	historyCold
	historyMove
	historyMoveCPU
	factEvent
	factCold
	nodeMemory
	mergeMemory
	queryMemory
	brokerMemory
	postgresMemory
	clickhouseMemory
	postgresTable
	headroom
	busiest
	spareDisk
	visit
	touched
	endCoefficients
)

// Coefficient is one number that the model multiplies by.
type Coefficient struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Measured bool    `json:"measured"`
	Source   string  `json:"source"` // the measurement, or why it is taken
}

// Table is what the model multiplies by. CPU times are those of a Xeon of which a
// virtual machine has two cores, while other work ran on it, for events of about 620
// bytes: the upper end. Another processor has other times in about the same ratios.
func Table() [endCoefficients]Coefficient {
	ingest, pipe, lake, nodes, moving := "kith bench ingest", "kith bench pipeline", "kith bench lake", "make bench-nodes", "make benchmarks BENCH=Moving, and 300,000 events with a server before ClickHouse"
	measured := func(name string, value float64, unit, source string) Coefficient {
		return Coefficient{name, value, unit, true, source}
	}
	taken := func(name string, value float64, unit, why string) Coefficient {
		return Coefficient{name, value, unit, false, why}
	}
	const cpu, disk = "µs of CPU an event", "bytes an event"
	return [endCoefficients]Coefficient{
		acceptBatch:  measured("accept, in batches of 100", 2.5, cpu, ingest),
		acceptSingle: measured("accept, one by one", 49, cpu, ingest+": 33 to 49"),
		fold:         measured("fold into people, embedded", 48, cpu, pipe+": 32 to 48"),
		definition:   measured("answer a segment that an event concerns", 30, "µs of CPU an event and segment", nodes+" with 2 segments: 16 to 31"),
		tables:       measured("write into the open tables, embedded", 95, cpu, lake+": 91, and 4 for each person of a round"),
		merge:        measured("merge the files of the open tables", 53, cpu, lake+": 26, and 27 for each person"),

		sharedAccept:   measured("accept and send to Kafka, in batches of 100", 25, cpu, nodes+", until accepted"),
		sharedFold:     measured("fold into people, the node's part", 34, cpu, pipe+" --state"),
		sharedTables:   measured("write into the open tables, the node's part", 30, cpu, nodes+", fitted with the next"),
		sharedPerson:   measured("and for each person of a round", 300, "µs of CPU a person", nodes),
		kafkaCPU:       measured("three brokers", 120, cpu, nodes+": 120 to 210 until folded, the more the longer it took"),
		postgresFold:   measured("fold into people, PostgreSQL's part", 50, cpu, pipe+" --state"),
		postgresTables: measured("write into the open tables, PostgreSQL's part", 30, cpu, nodes+", fitted with the next"),
		postgresPerson: measured("and for each person of a round, PostgreSQL's part", 250, "µs of CPU a person", nodes),
		standbyCPU:     measured("the standby", 24, cpu, nodes),

		embeddedFoldSerial:   measured("folding of a workspace, embedded", 36, "µs an event, one after the other", pipe+": 27,600 a second"),
		embeddedTablesSerial: measured("open tables of a workspace, embedded", 95, "µs an event, one after the other", lake),
		sharedFoldSerial:     measured("folding of a workspace in PostgreSQL", 84, "µs an event, one after the other", pipe+" --state: CPU of both sides, which wait for each other"),
		sharedTransaction:    measured("a transaction in PostgreSQL beside its events", 5, "ms", "median of transactions of one event"),
		sharedInterpret:      measured("reading a record", 20, "µs an event, side by side", "stage interpret of the metrics: 13 to 30"),
		linked:               measured("locks of other people than its own", 0.27, "locks an event", "go test ./internal/pipeline -run LeaveRoom -v: 0.27 of a shop, 0.02 of people who share nothing"),
		membersLook:          taken("looking for what was folded", 40, "ms", "as kith does, 25 times a second"),
		tablesRound:          taken("a round of the open tables", 1000, "ms", "as kith does, once a second"),

		takeover: measured("until others have what a node had that is cut off", 13, "s", "make chaos on a busy machine; 7 after a kill, 6 are the session"),

		logBatch:      measured("the log, batches of 100", 57, disk, ingest),
		logSingle:     measured("the log, one by one", 165, disk, ingest+": 89 to 165"),
		stateEvent:    measured("the state, embedded", 460, disk, pipe+": 360 to 460"),
		lakeEvent:     measured("the open tables, merged", 49, disk, lake+": 42 to 49"),
		kafkaEvent:    measured("Kafka, three replicas", 245, disk, nodes+": 163 to 245"),
		postgresEvent: measured("the state in PostgreSQL", 1500, disk, nodes+": 860 to 1,530, with what the open tables note and before vacuum; folding alone 660 to 900"),

		archiveEvent: measured("the archive of the topic", 103, disk, "make benchmarks of internal/eventlog/archive"),

		historyEvent:   measured("of that, the history, which moves", 406, disk, moving+": 310 to 406"),
		historyPerson:  measured("what is left in PostgreSQL of moved history", 118, "bytes a person", moving+": 113 to 118"),
		historyCold:    measured("moved history in ClickHouse", 62, disk, moving+": 55 to 70, the fewer the more events a person has"),
		historyMove:    measured("moving history, one after the other", 218, "µs an event", moving+": 16 to 223; half of the time at most"),
		historyMoveCPU: taken("moving history: a node, PostgreSQL and ClickHouse", 73, "µs of CPU an event, each", "a third of the time that it takes, since they wait for each other"),
		factEvent:      measured("of the state, the facts, which move", 34, disk, "docs/guide/nodes.md"),
		factCold:       measured("moved facts in ClickHouse", 26, disk, "docs/guide/nodes.md"),

		nodeMemory:       taken("a process", 0.5, "GB", "111 MB were measured with a million people after a start, and garbage may take 256 MB more"),
		mergeMemory:      taken("merging the open tables", 1, "GB", "the largest file of a day"),
		queryMemory:      taken("a query", 0.75, "GB", "its limit; one at a time"),
		brokerMemory:     taken("a broker", 6, "GB", "the vendor's advice; 0.3 were enough for the measurement"),
		postgresMemory:   taken("a PostgreSQL", 4, "GB", "shared buffers; the rest of what is read lies in the system's cache"),
		clickhouseMemory: taken("a ClickHouse", 4, "GB", "the least of the vendor's advice; it has to read few rows at a time"),
		postgresTable:    taken("the state in one PostgreSQL", 16_000, "GB", "a table ends at 32 TB; half of it, so that vacuum and copies end"),
		headroom:         taken("room for restarts and reads", 1.5, "times", "so that what waited is caught up while more comes"),
		busiest:          taken("of what a workspace can do at most", 0.7, "times", "above it what waits grows quickly"),
		spareDisk:        taken("room for merging and vacuum", 1.25, "times", "merging holds a day twice"),
		visit:            taken("events of a person who comes on a day", 5, "events", "depends on the shop"),
		touched:          taken("of the state that a person who comes touches", 40, "kB", "ten pages"),
	}
}

// lookup is the values of the table.
type lookup [endCoefficients]float64

func newLookup() (t lookup) {
	for i, c := range Table() {
		t[i] = c.Value
	}
	return t
}

// costs are the times that a simulation takes.
type costs struct {
	interpret, transaction, fold, definition, look, tables, person, round, takeover time.Duration
}

func measuredCosts() costs {
	t := newLookup()
	micro := func(v float64) time.Duration { return time.Duration(v * float64(time.Microsecond)) }
	return costs{
		interpret: micro(t[sharedInterpret]), fold: micro(t[sharedFoldSerial]), definition: micro(t[definition]),
		takeover: micro(1e6 * t[takeover]), transaction: micro(1000 * t[sharedTransaction]), look: micro(1000 * t[membersLook]),
		tables: micro(t[sharedTables] + t[postgresTables]), person: micro(t[sharedPerson] + t[postgresPerson]), round: micro(1000 * t[tablesRound]),
	}
}
