package conformance

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
)

var segmentJava = &sdk{
	name:       "segment-java",
	comparison: comparison{noNulls: true, halfPair: "?"},
	context:    obj{"library": obj{"name": "analytics-java"}},
	patience:   1,
}

func TestSegmentJava(t *testing.T) {
	t.Parallel()
	dir := installed(t, "java", "java", "javac", "mvn")
	deliver(t, segmentJava, 2, func(ctx context.Context, t *testing.T, r *run) {
		classes := filepath.Join(dir, "classes") + string(filepath.ListSeparator) + filepath.Join(dir, "lib", "*")
		drive(ctx, t, r, "SegmentJava", exec.CommandContext(ctx, "java", "-cp", classes, "SegmentJava"))
	})
}
