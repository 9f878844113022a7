// Package collect is the door through which events come in: the HTTP endpoints
// that the SDKs of Segment, RudderStack, Jitsu and Snowplow talk to. It judges
// every message, stamps the accepted ones and appends them to the event log,
// and answers 200 only when they are durable there.
//
// A request passes four stages, in this order (serve.go):
//
//	admit   bounded by requests in flight, fair among those who send
//	read    the body into memory, bounded by bytes in flight, by time and by rate
//	decide  inflate, parse, judge and encode, in one of a few work slots
//	store   append to the log and wait until it is durable
//
// What a message means is package event's business; who it is about is decided
// behind the log.
package collect

import (
	"crypto/sha256"
	"io"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/sys"
)

// Source is what the collector has to know of a source of events.
type Source struct {
	// Key is the source's stable name; every record carries it.
	Key string

	// Enabled is false for a source whose events are refused like those of an
	// unknown write key.
	Enabled bool

	// ServerFieldsIgnored is for a source whose write key lies open in pages and
	// apps and whose word on server-only fields shall not count: context.ip, and
	// a timestamp more than a week before receipt, which becomes received_at.
	ServerFieldsIgnored bool

	// SecretHash is SHA-256 over the secret that server-to-server endpoints ask
	// for beside the write key; the zero value asks for none.
	SecretHash [sha256.Size]byte

	// AllowOrigins lists the web origins that may send, such as
	// "https://shop.example.com"; empty allows all. Requests without an Origin
	// header do not come from a page and are not held against it.
	AllowOrigins []string
}

// SourceFinder finds sources by write key. It is asked for every request, from
// many goroutines, and must answer from memory.
type SourceFinder interface {
	ByWriteKey(key string) (Source, bool)
}

// Limits bounds what one request and all of them together may take. A field
// that is zero has its default.
type Limits struct {
	BodyBytes int64 // of a body after decompression; 640 KiB, at most 4 MiB

	Event    int // bytes of one message; 32 KiB
	Batch    int // messages of one batch; 2,500
	Envelope int // bytes of a batch's sentAt, context and integrations; 32 KiB
	Merged   int // bytes of the envelope times the messages it applies to; 16 MiB
	Depth    int // levels of nesting of one message; 64
	Keys     int // keys of one object; 1,000
	Name     int // bytes of an event's name and of a trait's key; 255
	Trait    int // bytes of a string in traits as written; 8 KiB

	InFlightBytes    int64 // memory of bodies and records of all requests; 64 MiB
	InFlightRequests int64 // requests being served; 4,096
	Workers          int   // requests parsed at once; one per processor

	SourceRate Rate // messages of one source, counted before repeats are known; none
	ClientRate Rate // requests from one address, of IPv6 from one /64; none

	BodyTimeout time.Duration // for the first byte of a body; 10 s
	BodyRate    int           // bytes a second that a body has to come at from then on; 16 KiB
}

// MaxBody is the largest value that Limits.BodyBytes takes.
const MaxBody = 4 << 20

// WithDefaults returns the limits with every zero replaced and BodyBytes cut to
// MaxBody.
func (l Limits) WithDefaults() Limits {
	for _, f := range [...]struct {
		field *int
		value int
	}{
		{&l.Event, 32 << 10}, {&l.Batch, 2500}, {&l.Envelope, 32 << 10}, {&l.Merged, 16 << 20},
		{&l.Depth, 64}, {&l.Keys, 1000}, {&l.Name, 255}, {&l.Trait, 8 << 10},
		{&l.Workers, runtime.GOMAXPROCS(0)}, {&l.BodyRate, 16 << 10},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	if l.BodyBytes <= 0 {
		l.BodyBytes = 640 << 10
	}
	l.BodyBytes = min(l.BodyBytes, MaxBody)
	if l.InFlightBytes <= 0 {
		l.InFlightBytes = 64 << 20
	}
	if l.InFlightRequests <= 0 {
		l.InFlightRequests = 4096
	}
	if l.BodyTimeout <= 0 {
		l.BodyTimeout = 10 * time.Second
	}
	return l
}

// Report is what happened to one request.
type Report struct {
	Endpoint string // name of the route
	Source   string // key of the source, or empty
	Status   int    // of the answer
	Code     string // of a refusal of the whole request, or empty
	Accepted int    // messages stored
	Rejected int    // messages refused one by one
	Body     int    // bytes of the body after decompression
	Stored   int    // bytes of the records
	Retry    bool   // the client says that it has tried before
	Elapsed  time.Duration
}

// Rejection is one message that was refused while its request was not.
type Rejection struct {
	Source    string
	Index     int    // in its batch
	MessageID string // as sent, or empty
	Code      string
	Detail    string
	Body      []byte // as received; valid during the call only
}

// Observer is told what the collector does. Every function may be nil; they are
// called from many goroutines and must not block.
type Observer struct {
	Done     func(Report)                             // after each request
	Rejected func(Rejection)                          // for each refused message
	Failed   func(id string, err error)               // the log refused with an error that is not the client's to know
	Panicked func(id string, value any, stack []byte) // a defect; the request was answered 500 with the id
}

// Config is what a Collector is made from. Log, Sources, Clock and Rand are
// needed.
type Config struct {
	Log     eventlog.Writer
	Sources SourceFinder
	Clock   sys.Clock
	Rand    sys.Rand

	// Route picks the partition of an event; nil is partition 0 for all. The
	// event is valid during the call only.
	Route func(*event.Event) int32

	Limits Limits

	// TrustedProxies are the networks whose X-Forwarded-For and
	// X-Forwarded-Proto headers are believed.
	TrustedProxies []netip.Prefix

	// PublicURL is the collector's own address as browsers reach it, such as
	// "https://collect.example.com"; it goes into settings documents. Empty
	// takes it from each request.
	PublicURL string

	// Workspace is the workspace's name in the source configuration document;
	// empty is "default".
	Workspace string

	Observer Observer
}

// Collector serves the endpoints. It is safe for concurrent use.
type Collector struct {
	log       eventlog.Writer
	sources   SourceFinder
	clock     sys.Clock
	rand      io.Reader
	route     func(*event.Event) int32
	limits    Limits
	proxies   []netip.Prefix
	publicURL string
	workspace string
	observer  Observer
	started   time.Time

	lastReceived atomic.Int64
	bytes        *budget
	requests     *budget
	gate         *gate
	sourceRates  *rates
	clients      *rates
	buffers      buffers
	jobs         sync.Pool
}

// New returns a collector. It panics when a needed part of the configuration is
// missing.
func New(cfg Config) *Collector {
	if cfg.Log == nil || cfg.Sources == nil || cfg.Clock == nil || cfg.Rand == nil {
		panic("BUG: a collector needs a log, sources, a clock and randomness")
	}
	limits := cfg.Limits.WithDefaults()
	c := &Collector{
		log:       cfg.Log,
		sources:   cfg.Sources,
		clock:     cfg.Clock,
		rand:      cfg.Rand,
		route:     cfg.Route,
		limits:    limits,
		proxies:   cfg.TrustedProxies,
		publicURL: cfg.PublicURL,
		workspace: cfg.Workspace,
		observer:  cfg.Observer,
		started:   cfg.Clock.Now(),
		bytes:     newBudget(limits.InFlightBytes),
		requests:  newBudget(limits.InFlightRequests),
		gate:      newGate(limits.Workers),

		sourceRates: newRates(limits.SourceRate),
		clients:     newRates(limits.ClientRate),
	}
	if c.route == nil {
		c.route = func(*event.Event) int32 { return 0 }
	}
	if c.workspace == "" {
		c.workspace = "default"
	}
	c.jobs.New = func() any { return &job{c: c} }
	return c
}

// InFlight returns how many bytes and requests are held at this moment.
func (c *Collector) InFlight() (bytes, requests int64) {
	return c.bytes.inUse(), c.requests.inUse()
}

// ReceivedAt is the moment of receipt of what comes in by another way at this
// moment. It never goes back within a process.
func (c *Collector) ReceivedAt() int64 { return c.receivedAt() }

// receivedAt is the moment of receipt in UTC milliseconds. It never goes back
// within a process, so that a clock that is set back does not turn the order of
// receipt around.
func (c *Collector) receivedAt() int64 {
	now := sys.Millis(c.clock.Now())
	for {
		last := c.lastReceived.Load()
		if now <= last {
			return last
		}
		if c.lastReceived.CompareAndSwap(last, now) {
			return now
		}
	}
}
