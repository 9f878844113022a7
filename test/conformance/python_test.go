package conformance

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
)

var segmentPython = &sdk{
	name:    "segment-python",
	context: obj{"library": obj{"name": "analytics-python"}},
	escapes: true,
}

var rudderPython = &sdk{
	name:         "rudder-python",
	context:      obj{"library": obj{"name": "analytics-python"}},
	integrations: []string{"All"},
	escapes:      true,
}

func TestSegmentPython(t *testing.T) {
	t.Parallel()
	driveWithPython(t, segmentPython, "segment-python.py")
}

func TestRudderPython(t *testing.T) {
	t.Parallel()
	driveWithPython(t, rudderPython, "rudder-python.py")
}

func driveWithPython(t *testing.T, s *sdk, driver string) {
	t.Helper()
	python := filepath.Join(installed(t, "python", "python3"), "bin", "python")
	deliver(t, s, 2, func(ctx context.Context, t *testing.T, r *run) {
		drive(ctx, t, r, driver, exec.CommandContext(ctx, python, filepath.Join("drivers", driver)))
	})
}
