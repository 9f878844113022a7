package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/errs"
	"kith/internal/lake"
)

// lakeFlags say where a lake lies. A command reads it beside the server.
type lakeFlags struct {
	cfg  app.Config
	json bool
}

func (f *lakeFlags) add(cmd *cobra.Command) {
	f.cfg = app.DefaultConfig()
	fs := cmd.Flags()
	fs.StringVar(&f.cfg.Data, "data", env("KITH_DATA", f.cfg.Data), "data folder (KITH_DATA)")
	fs.StringVar(&f.cfg.Lake, "lake", env("KITH_LAKE", ""), "folder of the lake, or s3://bucket/prefix?endpoint=…; DATA/<workspace>/lake if left out (KITH_LAKE)")
}

// open reads a table's list of files and hands it to use, with the lake and the
// address of the table's folder.
func (f *lakeFlags) open(ctx context.Context, table string, use func(s lake.Store, m *lake.Manifest, dir string) error) (err error) {
	if _, known := lake.TableOf(table); !known {
		return usage(fmt.Errorf("there is no table %s; the tables are %s", table, tableNames()))
	}
	f.cfg.IDKey = os.Getenv("KITH_ID_KEY")
	if f.cfg.EgressAllow, err = networks("KITH_EGRESS_ALLOW"); err != nil {
		return err
	}
	l, err := app.OpenLake(f.cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	m, err := lake.ReadManifest(ctx, l, table)
	if err != nil {
		return err
	}
	dir := l.Path(table)
	if m == nil {
		return errs.New(errs.NotFound, "lake.no_table", "the lake has no table %s yet in %s; start a server on the data folder", table, dir)
	}
	if !strings.Contains(dir, "://") {
		if dir, err = filepath.Abs(dir); err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
	}
	return use(l, m, dir)
}

func tableNames() string {
	names := ""
	for i, t := range lake.Tables() {
		if i > 0 {
			names += ", "
		}
		names += t.Name
	}
	return names
}

func lakeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lake",
		Short: "Show other tools the way to the open tables",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return usage(errors.New("say what: kith lake view TABLE")) },
	}
	cmd.AddCommand(lakeViewCommand())
	return cmd
}

func lakeViewCommand() *cobra.Command {
	var flags lakeFlags
	list := false
	cmd := &cobra.Command{
		Use:   "view TABLE",
		Short: "Print a view of a table for DuckDB, or the list of its files",
		Example: "  kith lake view events | duckdb report.db\n" +
			"  kith lake view profiles --list",
		Args: one("name one table"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.open(cmd.Context(), args[0], func(_ lake.Store, m *lake.Manifest, dir string) error {
				switch {
				case flags.json:
					return printJSON(cmd.OutOrStdout(), m)
				case list:
					for _, f := range m.Files {
						fmt.Fprintln(cmd.OutOrStdout(), dir+"/"+f.Path)
					}
					return nil
				}
				_, err := io.WriteString(cmd.OutOrStdout(), lake.View(m, dir))
				return err
			})
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&flags.json, "json", false, "print the list of files with all that it says, as JSON")
	cmd.Flags().BoolVar(&list, "list", false, "print the paths of the files alone")
	return cmd
}

func exportCommand() *cobra.Command {
	var flags lakeFlags
	var format, out string
	cmd := &cobra.Command{
		Use:   "export TABLE",
		Short: "Write an open table as CSV, JSON lines or Parquet",
		Example: "  kith export profiles > profiles.csv\n" +
			"  kith export events --format parquet --out events.parquet",
		Args: one("name one table"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.open(cmd.Context(), args[0], func(s lake.Store, m *lake.Manifest, _ string) error {
				return export(cmd, s, m, lake.Format(format), out)
			})
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&format, "format", string(lake.CSV), "csv, jsonl or parquet")
	cmd.Flags().StringVar(&out, "out", "", "file to write; standard output if left out")
	return cmd
}

// export writes a table to a file, or to standard output.
func export(cmd *cobra.Command, s lake.Store, m *lake.Manifest, format lake.Format, name string) (err error) {
	out := cmd.OutOrStdout()
	if name != "" {
		file, err2 := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err2 != nil {
			return errs.Wrap(err2, errs.Unavailable, "export.file", "the file %s cannot be written", name)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	p := watch("exporting", byteUnit)
	defer p.stop()
	rows, err := lake.Export(cmd.Context(), s, m, format, counting{out, p})
	if err == nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d rows as of %s\n", rows, m.AsOf)
	}
	return err
}

// counting shows how much has been written.
type counting struct {
	w io.Writer
	p *progress
}

// Write implements io.Writer.
func (c counting) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.p.add(n)
	return n, err
}
