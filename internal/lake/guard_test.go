package lake

import (
	"strings"
	"testing"

	"kith/internal/errs"
)

func TestPanicsAreErrors(t *testing.T) {
	err := guarded(func() error {
		none := make([]int, len(t.Name()))
		return errs.New(errs.Internal, "never", "%d", none[len(t.Name())])
	})
	if errs.CodeOf(err) != "lake.panic" || !strings.Contains(err.Error(), "TestPanicsAreErrors") {
		t.Errorf("a panic became %v", err)
	}
}
