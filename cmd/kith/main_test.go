package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"kith/internal/errs"
)

func TestExitCodes(t *testing.T) {
	stopped, stop := context.WithCancelCause(context.Background())
	stop(interrupted{syscall.SIGTERM})
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{context.Background(), nil, 0},
		{context.Background(), errs.New(errs.Internal, "x", "x"), 1},
		{context.Background(), usage(errs.New(errs.Internal, "x", "x")), 2},
		{context.Background(), errs.New(errs.Invalid, "x", "x"), 2},
		{context.Background(), errs.New(errs.Unavailable, "x", "x"), 3},
		{context.Background(), errs.New(errs.Denied, "x", "x"), 4},
		{context.Background(), errCheck, 5},
		{context.Background(), errs.New(errs.NotFound, "x", "x"), 6},
		{stopped, context.Canceled, 143},
	} {
		if got := exitCode(c.ctx, c.err); got != c.want {
			t.Errorf("%v gives %d, want %d", c.err, got, c.want)
		}
	}
}

func TestCommandLineMistakes(t *testing.T) {
	for _, args := range [][]string{{"cook"}, {"serve", "--nonsense"}, {"serve", "extra"}, {"profile"}, {"profile", "nobody"}, {"test"}, {"serve", "--addr", "x"}, {"size", "--peak", "0.5"}, {"size", "--simulate"}, {"bench", "nodes", "--log", "kafka://a/b"}, {"bench", "nodes", "--engine", "Kafka"}} {
		if got := run(context.Background(), args); got != exitUsage {
			t.Errorf("%v gives %d, want %d", args, got, exitUsage)
		}
	}
	if got := run(context.Background(), []string{"version"}); got != exitOK {
		t.Errorf("version gives %d", got)
	}
}

func TestProfileIsPrinted(t *testing.T) {
	var out bytes.Buffer
	events := []timelineEvent{{Type: "track", Event: "Order Completed", Timestamp: "t", Properties: map[string]any{
		"total": json.Number("5"), "products": []any{1, 2}, "nested": map[string]any{"x": 1},
	}}, {Type: "page", Name: "Home", Timestamp: "t"}}
	err := printProfile(&out, json.RawMessage(`{"id":"p1","identifiers":[{"type":"user_id","value":"u1","sources":["web"]}],"traits":{"b":1,"a":"x"},"accounts":["acme"],"segments":[{"key":"vip","since":"t1"}],"consents":[{"purpose":"marketing","channel":"email","state":"granted","at":"t2"}],"events":2}`), events)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Profile p1", "user_id", "u1", "acme", "vip", "marketing email", "granted", "Order Completed", "2 products, total 5", "page Home"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
}
