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

// Points holds the model against measurements. Some of its coefficients are from the
// first ones of them, for loads of new people; the later ones were taken afterwards.
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
		{"embedded, 60,000 events of 1 million people", cpu, 143, embedded},
		{"embedded, 40,000 events of 5,000 people", cpu, 84, embedded},
		{"embedded, the same beside 2 segments", cpu, 114, embedded + 1.9*t[definition]},
		{"node on shared engines, 60,000 events of 1 million people", cpu, 324, node(1e6, 0)},
		{"node on shared engines, 40,000 events of 5,000 people", cpu, 221, node(5000, 0)},
		{"PostgreSQL, 60,000 events of 1 million people", cpu, 264, database(1e6)},
		{"PostgreSQL, 40,000 events of 5,000 people", cpu, 169, database(5000)},
		{"state in PostgreSQL, 40,000 events of 5,000 people", disk, 968, t[postgresEvent]},
		{"Kafka, 40,000 events of 5,000 people", disk, 165, t[kafkaEvent]},
	}
}
