package local_test

import (
	"fmt"
	"io"
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

// TestShared holds what several processes write against both suites.
func TestShared(t *testing.T) {
	shared := func(files sys.FS, dir string) lake.Guarded { return local.NewShared(files, dir, sys.Entropy()) }
	t.Run("files", func(t *testing.T) {
		laketest.Run(t, func(t *testing.T) lake.Store { return shared(sys.Disk(), filepath.Join(t.TempDir(), "lake")) })
	})
	t.Run("disk", func(t *testing.T) {
		laketest.RunGuarded(t, func(t *testing.T) func() lake.Guarded {
			dir := filepath.Join(t.TempDir(), "lake")
			return func() lake.Guarded { return shared(sys.Disk(), dir) }
		})
	})
	t.Run("memory", func(t *testing.T) {
		laketest.RunGuarded(t, func(*testing.T) func() lake.Guarded {
			mem := vfs.NewMem()
			return func() lake.Guarded { return shared(mem, "lake") }
		})
	})
}

// TestSharedIsDurable holds that a replaced list survives a power cut.
func TestSharedIsDurable(t *testing.T) {
	mem := vfs.NewCrashableMem()
	s := local.NewShared(mem, "lake", sys.Entropy())
	for i := range 20 {
		err := lake.Put(t.Context(), s, "t/current.json", func(w io.Writer) error {
			_, err := fmt.Fprint(w, i)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		data, err := lake.ReadAll(t.Context(), local.NewShared(mem.CrashClone(vfs.CrashCloneCfg{}), "lake", sys.Entropy()), "t/current.json")
		if err != nil || string(data) != fmt.Sprint(i) {
			t.Fatalf("after a power cut the list is %q, %v", data, err)
		}
	}
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
