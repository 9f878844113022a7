package duckdb

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"kith/internal/analytics"
	"kith/internal/errs"
	"kith/internal/sys"
)

// process is a child that runs one query.
type process struct {
	ctx    context.Context
	stop   context.CancelFunc
	cmd    *exec.Cmd
	dir    string
	in     io.Closer // its end tells the child to end
	pipe   io.Closer
	out    *bufio.Reader
	ended  chan struct{} // closed once the child is gone
	mu     sync.Mutex
	killed error // why the parent ended it
}

// watchEvery is how often the memory of a child is looked at.
const watchEvery = 50 * time.Millisecond

// memoryAround is what a child may take beside the engine's buffers.
const memoryAround = 256 << 20

// start starts a child and sends it its request.
func start(ctx context.Context, opts Options, dir string, req *request) (*process, error) {
	content, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	p := &process{dir: dir, ended: make(chan struct{})}
	p.ctx, p.stop = context.WithTimeout(ctx, opts.Limits.Time)
	in, out, err := p.launch(opts.Command)
	if err != nil {
		p.stop()
		return nil, errs.Wrap(err, errs.Unavailable, "sql.process", "the process of a query does not start")
	}
	p.in, p.pipe, p.out = in, out, bufio.NewReaderSize(out, 64<<10)
	go p.watch(opts.Clock, opts.Limits.MemoryBytes+memoryAround)
	if err := writeFrame(in, frameRequest, content); err != nil {
		err = p.why(err)
		p.close()
		return nil, err
	}
	return p, nil
}

// launch starts the command with nothing of this process but three pipes.
func (p *process) launch(command []string) (io.WriteCloser, io.ReadCloser, error) {
	isolation := isolations()
	for i, attributes := range isolation {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env, cmd.Dir, cmd.SysProcAttr = []string{}, p.dir, attributes
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, nil, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, nil, err
		}
		err = cmd.Start()
		if err == nil {
			p.cmd = cmd
			return in, out, nil
		}
		if i == len(isolation)-1 || !notPermitted(err) {
			return nil, nil, err
		}
	}
	return nil, nil, errFrame
}

// watch ends the child when its time, its caller or its memory is over, and
// returns once it is gone.
func (p *process) watch(clock sys.Clock, memory int64) {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = p.cmd.Process.Wait() // how it ended shows in what it wrote
	}()
	defer close(p.ended)
	for {
		select {
		case <-gone:
			return
		case <-p.ctx.Done():
			p.kill(p.overdue())
			<-gone
			return
		case <-clock.After(watchEvery):
			if memoryOf(p.cmd.Process.Pid) > memory {
				p.kill(errMemory())
				<-gone
				return
			}
		}
	}
}

func (p *process) kill(why error) {
	p.mu.Lock()
	if p.killed == nil {
		p.killed = why
	}
	p.mu.Unlock()
	_ = p.cmd.Process.Kill() // it may be gone already
}

func errMemory() error {
	return &failure{
		Kind: errs.Invalid.String(), Code: analytics.CodeMemory, At: -1,
		Detail: "the query needs more memory than it may have; filter earlier, group by less, or sort fewer columns",
	}
}

// overdue is why the context of a query ended.
func (p *process) overdue() error {
	if errors.Is(p.ctx.Err(), context.DeadlineExceeded) {
		return &failure{
			Kind: errs.Invalid.String(), Code: "sql.time", At: -1,
			Detail: "the query took longer than it may; filter by timestamp, or ask for less at once",
		}
	}
	return &failure{Kind: errs.Unavailable.String(), Code: "sql.canceled", At: -1, Detail: "the caller went away"}
}

// why explains a pipe that broke: by what the parent did, or by a child that
// failed on its own.
func (p *process) why(err error) error {
	p.stopWriting()
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed != nil {
		return p.killed
	}
	if errors.Is(err, errFrame) {
		return &failure{Kind: errs.Internal.String(), Code: "sql.engine", At: -1, Detail: "the engine's answer cannot be read"}
	}
	return &failure{
		Kind: errs.Invalid.String(), Code: "sql.died", At: -1,
		Detail: "the engine failed on this query, most likely for want of memory; ask for less, or write it in a simpler way",
	}
}

func (p *process) stopWriting() {
	if p.in != nil {
		_ = p.in.Close() // the child sees the end of its input, or is gone
	}
}

// close ends the child and waits until it is gone.
func (p *process) close() {
	p.stop()
	p.stopWriting()
	<-p.ended
	_ = p.pipe.Close()
	_ = os.RemoveAll(p.dir) // empty, and in the system's place for such
}

// rows is an answer that is being read.
type rows struct {
	*process
	columns []analytics.Column
	asOf    time.Time
	frame   []byte // what is being read, reused
	left    []byte // of the frame
	row     [][]byte
	cut     analytics.Cut
	done    error
	sql     string
	lacking []string
	release func() // of the files that are read; nil where that is not needed
	once    sync.Once
}

// open reads the heading. Its error is a *failure or classified.
func (r *rows) open(tables []listedTable) error {
	kind, content, err := r.next()
	if err != nil {
		return err
	}
	var head heading
	if kind != frameColumns || json.Unmarshal(content, &head) != nil {
		return r.why(errFrame)
	}
	r.columns, r.lacking, r.row = head.Columns, head.Lacking, make([][]byte, len(head.Columns))
	for _, name := range head.Tables {
		for i := range tables {
			t := &tables[i]
			if t.Name == name && (r.asOf.IsZero() || t.asOf.Before(r.asOf)) {
				r.asOf = t.asOf
			}
		}
	}
	return nil
}

// next reads a frame. A frame that tells a failure is an error.
func (r *rows) next() (kind byte, content []byte, err error) {
	kind, r.frame, err = readFrame(r.out, r.frame)
	if err != nil {
		return 0, nil, r.why(err)
	}
	if kind == frameError {
		var f failure
		if json.Unmarshal(r.frame, &f) != nil {
			return 0, nil, r.why(errFrame)
		}
		return 0, nil, &f
	}
	return kind, r.frame, nil
}

// Columns implements analytics.Rows.
func (r *rows) Columns() []analytics.Column { return r.columns }

// Cut implements analytics.Rows.
func (r *rows) Cut() analytics.Cut { return r.cut }

// AsOf implements analytics.Rows.
func (r *rows) AsOf() time.Time { return r.asOf }

// Next implements analytics.Rows.
func (r *rows) Next() ([][]byte, error) {
	for r.done == nil && len(r.left) == 0 {
		r.done = r.more()
	}
	if r.done != nil {
		return nil, r.done
	}
	var err error
	if r.left, err = readRow(r.left, r.row); err != nil {
		r.done = r.why(err)
		return nil, r.done
	}
	return r.row, nil
}

// more reads the next frame of rows; at the end it returns io.EOF.
func (r *rows) more() error {
	kind, content, err := r.next()
	if err != nil {
		var f *failure
		if errors.As(err, &f) {
			return f.public(r.sql)
		}
		return err
	}
	switch kind {
	case frameRows:
		if len(r.row) == 0 {
			return r.why(errFrame)
		}
		r.left = content
		return nil
	case frameEnd:
		var end ending
		if json.Unmarshal(content, &end) != nil {
			return r.why(errFrame)
		}
		r.cut = end.Cut
		return io.EOF
	}
	return r.why(errFrame)
}

// Close implements analytics.Rows.
func (r *rows) Close() error {
	r.once.Do(func() {
		r.close()
		if r.release != nil {
			r.release()
		}
	})
	return nil
}
