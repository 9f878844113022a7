package clickhousetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"kith/internal/clickhouse/block"
)

// nativeRevision is the revision of the native protocol that the listener announces.
// States of aggregates have no versions in it, as they have none in what the engine
// writes as FORMAT Native.
const nativeRevision = 54451

// native speaks the native protocol, and asks the engine over its HTTP interface for
// blocks, which are the same on the wire and in FORMAT Native.
type native struct {
	engines        []string // URLs of HTTP interfaces: the one that answers, and others of its cluster
	user, password string
}

// serve takes connections until the listener ends.
func (n *native) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_ = n.connection(conn) // whoever is there sees the connection end
		}()
	}
}

// refusal is what the engine says of a statement.
type refusal struct {
	code    int
	message string
}

// Error implements error.
func (r *refusal) Error() string { return r.message }

// connection answers one connection.
func (n *native) connection(conn net.Conn) error {
	in := proto.NewReader(conn)
	var hello proto.ClientHello
	if code, err := in.UVarInt(); err != nil || proto.ClientCode(code) != proto.ClientCodeHello {
		return errors.Join(err, errors.New("no hello"))
	}
	if err := hello.Decode(in); err != nil {
		return err
	}
	var out proto.Buffer
	if hello.User != n.user || hello.Password != n.password {
		exception(&out, &refusal{516, "DB::Exception: Authentication failed"})
		_, err := conn.Write(out.Buf)
		return err
	}
	version := min(nativeRevision, hello.ProtocolVersion)
	(&proto.ServerHello{Name: "ClickHouse", Major: 26, Minor: 9, Revision: nativeRevision, Timezone: "UTC", DisplayName: "test"}).EncodeAware(&out, hello.ProtocolVersion)
	for {
		if _, err := conn.Write(out.Buf); err != nil {
			return err
		}
		out.Reset()
		code, err := in.UVarInt()
		if err != nil {
			return err
		}
		switch proto.ClientCode(code) {
		case proto.ClientCodePing:
			proto.ServerCodePong.Encode(&out)
		case proto.ClientCodeCancel:
		case proto.ClientTablesStatusRequest:
			if err := tables(in, &out); err != nil {
				return err
			}
		case proto.ClientCodeQuery:
			s := &statement{native: n, conn: conn, in: in, out: &out, version: version, database: hello.Database}
			if err := s.run(); err != nil {
				var r *refusal
				if !errors.As(err, &r) {
					return err
				}
				exception(&out, r)
			}
		default:
			return errors.New("a packet that is not known")
		}
	}
}

// tables answers how far behind tables are, of which none is replicated.
func tables(in *proto.Reader, out *proto.Buffer) error {
	n, err := in.Int()
	if err != nil {
		return err
	}
	proto.ServerCodeTablesStatus.Encode(out)
	out.PutInt(n)
	for range n {
		for range 2 { // the database and the name
			name, err := in.Str()
			if err != nil {
				return err
			}
			out.PutString(name)
		}
		out.PutBool(false)
	}
	return nil
}

func exception(out *proto.Buffer, r *refusal) {
	proto.ServerCodeException.Encode(out)
	(&proto.Exception{Code: proto.Error(r.code), Name: "DB::Exception", Message: r.message}).EncodeAware(out, 0)
}

// scalar is the packet in which a server tells another a value of its own, such as
// the number of the shard.
const scalar = 7

// statement is one that a connection has sent.
type statement struct {
	*native
	conn     net.Conn
	in       *proto.Reader
	out      *proto.Buffer
	version  int
	database string
	text     string
	settings []proto.Setting
}

// read reads the statement. Servers send what proto.Query does not read: that the
// first of them was asked in another way than over the native protocol.
func (s *statement) read() error {
	id, err := s.in.Str()
	if err == nil {
		err = s.client()
	}
	for err == nil {
		var set proto.Setting
		if err = set.Decode(s.in); set.Key == "" {
			break
		}
		s.settings = append(s.settings, set)
	}
	if err == nil {
		_, err = s.in.Str() // the secret of a cluster
	}
	for range 2 { // the stage, and whether blocks are compressed
		if err == nil {
			_, err = s.in.UVarInt()
		}
	}
	if err == nil {
		s.text, err = s.in.Str()
	}
	if err != nil {
		return fmt.Errorf("the statement %q cannot be read: %w", id, err)
	}
	return nil
}

// client reads who asks.
func (s *statement) client() error {
	var r skipping
	r.byte(s.in)  // whether a server passes it on
	for range 3 { // who asked first, and from where
		r.text(s.in)
	}
	r.raw(s.in, 8) // when
	tcp := proto.Interface(r.byte(s.in)) == proto.InterfaceTCP
	if tcp {
		for range 3 {
			r.text(s.in)
		}
		for range 3 {
			r.number(s.in)
		}
	}
	r.text(s.in)   // the key of a quota
	r.number(s.in) // how many servers have passed it on
	if tcp {
		r.number(s.in)
	}
	if r.byte(s.in) != 0 { // a trace
		r.raw(s.in, 24)
		r.text(s.in)
		r.raw(s.in, 1)
	}
	return r.err
}

// skipping reads what nobody asks for, up to the first error.
type skipping struct{ err error }

func (r *skipping) raw(in *proto.Reader, n int) (out []byte) {
	if r.err == nil {
		out, r.err = in.ReadRaw(n)
	}
	return out
}

func (r *skipping) byte(in *proto.Reader) byte {
	if b := r.raw(in, 1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *skipping) text(in *proto.Reader) {
	if r.err == nil {
		_, r.err = in.Str()
	}
}

func (r *skipping) number(in *proto.Reader) {
	if r.err == nil {
		_, r.err = in.UVarInt()
	}
}

var insertInto = regexp.MustCompile(`(?is)^\s*INSERT\s+INTO\s+(?:TABLE\s+)?(\S+?)\s*(\([^()]*\)\s*)?(?:FORMAT\s+\w+|VALUES)\s*$`)

func (s *statement) run() error {
	if err := s.read(); err != nil {
		return err
	}
	if tables, err := s.blocks(); err != nil { // tables that come with it
		return err
	} else if len(tables) > 0 {
		return errors.New("tables that come with a statement are not known here")
	}
	if m := insertInto.FindStringSubmatch(s.text); m != nil {
		return s.insert(m[1], m[2])
	}
	text, cluster := alone(s.text)
	raw, err := s.ask(text, nil)
	for i := 1; err == nil && cluster == Cluster && i < len(s.engines); i++ {
		_, err = s.askOf(s.engines[i], text, nil)
	}
	if err != nil {
		return err
	}
	return s.answer(raw)
}

// blocks reads blocks up to the empty one, and returns them as FORMAT Native.
func (s *statement) blocks() ([]byte, error) {
	var all proto.Buffer
	for {
		code, err := s.in.UVarInt()
		if err != nil {
			return nil, err
		}
		if proto.ClientCode(code) != proto.ClientCodeData && code != scalar {
			return nil, errors.New("no data where data has to be")
		}
		if _, err := s.in.Str(); err != nil {
			return nil, err
		}
		var head proto.Block
		var columns proto.Results
		if err := head.DecodeBlock(s.in, s.version, columns.Auto()); err != nil {
			return nil, err
		}
		switch {
		case code == scalar:
			continue
		case head.End():
			return all.Buf, nil
		}
		var input []proto.InputColumn
		for _, c := range columns {
			input = append(input, proto.InputColumn{Name: c.Name, Data: c.Data.(proto.ColInput)})
		}
		if err := head.EncodeRawBlock(&all, 0, input); err != nil {
			return nil, err
		}
	}
}

// insert says what the table has, takes blocks and hands them on.
func (s *statement) insert(table, columns string) error {
	what := "*"
	if columns != "" {
		what = strings.Trim(strings.TrimSpace(columns), "()")
	}
	form, err := s.ask("DESCRIBE (SELECT "+what+" FROM "+table+")", nil)
	if err != nil {
		return err
	}
	if err := s.head(form); err != nil {
		return err
	}
	if _, err := s.conn.Write(s.out.Buf); err != nil {
		return err
	}
	s.out.Reset()
	rows, err := s.blocks()
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		if _, err := s.ask("INSERT INTO "+table+" "+columns+" FORMAT Native", rows); err != nil {
			return err
		}
	}
	proto.ServerCodeEndOfStream.Encode(s.out)
	return nil
}

// head sends a block without rows, of what DESCRIBE tells.
func (s *statement) head(described []byte) error {
	var table block.Block
	var head proto.Block
	if err := head.DecodeRawBlock(proto.NewReader(bytes.NewReader(described)), 0, &table); err != nil {
		return err
	}
	text := func(column, row int) string {
		s, _ := strconv.Unquote(string(table.Append(nil, column, row))) // names of tests have nothing that JSON and Go write in other ways
		return s
	}
	var names, types []string
	for i := range table.Rows {
		names, types = append(names, text(0, i)), append(types, text(1, i))
	}
	s.empty(names, types)
	return nil
}

// empty sends a block without rows.
func (s *statement) empty(names, types []string) {
	s.packet()
	s.out.PutInt(len(names))
	s.out.PutInt(0)
	for i := range names {
		s.out.PutString(names[i])
		s.out.PutString(types[i])
	}
}

// packet begins a packet with a block.
func (s *statement) packet() {
	proto.ServerCodeData.Encode(s.out)
	s.out.PutString("")
	proto.BlockInfo{BucketNum: -1}.Encode(s.out)
}

var asksRows = regexp.MustCompile(`(?is)^\s*(SELECT|WITH|\()`)

// answer sends the blocks of an answer, and before them one without rows.
func (s *statement) answer(raw []byte) error {
	if len(raw) == 0 && asksRows.MatchString(s.text) {
		form, err := s.ask("DESCRIBE ("+s.text+"\n)", nil)
		if err != nil {
			return err
		}
		if err := s.head(form); err != nil {
			return err
		}
	}
	for rest := raw; len(rest) > 0; {
		// Nothing beyond a block is read, so what is left begins the next one. Where a
		// type is not known, all the rest is taken for one.
		from := bytes.NewReader(rest)
		var head proto.Block
		var columns block.Block
		end := len(rest)
		if head.DecodeRawBlock(proto.NewReader(byByte{from}), 0, &columns) == nil {
			end -= from.Len()
			if len(rest) == len(raw) {
				s.empty(columns.Names, columns.Types)
			}
		}
		s.packet()
		s.out.PutRaw(rest[:end])
		rest = rest[end:]
	}
	proto.ServerCodeProgress.Encode(s.out)
	proto.Progress{}.EncodeAware(s.out, s.version)
	proto.ServerCodeEndOfStream.Encode(s.out)
	return nil
}

// byByte reads one byte at a time.
type byByte struct{ from io.Reader }

// Read implements io.Reader.
func (b byByte) Read(p []byte) (int, error) { return b.from.Read(p[:min(len(p), 1)]) }

var exceptionCode = regexp.MustCompile(`Code: ([0-9]+)`)

// ask lets the engine run a statement and returns its answer as FORMAT Native.
func (s *statement) ask(text string, content []byte) ([]byte, error) {
	return s.askOf(s.engines[0], text, content)
}

func (s *statement) askOf(engine, text string, content []byte) ([]byte, error) {
	values := url.Values{"database": {cmp.Or(s.database, "default")}, "default_format": {"Native"}}
	for _, set := range s.settings {
		values.Set(set.Key, set.Value)
	}
	body := []byte(text)
	if content != nil {
		values.Set("query", text)
		body = content
	}
	req, err := http.NewRequest(http.MethodPost, engine+"/?"+values.Encode(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-ClickHouse-User", user)
	req.Header.Set("X-ClickHouse-Key", password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode == http.StatusOK {
		return answer, err
	}
	code := 0
	if m := exceptionCode.FindSubmatch(answer); m != nil {
		code, _ = strconv.Atoi(string(m[1])) // it is digits
	}
	return nil, &refusal{code, string(answer)}
}
