package sizing

// Point is something that was measured and that the model tells, too.
type Point struct {
	What      string  `json:"what"`
	Unit      string  `json:"unit"`
	Measured  float64 `json:"measured"`
	Predicted float64 `json:"predicted"`
}

// Deviation is how far the model is off, as a share of what was measured.
func (p *Point) Deviation() float64 { return p.Predicted/p.Measured - 1 }

// roundPoint is about how many events a round of the open tables had in the
// measurements of nodes, which wrote them later than they came.
const roundPoint = 10_000

// historyPeople is how many people of 20,000 the events were about whose history was moved
// for a measurement.
const historyPeople = 18_969

// Points holds the model against measurements. Its coefficients are from those of a
// million people, most of whom are new; the others were not looked at for them.
func Points() []Point {
	t := newLookup()
	embedded := t[acceptBatch] + t[fold] + t[tables]
	node := func(people, segments float64) float64 {
		return t[sharedAccept] + t[sharedFold] + t[sharedTables] + segments*t[definition] + distinct(roundPoint, people)/roundPoint*t[sharedPerson]
	}
	database := func(people float64) float64 {
		return t[postgresFold] + t[postgresTables] + distinct(roundPoint, people)/roundPoint*t[postgresPerson]
	}
	const cpu, disk = "µs of CPU an event", "bytes an event"
	return []Point{
		{"embedded, 200,000 events of 1 million people, nothing else on the machine", cpu, 124, embedded},
		{"a node of one, the same", cpu, 177, node(1e6, 0)},
		{"PostgreSQL, the same", cpu, 148, database(1e6)},
		{"embedded, 60,000 events of 1 million people", cpu, 143, embedded},
		{"embedded, 40,000 events of 5,000 people", cpu, 84, embedded},
		{"embedded, the same beside 2 segments", cpu, 114, embedded + 1.9*t[definition]},
		{"a node of one, 60,000 events of 1 million people", cpu, 269, node(1e6, 0)},
		{"the nodes of three, the same", cpu, 312, node(1e6, 0)},
		{"a node of one, 40,000 events of 5,000 people", cpu, 148, node(5000, 0)},
		{"PostgreSQL, 60,000 events of 1 million people", cpu, 227, database(1e6)},
		{"PostgreSQL, 40,000 events of 5,000 people", cpu, 97, database(5000)},
		{"three brokers, 40,000 events of 5,000 people", cpu, 136, t[kafkaCPU]},
		{"the state in PostgreSQL, 40,000 events of 5,000 people", disk, 862, t[postgresEvent]},
		{"three replicas in Kafka, 40,000 events of 5,000 people", disk, 165, t[kafkaEvent]},
		{"a node of one, 40,000 events of 20,000 people beside 2 segments", cpu, 287, node(20_000, 1.9)},
		{"PostgreSQL, these 40,000 events", cpu, 177, database(20_000)},
		{"embedded, these 40,000 events", cpu, 144, embedded + 1.9*t[definition]},
		{"folding alone, PostgreSQL as the state", "events a second", 12_000, 1e6 / (t[sharedFoldSerial] + t[sharedTransaction]*1000/batchMax)},
		{"history in PostgreSQL, 60,000 events of 20,000 people", disk, 310, t[historyEvent]},
		{"the same moved, in PostgreSQL", disk, 36, historyPeople * t[historyPerson] / 60_000},
		{"the same moved, in ClickHouse", disk, 70, t[historyCold]},
		{"moved in ClickHouse, 100,000 events of 5,000 people", disk, 55, t[historyCold]},
	}
}
