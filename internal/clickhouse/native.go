package clickhouse

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"

	"github.com/ClickHouse/ch-go/proto"

	"kith/internal/clickhouse/block"
	"kith/internal/egress"
	"kith/internal/errs"
)

// revision is the one of the native protocol that is spoken. In it every column has
// the one form that its type says, and a server does not send its counters all the
// while, which would count as the answer's bytes. What came later, sparse columns
// above all, is for servers among themselves.
const revision = 54450

// settingsRevision is the first that has settings as texts. A server that is older
// cannot be told that a statement may only read.
const settingsRevision = int(proto.FeatureSettingsSerializedAsStrings)

// idleMax is how many connections are kept that nobody uses.
const idleMax = 8

// overNative speaks the native protocol.
type overNative struct {
	loc    Location
	guard  *egress.Guard
	cfg    Config // with its defaults
	secure *tls.Config
	host   string

	mu   sync.Mutex
	idle []*wire
}

func newNative(loc Location, guard *egress.Guard, cfg Config) *overNative {
	n := &overNative{loc: loc, guard: guard, cfg: cfg}
	if cfg.Timeout == 0 {
		n.cfg.Timeout = egress.DefaultTimeout
	}
	if cfg.AnswerBytes == 0 {
		n.cfg.AnswerBytes = egress.DefaultAnswerBytes
	}
	if u, err := url.Parse(loc.Endpoint); err == nil { // ParseURL has written it
		n.host = u.Host
		if u.Scheme == "tls" {
			n.secure = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}
		}
	}
	return n
}

// wire is a connection. One statement uses it at a time.
type wire struct {
	conn    net.Conn
	in      *proto.Reader
	bound   *bounded
	version int
	sending sync.Mutex // held while something is written
}

// bounded is what is read of a connection, up to a number of bytes of an answer.
type bounded struct {
	from      io.Reader
	left, all int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errs.New(errs.Invalid, "egress.answer_too_large", "the answer is longer than %d bytes", b.all)
	}
	n, err := b.from.Read(p)
	b.left -= int64(n)
	return n, err
}

// send writes what a buffer holds, and empties it.
func (w *wire) send(b *proto.Buffer) error {
	w.sending.Lock()
	defer w.sending.Unlock()
	_, err := w.conn.Write(b.Buf)
	b.Reset()
	return err
}

// abandon tells the server to end what it does for this connection, and ends it.
func (w *wire) abandon() {
	if w.sending.TryLock() {
		_, _ = w.conn.Write([]byte{byte(proto.ClientCodeCancel)}) // the end of the connection says the same, if later
		w.sending.Unlock()
	}
	_ = w.conn.Close() // nothing is expected of it any more
}

// call is a statement that is running.
type call struct {
	of   *overNative
	w    *wire
	ctx  context.Context
	done func() // of the context
	kept func() bool
	once sync.Once
}

// failed is what the caller is told of an error below.
func (c *call) failed(err error) error {
	var r *Refused
	switch {
	case err == nil:
		return nil
	case errors.As(err, &r):
		return r
	case c.ctx.Err() != nil:
		return egress.Plain(c.ctx.Err())
	}
	return egress.Plain(err)
}

// end gives the connection back, if nothing is under way on it.
func (c *call) end(clean bool) {
	c.once.Do(func() {
		undisturbed := c.kept()
		c.done()
		if !clean || !undisturbed {
			c.w.abandon()
			return
		}
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		if len(c.of.idle) < idleMax {
			c.of.idle = append(c.of.idle, c.w)
			return
		}
		_ = c.w.conn.Close() // it has nothing more to say
	})
}

// begin sends a statement.
func (n *overNative) begin(ctx context.Context, statement string, settings []Setting) (*call, error) {
	ctx, done := context.WithTimeout(ctx, n.cfg.Timeout)
	c := &call{of: n, ctx: ctx, done: done}
	w, err := n.connection(c)
	if err != nil {
		err = c.failed(err)
		done()
		return nil, err
	}
	if len(settings) > 0 && w.version < settingsRevision {
		c.end(false)
		return nil, errs.New(errs.Unavailable, "clickhouse.old", "ClickHouse is too old for its native protocol to be used; it has to be 20.10 or newer")
	}
	var b proto.Buffer
	w.query(&b, statement, settings)
	w.bound.left = n.cfg.AnswerBytes
	if err := w.send(&b); err != nil {
		err = c.failed(err)
		c.end(false)
		return nil, err
	}
	return c, nil
}

// query writes a statement, and that no tables come with it.
func (w *wire) query(b *proto.Buffer, statement string, settings []Setting) {
	v := w.version
	proto.ClientCodeQuery.Encode(b)
	b.PutString("") // the server makes an id
	proto.ClientInfo{ProtocolVersion: v, Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial, ClientName: "kith", InitialAddress: "0.0.0.0:0"}.EncodeAware(b, v)
	for _, s := range settings {
		proto.Setting{Key: s.Name, Value: s.Value, Important: true}.Encode(b)
	}
	b.PutString("")
	if proto.FeatureInterServerSecret.In(v) {
		b.PutString("")
	}
	proto.StageComplete.Encode(b)
	proto.CompressionDisabled.Encode(b)
	b.PutString(statement)
	w.data(b)
	proto.Block{Info: proto.BlockInfo{BucketNum: -1}}.EncodeAware(b, v)
}

// data writes that a block follows.
func (w *wire) data(b *proto.Buffer) {
	proto.ClientCodeData.Encode(b)
	proto.ClientData{}.EncodeAware(b, w.version)
}

// connection returns one that is ready, for a call, and ends it when the call's
// context does.
func (n *overNative) connection(c *call) (*wire, error) {
	watch := func(w *wire) { c.w, c.kept = w, context.AfterFunc(c.ctx, w.abandon) }
	for {
		n.mu.Lock()
		last := len(n.idle) - 1
		if last < 0 {
			n.mu.Unlock()
			break
		}
		w := n.idle[last]
		n.idle = n.idle[:last]
		n.mu.Unlock()
		watch(w)
		if w.alive() {
			return w, nil
		}
		c.kept()
		_ = w.conn.Close() // the server has closed it before
	}
	conn, err := n.guard.Dial(c.ctx, "tcp", n.host)
	if err != nil {
		return nil, err
	}
	if n.secure != nil {
		over := tls.Client(conn, n.secure)
		if err := over.HandshakeContext(c.ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = over
	}
	w := &wire{conn: conn, bound: &bounded{from: conn, left: 1 << 20, all: n.cfg.AnswerBytes}}
	w.in = proto.NewReader(w.bound)
	watch(w)
	if err := w.hello(n.loc); err != nil {
		c.kept()
		return nil, errors.Join(err, conn.Close())
	}
	return w, nil
}

// alive reports whether the server still answers.
func (w *wire) alive() bool {
	w.bound.left = 1 << 20
	var b proto.Buffer
	proto.ClientCodePing.Encode(&b)
	if w.send(&b) != nil {
		return false
	}
	code, err := w.in.UVarInt()
	return err == nil && proto.ServerCode(code) == proto.ServerCodePong
}

// hello says who is there.
func (w *wire) hello(loc Location) error {
	var b proto.Buffer
	proto.ClientHello{Name: "kith", Major: 1, ProtocolVersion: revision, Database: loc.Database, User: loc.User, Password: loc.Password}.Encode(&b)
	if err := w.send(&b); err != nil {
		return err
	}
	code, err := w.in.UVarInt()
	if err != nil {
		return err
	}
	switch proto.ServerCode(code) {
	case proto.ServerCodeException:
		return w.exception()
	case proto.ServerCodeHello:
		var hello proto.ServerHello
		if err := hello.DecodeAware(w.in, revision); err != nil {
			return err
		}
		w.version = min(revision, hello.Revision)
		return nil
	}
	return errAnswer()
}

// exception reads why the server refuses.
func (w *wire) exception() error {
	var e proto.Exception
	if err := e.DecodeAware(w.in, w.version); err != nil {
		return err
	}
	return &Refused{int(e.Code), e.Message}
}

// packet reads up to the next block of the answer; nil at its end.
func (c *call) packet() (*block.Block, error) {
	for {
		code, err := c.w.in.UVarInt()
		if err != nil {
			return nil, err
		}
		var part proto.AwareDecoder
		switch proto.ServerCode(code) {
		case proto.ServerCodeEndOfStream:
			return nil, nil
		case proto.ServerCodeException:
			return nil, c.w.exception()
		case proto.ServerCodeData:
			return c.block()
		case proto.ServerCodeTotals, proto.ServerCodeExtremes, proto.ServerCodeLog, proto.ServerProfileEvents:
			if _, err := c.block(); err != nil { // nothing that was asked for
				return nil, err
			}
			continue
		case proto.ServerCodeProgress:
			part = &proto.Progress{}
		case proto.ServerCodeProfile:
			part = &proto.Profile{}
		case proto.ServerCodeTableColumns:
			part = &proto.TableColumns{}
		default:
			return nil, errAnswer()
		}
		if err := part.DecodeAware(c.w.in, c.w.version); err != nil {
			return nil, err
		}
	}
}

// block reads a block and the name before it.
func (c *call) block() (*block.Block, error) {
	if _, err := c.w.in.Str(); err != nil {
		return nil, err
	}
	out := &block.Block{}
	var head proto.Block
	return out, head.DecodeBlock(c.w.in, c.w.version, out)
}

// rest reads the answer to its end.
func (c *call) rest() error {
	for {
		b, err := c.packet()
		if err != nil || b == nil {
			err = c.failed(err)
			c.end(err == nil)
			return err
		}
	}
}

func (n *overNative) do(ctx context.Context, statement string, settings []Setting) error {
	c, err := n.begin(ctx, statement, settings)
	if err != nil {
		return err
	}
	return c.rest()
}

func (n *overNative) insert(ctx context.Context, table string, lines []byte, settings []Setting) error {
	c, err := n.begin(ctx, "INSERT INTO "+Name(table)+" VALUES", settings)
	if err != nil {
		return err
	}
	defer c.end(false)
	form, err := c.packet()
	if err == nil && form == nil {
		err = errAnswer()
	}
	if err != nil {
		return c.failed(err)
	}
	var b proto.Buffer
	c.w.data(&b)
	rows, err := block.Write(&b, c.w.version, form, lines)
	if err != nil {
		return err
	}
	if rows == 0 {
		b.Reset()
	}
	c.w.data(&b)
	proto.Block{Info: proto.BlockInfo{BucketNum: -1}}.EncodeAware(&b, c.w.version)
	// Where the server has refused meanwhile, it has closed its side: what it says
	// comes first.
	sent := c.w.send(&b)
	if err := c.rest(); err != nil || sent == nil {
		return err
	}
	return c.failed(sent)
}

func (n *overNative) query(ctx context.Context, statement string, settings []Setting) (Rows, error) {
	c, err := n.begin(ctx, statement, settings)
	if err != nil {
		return nil, err
	}
	first, err := c.packet()
	if err == nil && (first == nil || len(first.Names) == 0) {
		err = errAnswer()
	}
	if err != nil {
		err = c.failed(err)
		c.end(false)
		return nil, err
	}
	r := &blocks{call: c, now: first, values: make([]json.RawMessage, len(first.Names))}
	for i, name := range first.Names {
		r.columns = append(r.columns, Column{name, first.Types[i]})
	}
	return r, nil
}

// blocks is an answer over the native protocol.
type blocks struct {
	call    *call
	columns []Column
	now     *block.Block
	row     int // of it, the next one
	values  []json.RawMessage
	text    []byte
	ends    []int
	done    error
}

// Columns implements Rows.
func (r *blocks) Columns() []Column { return r.columns }

// Next implements Rows.
func (r *blocks) Next() ([]json.RawMessage, error) {
	for r.done == nil && r.row >= r.now.Rows {
		next, err := r.call.packet()
		switch {
		case err != nil:
			r.done = r.call.failed(err)
			r.call.end(false)
		case next == nil:
			r.done = io.EOF
			r.call.end(true)
		case next.Rows > 0 && len(next.Names) != len(r.columns):
			r.done = errAnswer()
			r.call.end(false)
		default:
			r.now, r.row = next, 0
		}
	}
	if r.done != nil {
		return nil, r.done
	}
	r.text, r.ends = r.text[:0], r.ends[:0]
	for i := range r.columns {
		r.text = r.now.Append(r.text, i, r.row)
		r.ends = append(r.ends, len(r.text))
		if len(r.text) > rowBytesMax {
			return nil, errRow()
		}
	}
	from := 0
	for i, end := range r.ends {
		r.values[i] = r.text[from:end:end]
		from = end
	}
	r.row++
	return r.values, nil
}

// Close implements Rows.
func (r *blocks) Close() error {
	r.call.end(false)
	return nil
}
