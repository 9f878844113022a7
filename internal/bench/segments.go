package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/expr"
	"kith/internal/membership"
	"kith/internal/record"
	"kith/internal/resource/form"
	"kith/internal/segment"
)

// SegmentsEngine is an engine with what keeps the members of segments.
type SegmentsEngine struct {
	*Engine
	Members     *membership.Engine
	Clock       *Shifted              // of Members
	Definitions *membership.Documents // what there is today; may be changed while nothing runs
}

// SegmentsOpener opens one on a folder.
type SegmentsOpener func(ctx context.Context, dir string) (*SegmentsEngine, error)

// SegmentParts are the names of what Segments measures, in their order.
func SegmentParts() []string { return []string{"live", "person", "wave", "entries"} }

// Segments measures what live segments cost, or those of its parts that are named:
// live, events through identity, profiles and so many segments of which seven events
// in ten concern at most two and one in ten concerns ten, then the pass over
// everybody for new definitions and a preview; person, the events of one person who
// has very many; wave, a moment that comes for many people at once; entries, how soon
// entries show.
func Segments(ctx context.Context, o Options, open SegmentsOpener, parts ...string) ([]Row, error) {
	if len(parts) == 0 {
		parts = SegmentParts()
	}
	var rows []Row
	for _, part := range parts {
		some, err := segmentPart(ctx, o, open, part)
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	return rows, nil
}

func segmentPart(ctx context.Context, o Options, open SegmentsOpener, part string) (rows []Row, err error) {
	each := func(sizes []int, measure func(context.Context, Options, SegmentsOpener, int) ([]Row, error)) ([]Row, error) {
		for _, n := range sizes {
			some, err := measure(ctx, o, open, n)
			if err != nil {
				return nil, err
			}
			rows = append(rows, some...)
		}
		return rows, nil
	}
	switch part {
	case "live":
		return each([]int{1, 100, 1000}, segmentsOnce)
	case "person":
		return each([]int{o.Events / 100, o.Events}, onePerson)
	case "wave":
		row, err := wave(ctx, o, open)
		return []Row{row}, err
	case "entries":
		row, err := entries(ctx, o, open)
		return []Row{row}, err
	}
	return nil, fmt.Errorf("there is no part %q; there are %s", part, strings.Join(SegmentParts(), ", "))
}

// moreEvents is how many events more the person of onePerson does.
const moreEvents = 10_000

// onePerson measures what events cost of a person who has n already, beside a
// hundred live segments: the first one, for which everything is read, and those
// that follow.
func onePerson(ctx context.Context, o Options, open SegmentsOpener, n int) ([]Row, error) {
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	e, err := open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := fillOne(ctx, e.Log, 0, n); err != nil {
		return nil, err
	}
	if err := e.measure(ctx, &Row{}); err != nil {
		return nil, err
	}
	*e.Definitions = segmentDocuments(100)
	if err := e.measure(ctx, &Row{}); err != nil {
		return nil, err
	}
	first := Row{Scenario: fmt.Sprintf("the next event of one who has %d, 100 live segments", n), System: kith, Operations: 1}
	rest := Row{Scenario: fmt.Sprintf("%d events more of the same", moreEvents), System: kith, Operations: moreEvents}
	for _, row := range []*Row{&first, &rest} {
		to := n + int(row.Operations)
		if err := fillOne(ctx, e.Log, n, to); err != nil {
			return nil, err
		}
		if err := e.measure(ctx, row); err != nil {
			return nil, err
		}
		n = to
	}
	return []Row{first, rest}, nil
}

// fillOne appends the events from the first number up to the second of one
// person, ten seconds apart.
func fillOne(ctx context.Context, log eventlog.Writer, from, to int) error {
	rng := rand.New(rand.NewPCG(uint64(from), 11))
	now := time.Now().UnixMilli()
	var entries []eventlog.Entry
	for i := from; i < to; i++ {
		at := now - int64(to-i)*10_000
		r := record.Record{Kind: record.Event, Stamp: event.Stamp{Source: "shop", MessageID: fmt.Sprintf("s-%d", i), Type: event.Track, ReceivedAt: at, Timestamp: at}}
		name := fmt.Sprintf("Common %d", rng.IntN(50))
		if rng.IntN(10) == 0 {
			name = "Popular"
		}
		r.Body = fmt.Appendf(nil, `{"type":"track","event":%q,"userId":%q,"properties":{"price":%d.99,"quantity":1}}`, name, UserID(0), rng.IntN(100))
		entries = append(entries, eventlog.Entry{Data: r.AppendTo(nil)})
		if len(entries) >= 1000 || i == to-1 {
			if _, err := log.Append(ctx, entries); err != nil {
				return err
			}
			entries = entries[:0]
		}
	}
	return nil
}

func segmentsOnce(ctx context.Context, o Options, open SegmentsOpener, n int) ([]Row, error) {
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	e, err := open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := fillShop(ctx, e.Log, o); err != nil {
		return nil, err
	}
	*e.Definitions = segmentDocuments(n)
	live := Row{Scenario: fmt.Sprintf("%d events of %d people, %d live segments", o.Events, o.People, n), System: kith, Operations: int64(o.Events)}
	if err := e.measure(ctx, &live); err != nil {
		return nil, err
	}
	changed := min(n, 10)
	*e.Definitions = changeSegments(*e.Definitions, changed)
	back := Row{Scenario: fmt.Sprintf("%d changed segments asked of everybody", changed), System: kith}
	if err := e.measure(ctx, &back); err != nil {
		return nil, err
	}
	back.Operations = max(e.Members.Status().Looked, 1)
	rows := []Row{live, back}
	if n != 100 {
		return rows, nil
	}
	preview, err := e.preview(ctx)
	return append(rows, preview), err
}

// measure folds and follows until both are up to date.
func (e *SegmentsEngine) measure(ctx context.Context, row *Row) error {
	pid := os.Getpid()
	used, began := cpu(pid), time.Now()
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 2)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	wake := make(chan struct{}, 1)
	go func() { ended <- e.Runner.Run(running) }()
	go func() { ended <- e.Members.Run(running, func() <-chan struct{} { return wake }) }()
	err := e.Runner.Flush(ctx)
	for ready := false; err == nil && !ready; {
		select {
		case wake <- struct{}{}:
		default:
		}
		<-tick.C
		ready, err = e.Members.UpToDate(ctx)
	}
	row.Elapsed, row.CPU, row.RSSBytes = time.Since(began), cpu(pid)-used, peakRSS(pid)
	stop()
	for range 2 {
		if rerr := <-ended; err == nil {
			err = rerr
		}
	}
	return err
}

// preview measures one preview of a condition that nobody has saved.
func (e *SegmentsEngine) preview(ctx context.Context) (Row, error) {
	row := Row{Scenario: "preview of a segment, at most 800 ms", System: kith}
	set := segment.NewSet()
	var d *segment.Definition
	doc := `{"where":{"all":[{"event":"Common 1","count":{"op":"gte","value":2},"window":{"last":"90d"}},{"trait":"plan","op":"eq","value":"pro"}]}}`
	if err := form.Read([]byte(doc), func(o *form.Object) { d = set.ReadSegment(o, "preview", expr.Options{}) }); err != nil {
		return row, err
	}
	used, began := cpu(os.Getpid()), time.Now()
	p, err := e.Members.Preview(ctx, set, expr.Profile, d.Where, 5, 800*time.Millisecond)
	row.Elapsed, row.CPU, row.Operations = time.Since(began), cpu(os.Getpid())-used, max(p.Count, 1)
	return row, err
}

// changeSegments turns n of the segments into their opposites.
func changeSegments(docs membership.Documents, n int) membership.Documents {
	out := membership.Documents{Traits: docs.Traits, Segments: maps.Clone(docs.Segments)}
	for i := range n {
		key := fmt.Sprintf("s%04d", i)
		out.Segments[key] = json.RawMessage(`{"where":{"none":[` + strings.TrimSuffix(strings.TrimPrefix(string(docs.Segments[key]), `{"where":`), "}") + `]}}`)
	}
	return out
}

// segmentDocuments makes n segments over the events of fillShop.
func segmentDocuments(n int) membership.Documents {
	docs := membership.Documents{Traits: map[string]json.RawMessage{}, Segments: map[string]json.RawMessage{}}
	rng := rand.New(rand.NewPCG(uint64(n), 5))
	for i := range n {
		// Of a hundred ten name the popular event, and the others share the rest.
		name := "Popular"
		if i%10 != 0 || i >= 100 {
			name = fmt.Sprintf("Common %d", i%50)
		}
		days := 1 + rng.IntN(90)
		form := []string{
			fmt.Sprintf(`{"event":%q,"count":{"op":"gte","value":%d},"window":{"last":"%dd"}}`, name, 1+rng.IntN(5), days),
			fmt.Sprintf(`{"event":%q,"where":[{"property":"price","op":"gt","value":%d}],"aggregate":{"fn":"sum","property":"price"},"op":"gte","value":%d,"window":{"last":"%dd"}}`, name, rng.IntN(20), 50+rng.IntN(500), days),
			fmt.Sprintf(`{"sequence":[{"event":%q},{"event":"Popular","within":"%dh"}],"window":{"last":"%dd"}}`, name, 1+rng.IntN(48), days),
			fmt.Sprintf(`{"all":[{"trait":"plan","op":"eq","value":"pro"},{"event":%q,"count":{"op":"lt","value":3}}]}`, name),
		}[rng.IntN(4)]
		docs.Segments[fmt.Sprintf("s%04d", i)] = json.RawMessage(`{"where":` + form + `}`)
	}
	return docs
}

// fillShop appends events of fifty common names and a popular one, which is a
// tenth of all; one in fifty links a browser to its person for the first time, one
// in a hundred comes hours late, and one in a hundred repeats the one before.
func fillShop(ctx context.Context, log eventlog.Writer, o Options) error {
	rng := rand.New(rand.NewPCG(7, 7))
	zipf := rand.NewZipf(rng, 1.01, 10, uint64(o.People-1))
	now := time.Now().UnixMilli()
	var entries []eventlog.Entry
	var last []byte
	for i := range o.Events {
		p := zipf.Uint64()
		at := now - int64(o.Events-i)*100
		r := record.Record{Kind: record.Event, Stamp: event.Stamp{Source: "shop", MessageID: fmt.Sprintf("s-%d", i), Type: event.Track, ReceivedAt: at, Timestamp: at}}
		name := fmt.Sprintf("Common %d", rng.IntN(50))
		if rng.IntN(10) == 0 {
			name = "Popular"
		}
		who := fmt.Sprintf(`"userId":%q`, UserID(p))
		if rng.IntN(50) == 0 {
			who += fmt.Sprintf(`,"anonymousId":"browser-%d-%d"`, p, i)
		}
		r.Body = fmt.Appendf(nil, `{"type":"track","event":%q,%s,"properties":{"price":%d.99,"quantity":1,"category":"Games","sku":"G-%d","currency":"EUR"}}`, name, who, rng.IntN(100), rng.IntN(5000))
		switch rng.IntN(100) {
		case 0:
			r.Stamp.Timestamp -= 5 * 3_600_000
		case 1:
			r.Stamp.Type = event.Identify
			r.Body = fmt.Appendf(nil, `{"type":"identify",%s,"traits":{"plan":%q}}`, who, []string{"free", "pro"}[rng.IntN(2)])
		case 2:
			if last != nil {
				entries = append(entries, eventlog.Entry{Data: last})
			}
		}
		last = r.AppendTo(nil)
		entries = append(entries, eventlog.Entry{Data: last})
		if len(entries) >= 1000 || i == o.Events-1 {
			if _, err := log.Append(ctx, entries); err != nil {
				return err
			}
			entries = entries[:0]
		}
	}
	return nil
}
