package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/client"
)

// sqlTypes are the media types of the formats that --format names.
var sqlTypes = map[string]string{
	"table": "application/json", "json": "application/json", "csv": "text/csv",
	"ndjson": "application/x-ndjson", "arrow": "application/vnd.apache.arrow.stream",
}

func sqlCommand() *cobra.Command {
	var flags clientFlags
	var format string
	cmd := &cobra.Command{
		Use:   "sql QUERY",
		Short: "Run a read-only SQL query over the open tables",
		Example: `  kith sql "SELECT name, count(*) FROM events GROUP BY name ORDER BY 2 DESC"` + "\n" +
			`  kith sql --format csv - < report.sql > report.csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("give one query in quotes, or - to read it from standard input"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.json {
				format = "json"
			}
			accept, ok := sqlTypes[format]
			if !ok {
				return usage(fmt.Errorf("--format is one of table, json, ndjson, csv, arrow"))
			}
			query, err := readQuery(cmd, args[0])
			if err != nil {
				return err
			}
			c, closeClient, err := flags.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer closeClient()
			answer, err := c.Query(cmd.Context(), query, accept)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			return printAnswer(cmd.OutOrStdout(), cmd.ErrOrStderr(), answer, format)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&format, "format", "table", "how rows are printed: table, json, ndjson, csv or arrow")
	return cmd
}

// queryBytesMax bounds what is read from standard input; the server's own limit is
// lower.
const queryBytesMax = 1 << 20

func readQuery(cmd *cobra.Command, arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), queryBytesMax))
	return string(data), err
}

// printAnswer copies an answer as it comes, or prints it as a table. What a
// person should know of it goes to errors.
func printAnswer(out, errors io.Writer, answer *client.Answer, format string) error {
	var err error
	if format == "table" {
		err = printTable(out, answer.Body)
	} else {
		_, err = io.Copy(out, answer.Body)
	}
	if err != nil {
		return err
	}
	if cut := answer.Truncated(); cut != "" {
		fmt.Fprintf(errors, "kith: the answer was cut short by the limit of %s; add LIMIT or aggregate\n", cut)
	}
	return nil
}

// sqlAnswer is what is printed of an answer.
type sqlAnswer struct {
	Columns []struct{ Name, Type string }
	Data    []map[string]json.RawMessage
	Rows    int64
	AsOf    *string `json:"as_of"`
}

func printTable(w io.Writer, body io.Reader) error {
	var a sqlAnswer
	if err := json.NewDecoder(body).Decode(&a); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	names := make([]string, len(a.Columns))
	lines := make([]string, len(a.Columns))
	for i, c := range a.Columns {
		names[i] = cell(c.Name)
		lines[i] = strings.Repeat("─", utf8.RuneCountInString(names[i]))
	}
	fmt.Fprintln(t, strings.Join(names, "\t"))
	fmt.Fprintln(t, strings.Join(lines, "\t"))
	for _, row := range a.Data {
		values := make([]string, len(a.Columns))
		for i, c := range a.Columns {
			values[i] = shown(row[c.Name])
		}
		fmt.Fprintln(t, strings.Join(values, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	end := fmt.Sprintf("%d rows", a.Rows)
	if a.Rows == 1 {
		end = "1 row"
	}
	if a.AsOf != nil {
		end += ", as of " + *a.AsOf
	}
	_, err := fmt.Fprintln(w, end)
	return err
}

// cellRunesMax is how much of a value a table shows.
const cellRunesMax = 80

// shown is a value in a table: texts without their quotes, NULL as nothing.
func shown(raw json.RawMessage) string {
	var text string
	switch {
	case string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &text) == nil:
		return cell(text)
	}
	return cell(string(raw))
}

// cell keeps a value on its line, and what a terminal would obey out of it.
func cell(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > cellRunesMax {
		return string(runes[:cellRunesMax-1]) + "…"
	}
	return s
}

// sqlWorkerName is the hidden command that runs one query in a process of its
// own.
const sqlWorkerName = "sql-worker"

func sqlWorkerCommand() *cobra.Command {
	return &cobra.Command{
		Use: sqlWorkerName, Short: "Run one query for the process that starts this one", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return app.SQLWorker(os.Stdin, os.Stdout) },
	}
}

// sqlWorker is the command line that starts it: this program again. Without it
// there are no queries.
func sqlWorker() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{self, sqlWorkerName}
}
