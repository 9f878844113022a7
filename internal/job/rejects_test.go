package job

import (
	"strings"
	"testing"
	"time"

	"kith/internal/state/mem"
	"kith/internal/sys"
)

// TestRejectsAreKeptAsLongAsTheJob: page by page, in order, and gone with the job.
func TestRejectsAreKeptAsLongAsTheJob(t *testing.T) {
	ctx := t.Context()
	j := New(Config{Store: mem.New(), Clock: sys.NewManual(time.UnixMilli(1795305598000)), Rand: sys.Seeded(1)})
	r := j.NewRejects("job_a")
	const n = 2*rejectsPage + 7
	for i := range n {
		if err := r.Add(ctx, Rejected{Index: 2 * i, Code: "c", Row: strings.Repeat("é", i)}); err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			if err := r.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.Flush(ctx); err != nil || r.Kept != n {
		t.Fatal(err, r.Kept)
	}
	for _, size := range []int{97, rejectsPage, n, n + 1} {
		var got []Rejected
		for more := true; more; {
			var rows []Rejected
			var err error
			if rows, more, err = j.Rejects(ctx, "job_a", len(got), size); err != nil {
				t.Fatal(err)
			}
			if got = append(got, rows...); len(rows) > size {
				t.Fatalf("%d rows of %d", len(rows), size)
			}
		}
		if len(got) != n {
			t.Fatalf("%d rows, not %d", len(got), n)
		}
		for i, row := range got {
			if row.Index != 2*i || len(row.Row) > rejectedBytes || strings.ToValidUTF8(row.Row, "") != row.Row {
				t.Fatalf("row %d is %+v", i, row)
			}
		}
	}
	if err := j.forgetRejects(ctx, "job_a"); err != nil {
		t.Fatal(err)
	}
	if rows, _, err := j.Rejects(ctx, "job_a", 0, 10); err != nil || len(rows) > 0 {
		t.Errorf("%v, %v", rows, err)
	}
}
