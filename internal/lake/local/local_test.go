package local_test

import (
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/lake"
	"kith/internal/lake/laketest"
	"kith/internal/lake/local"
	"kith/internal/sys"
)

func TestConformance(t *testing.T) {
	t.Run("disk", func(t *testing.T) {
		laketest.Run(t, func(t *testing.T) lake.Store { return local.New(sys.Disk(), filepath.Join(t.TempDir(), "lake")) })
	})
	t.Run("memory", func(t *testing.T) {
		laketest.Run(t, func(*testing.T) lake.Store { return local.New(vfs.NewMem(), "lake") })
	})
}

// TestDurable holds that what was committed survives a power cut, and what was not
// leaves no file under its name.
func TestDurable(t *testing.T) {
	mem := vfs.NewCrashableMem()
	s := local.New(mem, "lake")
	d, err := s.Create(t.Context(), "t/a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if _, err := local.New(mem.CrashClone(vfs.CrashCloneCfg{}), "lake").Open(t.Context(), "t/a"); err == nil {
		t.Error("a draft is there after a power cut")
	}
	if err := d.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := lake.ReadAll(t.Context(), local.New(mem.CrashClone(vfs.CrashCloneCfg{}), "lake"), "t/a")
	if err != nil || string(data) != "abc" {
		t.Errorf("after a power cut the file holds %q, %v", data, err)
	}
}
