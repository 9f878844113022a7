package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Extension is how the names of scenario files end.
const Extension = ".kith"

// Options are what Test runs files with.
type Options struct {
	// Engines to run on; every file must give the same text on each of them.
	Engines []Engine
	// Variants to run on each engine; one with the defaults if empty.
	Variants []Variant
	// Update rewrites the expected outputs of the files with those of the first
	// engine and variant.
	Update bool
}

// Files returns the scenario files at a path: the file itself, or all those below
// a folder, in the order of their names.
func Files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var out []string
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, Extension) {
			out = append(out, name)
		}
		return err
	})
	return out, err
}

// Test runs the scenarios at dir, a folder or one file, on every engine and
// variant, and writes a line per file to out, below it what was wrong. It counts
// files. The error means that the files could not be read or written, or is that
// of ctx; a mistake in a file is a failure of that file.
func Test(ctx context.Context, dir string, out io.Writer, opts Options) (passed, failed int, err error) {
	files, err := Files(dir)
	if err != nil {
		return 0, 0, err
	}
	if len(files) == 0 {
		return 0, 0, fmt.Errorf("no files that end in %s in %s", Extension, dir)
	}
	if len(opts.Engines) == 0 {
		return 0, 0, errors.New("there is no engine to run the scenarios on")
	}
	if len(opts.Variants) == 0 {
		opts.Variants = []Variant{{}}
	}
	for _, name := range files {
		wrong, err := testFile(ctx, name, opts)
		if err == nil {
			err = ctx.Err() // what failed then says nothing of the file
		}
		if err != nil {
			return passed, failed, err
		}
		word := "ok  "
		if len(wrong) == 0 {
			passed++
		} else {
			word, failed = "FAIL", failed+1
		}
		fmt.Fprintf(out, "%s %s\n", word, name)
		for _, w := range wrong {
			fmt.Fprintln(out, indent(w))
		}
	}
	return passed, failed, nil
}

// testFile runs one file and returns what was wrong with it.
func testFile(ctx context.Context, name string, opts Options) (wrong []string, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f, err := Parse(name, data)
	if err != nil {
		return []string{err.Error()}, nil
	}
	if opts.Update {
		return update(ctx, f, data, opts)
	}
	for _, e := range opts.Engines {
		for _, v := range opts.Variants {
			res, err := Run(ctx, f, e, v)
			if err != nil {
				wrong = append(wrong, fmt.Sprintf("on %s: %v", e.Name(), err))
			}
			for _, m := range res.Mismatches {
				wrong = append(wrong, fmt.Sprintf("on %s: %s", e.Name(), m))
			}
			if len(wrong) > 0 {
				return wrong, nil // the other engines would mostly say the same again
			}
		}
	}
	return nil, nil
}

// update writes the outputs of the first engine and variant into the file.
func update(ctx context.Context, f *File, data []byte, opts Options) (wrong []string, err error) {
	res, err := Run(ctx, f, opts.Engines[0], opts.Variants[0])
	if err != nil {
		return []string{err.Error()}, nil
	}
	if res.Text == string(data) {
		return nil, nil
	}
	info, err := os.Stat(f.Name)
	if err != nil {
		return nil, err
	}
	return nil, os.WriteFile(f.Name, []byte(res.Text), info.Mode())
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ")
}
