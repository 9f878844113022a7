package archive

import (
	"bytes"
	"errors"
	"testing"

	"kith/internal/errs"
)

// FuzzSegment: bytes that are no segment are told to be damaged, whatever they are,
// and what is read has as many records as it says.
func FuzzSegment(f *testing.F) {
	var out bytes.Buffer
	w, err := newWriter(&out, newCodec(), 3, 100)
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range []string{"a record", "", "another record, another record, another record, another record"} {
		if err := errors.Join(w.add([]byte(r)), w.flush()); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.finish(); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes(), int32(3))
	f.Add(out.Bytes()[:90], int32(3))
	f.Add(segmentHeader(3), int32(3))
	codec := newCodec()
	f.Fuzz(func(t *testing.T, data []byte, partition int32) {
		c, err := readContents(bytes.NewReader(data), int64(len(data)), partition)
		if err != nil {
			expectDamage(t, err)
			return
		}
		next := c.from
		for i := range c.blocks {
			records, err := c.readBlock(bytes.NewReader(data), codec, partition, i)
			if err != nil {
				expectDamage(t, err)
				return
			}
			if c.find(next) != i || c.find(next+int64(len(records))-1) != i {
				t.Fatalf("block %d is not found by its offsets", i)
			}
			next += int64(len(records))
		}
		if next != c.to {
			t.Fatalf("%d records from %d to %d", next-c.from, c.from, c.to)
		}
	})
}

func expectDamage(t *testing.T, err error) {
	t.Helper()
	var at damagedAt
	if !errors.As(err, &at) || at < 0 {
		t.Fatal(err)
	}
}

// FuzzList: a list that can be read has no gap, and one that cannot is told to be
// damaged.
func FuzzList(f *testing.F) {
	f.Add([]byte(`{"format":1,"partition":3,"version":2,"segments":[{"path":"a.seg","from":0,"to":5,"bytes":9,"raw_bytes":4,"sha256":"00"},{"path":"b.seg","from":5,"to":6}]}`))
	f.Add([]byte(`{"format":1,"partition":3,"version":2,"segments":[{"path":"../a.seg","from":0,"to":5}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := decodeList(data, 3)
		if err != nil {
			if !errs.Is(err, errs.Corrupt) {
				t.Fatal(err)
			}
			return
		}
		next := int64(0)
		for i := range l.Segments {
			s := &l.Segments[i]
			if s.From != next || l.find(s.From) != s || l.find(s.To-1) != s {
				t.Fatalf("segment %d of %+v", i, l)
			}
			next = s.To
		}
		if l.end() != next || l.find(next) != nil || l.find(-1) != nil {
			t.Fatalf("the end of %+v", l)
		}
	})
}
