package pipeline

import (
	"bytes"
	"testing"
)

func TestLoadRowsCanBeRead(t *testing.T) {
	l, m := loadOf("web", "load-7"), mark{3}
	message := loadMessage{m, "web", "m1"}
	r := retraction{decisions: []string{"dec_1", "dec_2"}}
	s := sweep{load: l, out: true, after: &m, done: 7}
	for _, row := range [][2][]byte{
		{loadMessageKey(l, m), message.encode()}, {loadKey(rowLoad, l), r.encode()}, {loadKey(rowSweep, l), s.encode()},
	} {
		if err := CheckRow(row[0], row[1]); err != nil {
			t.Errorf("%x: %v", row[0], err)
		}
		if err := CheckRow(row[0], append(row[1][:len(row[1]):len(row[1])], 0xff)); err == nil && row[0][1] != rowMessage {
			t.Errorf("%x is read with more behind it", row[0])
		}
	}
	if loadOf("web", "") != (load{}) || loadOf("a", "bc") == loadOf("ab", "c") {
		t.Error("loads are mistaken for each other")
	}
}

func FuzzLoadRow(f *testing.F) {
	l := loadOf("web", "load-7")
	s := sweep{load: l, done: 7}
	f.Add(loadKey(rowSweep, l), s.encode())
	r := retraction{decisions: []string{"dec_1"}}
	f.Add(loadKey(rowLoad, l), r.encode())
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if checkLoadRow(key, value) != nil || key[1] != rowSweep {
			return
		}
		s, err := decodeSweep(key, value)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeSweep(key, s.encode())
		if err != nil || again.out != s.out || again.done != s.done || !bytes.Equal(again.encode(), s.encode()) {
			t.Fatalf("%+v, %v", again, err)
		}
	})
}
