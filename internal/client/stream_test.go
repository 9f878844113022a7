package client

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadMessages(t *testing.T) {
	const stream = ": listening\nid: 7\n\nid: 8\nevent: event\ndata: {\"a\":\"b: c\"}\n\nevent: verdict\ndata:{}\n\nid: 9\nevent: cut off"
	var got []Message
	if err := readMessages(strings.NewReader(stream), func(m Message) error { got = append(got, m); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []Message{{ID: "7"}, {"event", "8", []byte(`{"a":"b: c"}`)}, {Event: "verdict", Data: []byte("{}")}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	enough := errors.New("enough")
	if err := readMessages(strings.NewReader(stream), func(Message) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the end that the reader wants: %v", err)
	}
}

func FuzzReadMessages(f *testing.F) {
	f.Add("id: 8\nevent: event\ndata: {}\n\n")
	f.Add(":\n\n\ndata\ndata: 1\n\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		if err := readMessages(strings.NewReader(s), func(m Message) error { n += len(m.Data) + len(m.ID); return nil }); err != nil || n > len(s) {
			t.Fatal(n, err)
		}
	})
}
