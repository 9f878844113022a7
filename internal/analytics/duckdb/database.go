package duckdb

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	mapping "github.com/duckdb/duckdb-go-bindings"

	"kith/internal/analytics"
	"kith/internal/analytics/guard"
	"kith/internal/errs"
)

// database is an engine in memory, shut off from everything but the files that a
// request lists. All its calls come from one thread, see Worker.
type database struct {
	db   mapping.Database
	conn mapping.Connection
}

// settings are those that do not depend on the request. The engine has no
// extensions but those that are built in, writes no file, and cannot be told
// otherwise by what runs in it.
var settings = [][2]string{
	{"temp_directory", ""},
	{"max_temp_directory_size", "0B"},
	{"autoinstall_known_extensions", "false"},
	{"autoload_known_extensions", "false"},
	{"allow_community_extensions", "false"},
	{"allow_unsigned_extensions", "false"},
	{"allow_persistent_secrets", "false"},
	{"parquet_metadata_cache", "true"},
	{"TimeZone", "UTC"},
	{"errors_as_json", "true"},
}

// openDatabase opens the engine with no thread but this one. It looks at the
// machine's memory and processors then, so it comes before confine; the threads
// that shutOff lets it start come behind.
func openDatabase() (*database, error) {
	d := &database{}
	var config mapping.Config
	defer mapping.DestroyConfig(&config)
	var message string
	if mapping.CreateConfig(&config) == mapping.StateError ||
		mapping.SetConfig(config, "threads", "1") == mapping.StateError ||
		mapping.OpenExt(":memory:", &d.db, config, &message) == mapping.StateError ||
		mapping.Connect(d.db, &d.conn) == mapping.StateError {
		return nil, errs.New(errs.Unavailable, "sql.engine", "the engine of queries does not start")
	}
	return d, nil
}

// shutOff leaves the engine what the request grants it, for good.
func (d *database) shutOff(req *request) error {
	all := append([][2]string{
		{"threads", strconv.Itoa(req.Threads)},
		{"memory_limit", strconv.FormatInt(req.MemoryBytes>>20, 10) + "MiB"},
	}, settings...)
	for _, s := range all {
		if err := d.run("SET " + s[0] + " = " + literal(s[1])); err != nil {
			return err
		}
	}
	var files []string
	for i := range req.Tables {
		for _, f := range req.Tables[i].Files {
			files = append(files, literal(f.Path))
		}
	}
	for _, statement := range []string{
		"SET allowed_paths = [" + strings.Join(files, ", ") + "]",
		"SET enable_external_access = false",
		"SET lock_configuration = true",
	} {
		if err := d.run(statement); err != nil {
			return err
		}
	}
	return nil
}

// run executes a statement of the program's own.
func (d *database) run(statement string) error {
	var res mapping.Result
	defer mapping.DestroyResult(&res)
	if mapping.Query(d.conn, statement, &res) == mapping.StateError {
		return engineError(mapping.ResultError(&res), false)
	}
	return nil
}

// texts executes a statement of the program's own and returns its rows, all of
// whose columns are texts.
func (d *database) texts(statement string, args ...string) ([][]string, error) {
	var stmt mapping.PreparedStatement
	defer mapping.DestroyPrepare(&stmt)
	if mapping.Prepare(d.conn, statement, &stmt) == mapping.StateError {
		return nil, engineError(mapping.PrepareError(stmt), false)
	}
	for i, arg := range args {
		v := mapping.CreateVarcharLength(arg, mapping.IdxT(len(arg)))
		mapping.BindValue(stmt, mapping.IdxT(i+1), v)
		mapping.DestroyValue(&v)
	}
	var res mapping.Result
	defer mapping.DestroyResult(&res)
	if mapping.ExecutePrepared(stmt, &res) == mapping.StateError {
		return nil, engineError(mapping.ResultError(&res), false)
	}
	columns := int(mapping.ColumnCount(&res))
	var rows [][]string
	for {
		chunk := mapping.FetchChunk(res)
		if chunk.Ptr == nil {
			return rows, nil
		}
		for i := range int(mapping.DataChunkGetSize(chunk)) {
			row := make([]string, columns)
			for c := range row {
				v := readVector(&typ{id: mapping.TypeVarchar}, mapping.DataChunkGetVector(chunk, mapping.IdxT(c)))
				if !v.null(i) {
					row[c] = string(v.bytes(i))
				}
			}
			rows = append(rows, row)
		}
		mapping.DestroyDataChunk(&chunk)
	}
}

// parse returns the syntax tree of a query as JSON.
func (d *database) parse(query string) ([]byte, error) {
	rows, err := d.texts("SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", query)
	if err != nil {
		return nil, err
	}
	return []byte(rows[0][0]), nil
}

// engineError turns an error of the engine into what a person reads. Messages of
// the parser and the binder speak of the query and are passed on; those of
// running it may hold values of rows and are not.
func engineError(message string, running bool) error {
	var e struct {
		Type     string `json:"exception_type"`
		Message  string `json:"exception_message"`
		Position string `json:"position"`
	}
	if json.Unmarshal([]byte(message), &e) != nil {
		return &failure{Kind: errs.Internal.String(), Code: "sql.engine", Detail: "the engine failed", At: -1}
	}
	at := -1
	if n, err := strconv.Atoi(e.Position); err == nil {
		at = n
	}
	invalid := func(code, detail string) error {
		return &failure{Kind: errs.Invalid.String(), Code: code, Detail: detail, At: at}
	}
	switch e.Type {
	case "Parser", "Syntax":
		return invalid(guard.CodeSyntax, tidy(e.Message))
	case "Binder", "Catalog":
		if running {
			break
		}
		return invalid("sql.column", tidy(e.Message))
	case "Conversion", "Mismatch Type":
		return invalid("sql.conversion", "a value cannot be converted to the type asked for; use TRY_CAST, which gives NULL instead")
	case "Out of Range", "Decimal", "Divide by Zero":
		return invalid("sql.out_of_range", "a number does not fit its type; cast it to DOUBLE or HUGEINT first")
	case "Invalid Input", "Parameter Not Resolved", "Constraint", "Not implemented":
		return invalid("sql.input", "a function was given a value that it does not take, or the query needs what the engine does not have; look at patterns, formats and options")
	case "Out of Memory", "ObjectSize":
		return &failure{Kind: errs.Invalid.String(), Code: analytics.CodeMemory, Detail: "the query needs more memory than it may have; filter earlier, group by less, or sort fewer columns", At: -1}
	case "IO", "Permission", "HTTP":
		return &failure{Kind: errs.Unavailable.String(), Code: "sql.lake", Detail: "a file of the lake cannot be read", At: -1, Stale: true}
	case "INTERRUPT":
		return &failure{Kind: errs.Invalid.String(), Code: "sql.time", Detail: "the query was ended", At: -1}
	}
	return &failure{Kind: errs.Invalid.String(), Code: "sql.failed", Detail: "the engine cannot run this query; write it in a simpler way", At: at}
}

// tidy cuts a message of the engine to its sentence and the names that it
// suggests.
func tidy(message string) string {
	message, _, _ = strings.Cut(message, "\n\nLINE ")
	message, _, _ = strings.Cut(message, "\nLINE ")
	message = strings.Join(strings.Fields(strings.ReplaceAll(message, "\n", " ")), " ")
	if len(message) > 600 {
		message = strings.ToValidUTF8(message[:600], "") + "…"
	}
	return message
}

// asFailure is any error in the form that the parent is told.
func asFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var r *guard.Refusal
	if errors.As(err, &r) {
		return &failure{Kind: errs.Invalid.String(), Code: r.Code, Detail: r.Detail, At: r.At}
	}
	return &failure{Kind: errs.KindOf(err).String(), Code: errs.CodeOf(err), Detail: errs.DetailOf(err), At: -1}
}
