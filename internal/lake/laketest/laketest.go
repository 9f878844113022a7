// Package laketest is the suite that every engine of lake.Store passes.
package laketest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"kith/internal/errs"
	"kith/internal/lake"
)

// Run holds an engine against the port. open returns an empty store, each time
// another one.
func Run(t *testing.T, open func(t *testing.T) lake.Store) {
	for name, f := range map[string]func(*testing.T, lake.Store){
		"a file is what was written":         whole,
		"nobody sees a draft":                draft,
		"a replacement is one step":          replace,
		"an open file outlives its name":     outlives,
		"lists are of one table":             lists,
		"deleting what is not there is fine": deletes,
		"drafts side by side":                sideBySide,
	} {
		t.Run(name, func(t *testing.T) { f(t, open(t)) })
	}
}

// RunGuarded holds an engine of a store that several processes write against the
// port. open returns access to an empty place, each time another one; what it
// returns gives a process of its own access to that place.
func RunGuarded(t *testing.T, open func(t *testing.T) (enter func() lake.Guarded)) {
	t.Run("two writers", func(t *testing.T) { twoWriters(t, open(t)) })
	t.Run("one of many wins", func(t *testing.T) { oneWins(t, open(t)) })
	t.Run("a writer that slept", func(t *testing.T) { slept(t, open(t)) })
}

func replaceList(s lake.Store, content string) error {
	return lake.Put(context.Background(), s, "t/current.json", func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
}

// twoWriters holds that a list which another writer has replaced is not replaced by
// one who has not seen that.
func twoWriters(t *testing.T, enter func() lake.Guarded) {
	mine, other := enter(), enter()
	reads := func(s lake.Guarded, want string) {
		t.Helper()
		if got := read(t, s, "t/current.json"); got != want {
			t.Errorf("the list is %q", got)
		}
	}
	for _, s := range []lake.Store{mine, other} {
		missing(t, s, "t/current.json")
	}
	if err := replaceList(mine, "first"); err != nil {
		t.Fatal(err)
	}
	if err := replaceList(other, "second"); !errs.Is(err, errs.Conflict) {
		t.Errorf("a list that somebody else has made is replaced: %v", err)
	}
	if err := replaceList(mine, "third"); err != nil {
		t.Error(err)
	}
	reads(other, "third")
	if err := replaceList(other, "fourth"); !errs.Is(err, errs.Conflict) {
		t.Errorf("who looks at a list again may replace what is not known to the writer: %v", err)
	}
	other.Forget()
	reads(other, "third")
	if err := replaceList(other, "fourth"); err != nil {
		t.Errorf("who has read the list anew may not replace it: %v", err)
	}
	if err := replaceList(mine, "fifth"); !errs.Is(err, errs.Conflict) {
		t.Errorf("a list that has moved on is replaced: %v", err)
	}
	reads(enter(), "fourth")
}

// oneWins holds that of several writers who know the same list one replaces it.
func oneWins(t *testing.T, enter func() lake.Guarded) {
	if err := replaceList(enter(), "first"); err != nil {
		t.Fatal(err)
	}
	const writers = 8
	won := make([]bool, writers)
	var g errgroup.Group
	var ready errgroup.Group
	begin := make(chan struct{})
	for i := range writers {
		s := enter()
		ready.Go(func() error {
			_, err := lake.ReadAll(context.Background(), s, "t/current.json")
			return err
		})
		g.Go(func() error {
			<-begin
			err := replaceList(s, fmt.Sprint("writer ", i))
			if won[i] = err == nil; errs.Is(err, errs.Conflict) {
				return nil
			}
			return err
		})
	}
	if err := ready.Wait(); err != nil {
		t.Fatal(err)
	}
	close(begin)
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	winner := slices.Index(won, true)
	if winner < 0 || slices.Contains(won[winner+1:], true) {
		t.Fatalf("won: %v", won)
	}
	if got := read(t, enter(), "t/current.json"); got != fmt.Sprint("writer ", winner) {
		t.Errorf("the list is %q, writer %d has won", got, winner)
	}
}

// slept holds that a writer which has missed many replacements is refused, and
// harms nothing.
func slept(t *testing.T, enter func() lake.Guarded) {
	mine, other := enter(), enter()
	if err := replaceList(mine, "first"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, other, "t/current.json"); got != "first" {
		t.Fatalf("the list is %q", got)
	}
	last := ""
	for i := range 40 {
		last = fmt.Sprint("replacement ", i)
		if err := replaceList(mine, last); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := replaceList(other, "late"); !errs.Is(err, errs.Conflict) {
			t.Errorf("a list that has moved on is replaced: %v", err)
		}
		if got := read(t, enter(), "t/current.json"); got != last {
			t.Errorf("the list is %q", got)
		}
	}
	if err := replaceList(mine, "next"); err != nil {
		t.Error(err)
	}
	if got := names(t, mine, "t"); !slices.Equal(got, []string{"t/current.json 4"}) {
		t.Errorf("the files are %v", got)
	}
}

func write(t *testing.T, s lake.Store, name, content string) {
	t.Helper()
	err := lake.Put(context.Background(), s, name, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s lake.Store, name string) string {
	t.Helper()
	data, err := lake.ReadAll(context.Background(), s, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func missing(t *testing.T, s lake.Store, name string) {
	t.Helper()
	if f, err := s.Open(context.Background(), name); !errs.Is(err, errs.NotFound) {
		t.Errorf("opening %s gives %v, %v", name, f, err)
	}
}

func names(t *testing.T, s lake.Store, table string) []string {
	t.Helper()
	list, err := s.List(context.Background(), table)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range list {
		out = append(out, fmt.Sprint(i.Name, " ", i.Bytes))
	}
	slices.Sort(out)
	return out
}

func whole(t *testing.T, s lake.Store) {
	long := strings.Repeat("0123456789abcdef", 20_000)
	for name, content := range map[string]string{"t/empty": "", "t/short.parquet": "abc", "t/long": long} {
		write(t, s, name, content)
		if read(t, s, name) != content {
			t.Errorf("%s is not what was written", name)
		}
	}
	f, err := s.Open(context.Background(), "t/long")
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 16)
	if _, err := f.ReadAt(b, 16*777); err != nil || string(b) != "0123456789abcdef" || f.Size() != int64(len(long)) {
		t.Errorf("read %q of %d bytes, %v", b, f.Size(), err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func draft(t *testing.T, s lake.Store) {
	ctx := context.Background()
	d, err := s.Create(ctx, "t/a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(d, "abc"); err != nil {
		t.Fatal(err)
	}
	missing(t, s, "t/a")
	d.Abort()
	d.Abort()
	missing(t, s, "t/a")
	err = lake.Put(ctx, s, "t/a", func(w io.Writer) error { return errs.New(errs.Internal, "test.fails", "it fails") })
	if errs.CodeOf(err) != "test.fails" {
		t.Errorf("the writer's error became %v", err)
	}
	missing(t, s, "t/a")
}

func replace(t *testing.T, s lake.Store) {
	ctx := context.Background()
	contents := []string{strings.Repeat("a", 5000), strings.Repeat("b", 9000)}
	write(t, s, "t/current.json", contents[0])
	ctx, stop := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		for ctx.Err() == nil {
			data, err := lake.ReadAll(context.Background(), s, "t/current.json")
			if err != nil {
				return err
			}
			if !slices.Contains(contents, string(data)) {
				return fmt.Errorf("read a mixture of %d bytes", len(data))
			}
		}
		return nil
	})
	for i := range 50 {
		write(t, s, "t/current.json", contents[i%2])
	}
	stop()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func outlives(t *testing.T, s lake.Store) {
	ctx := context.Background()
	write(t, s, "t/a", "first")
	f, err := s.Open(ctx, "t/a")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, "t/a"); err != nil {
		t.Fatal(err)
	}
	missing(t, s, "t/a")
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.NewSectionReader(f, 0, f.Size())); err != nil || b.String() != "first" {
		t.Errorf("read %q, %v", b.String(), err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func lists(t *testing.T, s lake.Store) {
	if got := names(t, s, "t"); len(got) != 0 {
		t.Errorf("a table that was never written has %v", got)
	}
	write(t, s, "t/a", "1")
	write(t, s, "t/b", "22")
	write(t, s, "tt/c", "333")
	if got := names(t, s, "t"); !slices.Equal(got, []string{"t/a 1", "t/b 2"}) {
		t.Errorf("the list is %v", got)
	}
}

func deletes(t *testing.T, s lake.Store) {
	ctx := context.Background()
	for range 2 {
		if err := s.Delete(ctx, "t/a"); err != nil {
			t.Error(err)
		}
		write(t, s, "t/a", "again")
		if err := s.Delete(ctx, "t/a"); err != nil {
			t.Error(err)
		}
		missing(t, s, "t/a")
	}
}

func sideBySide(t *testing.T, s lake.Store) {
	ctx := context.Background()
	var drafts []lake.Draft
	for i := range 5 {
		d, err := s.Create(ctx, fmt.Sprintf("t/%d", i))
		if err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, d)
	}
	for i, d := range drafts {
		if _, err := fmt.Fprint(d, i); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range drafts {
		if err := d.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		d.Abort()
	}
	for i := range 5 {
		if got := read(t, s, fmt.Sprintf("t/%d", i)); got != fmt.Sprint(i) {
			t.Errorf("file %d holds %q", i, got)
		}
	}
}
