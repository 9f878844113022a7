package duckdb

import (
	"strings"
	"testing"

	"kith/internal/analytics"
	"kith/internal/analytics/guard"
)

// hostile are statements that have no business here, by what they are after. Each
// is refused before it runs.
var hostile = map[string][]string{
	"reading files": {
		"SELECT * FROM 'secret.parquet'", "SELECT * FROM '/etc/passwd'", `SELECT * FROM "/etc/passwd"`, "SELECT * FROM 'events.csv'", "FROM '../../admin-token'",
		"SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_csv_auto('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM read_blob('/proc/self/environ')",
		"SELECT * FROM read_parquet('*.parquet')", "SELECT * FROM parquet_scan('x')", "SELECT * FROM read_json('x.json')", "SELECT * FROM read_json_auto('x')", "SELECT * FROM read_ndjson('x')",
		"SELECT * FROM read_json_objects('x')", "SELECT * FROM glob('/**')", "SELECT * FROM sniff_csv('/etc/passwd')", "SELECT * FROM parquet_metadata('x')", "SELECT * FROM parquet_schema('x')",
		"SELECT * FROM parquet_kv_metadata('x')", "SELECT * FROM parquet_file_metadata('x')", "SELECT * FROM read_duckdb('x.db')", "SELECT * FROM seq_scan('x')", "SELECT * FROM arrow_scan(1, 2, 3)",
		"SELECT * FROM events, read_text('/etc/passwd')", "SELECT (SELECT content FROM read_text('/etc/passwd'))", "SELECT * FROM events WHERE EXISTS (FROM read_text('/etc/passwd'))",
		"WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x", "SELECT 1 UNION ALL SELECT content FROM read_text('/etc/passwd')", "VALUES ((SELECT content FROM read_text('/etc/passwd')))",
		"SELECT * FROM events ORDER BY (SELECT content FROM read_text('/etc/passwd'))", "SELECT * FROM events LIMIT (SELECT size FROM read_text('/etc/passwd'))",
		"SELECT sum(1) OVER (ORDER BY (SELECT content FROM read_text('/etc/passwd'))) FROM events", "SELECT count(*) FILTER (WHERE (SELECT content FROM read_text('/etc/passwd')) = 'x') FROM events",
		"SELECT CASE WHEN true THEN (SELECT content FROM read_text('/etc/passwd')) END", "SELECT * REPLACE ((SELECT content FROM read_text('/etc/passwd')) AS name) FROM events",
		"SELECT list_transform([1], x -> (SELECT content FROM read_text('/etc/passwd')))", "SELECT * FROM events JOIN LATERAL (FROM read_text('/etc/passwd')) ON true",
		"SELECT * FROM events GROUP BY ALL HAVING (SELECT content FROM read_text('/etc/passwd')) IS NULL", "SELECT 1 QUALIFY (SELECT content FROM read_text('/etc/passwd')) = ''",
		"SELECT * FROM (PIVOT (FROM read_text('/etc/passwd')) ON size IN (1) USING count(*))", "SELECT * FROM (UNPIVOT (FROM read_text('x')) ON content)",
		"SELECT * FROM READ_TEXT('/etc/passwd')", "SELECT * FROM \"read_text\"('/etc/passwd')", "SELECT * FROM main.read_text('/etc/passwd')", "SELECT * FROM system.main.read_text('/etc/passwd')",
		"SELECT * FROM/**/read_text/**/('/etc/passwd')", "SELECT * FROM read_text -- x\n('/etc/passwd')", "SELECT * FROM events TABLESAMPLE 1 PERCENT, 'x.csv'",
		"SELECT getenv('HOME')", "SELECT * FROM which_secret('s3://x', 's3')", "SELECT read_text('/etc/passwd')", "SELECT * FROM st_read('x')", "SELECT * FROM sqlite_scan('x', 'y')",
		"SELECT * FROM postgres_scan('', '', '')", "SELECT * FROM mysql_query('', '')", "SELECT * FROM iceberg_scan('x')", "SELECT * FROM delta_scan('x')", "SELECT * FROM 'https://example.com/x.parquet'", "SELECT * FROM 's3://bucket/x'",
	},
	"ClickHouse's ways": {
		"SELECT * FROM file('/etc/passwd', 'LineAsString')", "SELECT * FROM url('http://169.254.169.254/', 'LineAsString')", "SELECT * FROM remote('127.0.0.1', system.users)", "SELECT * FROM s3('x')",
		"SELECT * FROM postgresql('x', 'y', 'z', 'u', 'p')", "SELECT * FROM mysql('x', 'y', 'z', 'u', 'p')", "SELECT * FROM jdbc('x', 'y')", "SELECT * FROM executable('x', 'y', 'z')", "SELECT * FROM system.query_log",
		"SELECT * FROM system.one", "SELECT * FROM numbers(10)", "SELECT * FROM cluster('x', 'y')", "SELECT file('x')", "SELECT * FROM events FORMAT CSV", "SELECT * FROM events SETTINGS max_threads = 1", "SELECT * FROM events FINAL SETTINGS x = 1", "SELECT * INTO OUTFILE 'x' FROM events",
		"SELECT * FROM dictionary('x')", "SELECT dictGet('a', 'b', 1)", "SELECT sleep(10)", "SELECT * FROM view(SELECT 1)", "SELECT * FROM events INTO OUTFILE 'x'",
	},
	"the catalog and settings": {
		"SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_secrets()", "SELECT * FROM duckdb_tables()", "SELECT * FROM duckdb_views()", "SELECT * FROM duckdb_columns()", "SELECT * FROM duckdb_functions()", "SELECT * FROM duckdb_databases()",
		"SELECT * FROM duckdb_logs()", "SELECT * FROM duckdb_memory()", "SELECT * FROM duckdb_temporary_files()", "SELECT * FROM duckdb_extensions()", "SELECT * FROM duckdb_variables()", "SELECT * FROM duckdb_external_file_cache()",
		"SELECT * FROM duckdb_tables", "SELECT * FROM duckdb_views", "SELECT * FROM sqlite_master", "SELECT * FROM sqlite_schema", "SELECT * FROM information_schema.tables", "SELECT * FROM information_schema.columns",
		"SELECT * FROM pg_catalog.pg_class", "SELECT * FROM pg_tables", "SELECT * FROM pg_catalog.pg_tables", "SELECT * FROM system.information_schema.tables", "SELECT * FROM pragma_table_info('events')", "SELECT * FROM pragma_show('events')",
		"SELECT * FROM pragma_version()", "SELECT * FROM pragma_database_size()", "SELECT * FROM pragma_storage_info('events')", "SELECT * FROM pragma_user_agent()", "SELECT * FROM pragma_database_list",
		"SELECT current_setting('allowed_paths')", "SELECT getvariable('x')", "SELECT current_database()", "SELECT current_schema()", "SELECT current_schemas(true)", "SELECT current_query()", "SELECT version()", "SELECT pg_get_viewdef(1)", "SELECT pg_typeof(1)",
		"SELECT has_table_privilege('events', 'select')", "SELECT in_search_path('x', 'y')", "SELECT txid_current()", "SELECT current_transaction_id()", "SELECT inet_server_addr()", "SELECT get_block_size('x')",
		"SELECT * FROM main.events", "SELECT * FROM memory.main.events", "SELECT * FROM memory.events", "SELECT * FROM other_workspace.events", "SELECT * FROM temp.events", "SELECT * FROM events_base",
		"SELECT stats(name) FROM events", "SELECT vector_type(name) FROM events", "SELECT parse_duckdb_log_message('x', 'y')", "SELECT * FROM test_all_types()", "SELECT * FROM test_vector_types(1)", "SELECT * FROM summary((SELECT 1))", "SELECT * FROM sql_auto_complete('s')",
		"SELECT * FROM query('SELECT 1')", "SELECT * FROM query_table('events')", "SELECT * FROM query_table(['events'])", "SELECT * FROM json_execute_serialized_sql('{}')", "SELECT json_serialize_sql('SELECT 1')", "SELECT json_deserialize_sql('{}')", "SELECT json_serialize_plan('SELECT 1')",
		"SELECT * FROM repeat(1, 10)", "SELECT * FROM repeat_row(1, num_rows = 10)", "SELECT * FROM icu_calendar_names()", "SELECT * FROM pg_timezone_names()", "SELECT * FROM histogram_values(events, name)", "SELECT * FROM histogram(events, name)", "SELECT * FROM checkpoint()", "SELECT * FROM force_checkpoint()",
		"SELECT * FROM enable_logging()", "SELECT write_log('x')", "SELECT * FROM json_each('[1]')", "SELECT * FROM json_tree('[1]')", "SELECT create_sort_key(1, 'ASC')", "SELECT __internal_compress_integral_utinyint(1, 1)", "SELECT can_cast_implicitly(1, 2)",
	},
	"other statements": {
		"INSERT INTO events SELECT * FROM events", "UPDATE events SET name = 'x'", "DELETE FROM events", "DROP VIEW events", "CREATE TABLE x AS SELECT 1", "CREATE VIEW x AS SELECT 1", "CREATE OR REPLACE VIEW events AS SELECT 1", "CREATE TEMP MACRO m() AS 1",
		"ALTER TABLE events ADD COLUMN x INT", "TRUNCATE events", "COPY events TO 'x.csv'", "COPY (SELECT 1) TO '/tmp/x'", "COPY events FROM 'x.csv'", "EXPORT DATABASE 'x'", "IMPORT DATABASE 'x'", "ATTACH 'x.db' AS x", "ATTACH ':memory:' AS x", "DETACH memory", "USE memory",
		"INSTALL httpfs", "LOAD httpfs", "LOAD '/tmp/x.so'", "FORCE INSTALL 'x'", "SET memory_limit = '100GB'", "SET enable_external_access = true", "SET VARIABLE x = 1", "SET lock_configuration = false", "RESET memory_limit", "RESET VARIABLE x", "PRAGMA database_list", "PRAGMA table_info('events')",
		"PRAGMA enable_profiling", "PRAGMA threads = 8", "CALL pragma_version()", "CALL read_text('/etc/passwd')", "CHECKPOINT", "VACUUM", "ANALYZE", "BEGIN", "COMMIT", "ROLLBACK", "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p", "CREATE SECRET s (TYPE s3)", "DROP SECRET s",
		"EXPLAIN SELECT 1", "EXPLAIN ANALYZE SELECT 1", "DESCRIBE events", "DESC events", "SHOW TABLES", "SHOW ALL TABLES", "SHOW events", "SHOW DATABASES", "SUMMARIZE events", "SELECT * FROM (DESCRIBE events)", "SELECT * FROM (SHOW TABLES)", "SELECT * FROM (SUMMARIZE events)", "WITH x AS (DESCRIBE events) SELECT * FROM x",
		"PIVOT events ON name", "PIVOT events ON name USING count(*)", "MERGE INTO events USING identifiers ON true WHEN MATCHED THEN DELETE", "COMMENT ON TABLE events IS 'x'", "CREATE SEQUENCE s", "SELECT nextval('s')", "SELECT currval('s')", "SELECT setseed(0.5)", "SELECT sleep_ms(100000)", "SELECT pg_sleep(100)",
		"CREATE TYPE t AS ENUM ('a')", "CREATE SCHEMA s", "CREATE INDEX i ON events (name)", "CREATE FUNCTION f() AS 1", "UPDATE EXTENSIONS", "DO $$ x $$",
	},
	"more than one": {
		"SELECT 1; SELECT 2", "SELECT 1; DROP VIEW events", "SELECT 1;;SELECT 2", "SELECT 1; -- x\nCOPY events TO 'x'", ";", "", " ", "--", "/* only a comment */", "SELECT 1) ; DROP VIEW events; --", "SELECT 1; PRAGMA database_list", "SELECT 1;\x00SELECT 2",
	},
	"tricks of the language": {
		"SELECT ?", "SELECT $1", "SELECT $name", "SELECT * FROM events WHERE name = ?", "SELECT * FROM IDENTIFIER('events')", "SELECT * FROM identifier('events')", "SELECT name.read_text() FROM events", "SELECT ('/etc/passwd').read_text()",
		"SELECT events.upper(name) FROM events", "SELECT * FROM events AT (VERSION => 1)", "SELECT * FROM events AT (TIMESTAMP => now())", "WITH duckdb_tables AS (SELECT 1) SELECT * FROM duckdb_tables", "WITH pg_class AS (SELECT 1) SELECT 1", "WITH sqlite_master AS (SELECT 1) SELECT * FROM sqlite_master",
		`WITH "x.csv" AS (SELECT 1) SELECT * FROM "x.csv"`, `WITH "/etc/passwd" AS (SELECT 1) SELECT 1`, `WITH information_schema AS (SELECT 1) SELECT 1`, "SELECT (WITH hidden AS (SELECT 1) SELECT 1) FROM hidden", "SELECT * FROM a, (WITH a AS (SELECT 1) SELECT 1)", "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
		"SELECT 1::my_type", "SELECT 'x'::pg_catalog.text", "SELECT CAST('events' AS regclass)", "SELECT 'a'::ENUM('a')", "SELECT 1::VARIANT", "SELECT 1::UNION(a INT)", "SELECT '1'::BIT", "SELECT 'x'::GEOMETRY", "SELECT name COLLATE \"x.y\" FROM events", "SELECT name COLLATE \"/etc/passwd\" FROM events",
		"SELECT cast_to_type('1', 1)", "SELECT enum_range(NULL)", "SELECT make_type('x')", "SELECT error('x')", "SELECT finalize(count(*) EXPORT_STATE) FROM events", "SELECT count(*) EXPORT_STATE FROM events",
		"SELECT * FROM range(100000000000)", "SELECT * FROM generate_series(1, 1000000000)", "SELECT range(0, 99999999999999999999999999)", "SELECT repeat('x', 2000000000)", "SELECT range(-2000000000, 0)", "SELECT lpad('', 2000000000, 'x')",
	},
	"bytes and letters": {
		"SELECT 1 \x00", "SELECT '\xff'", "\xc3\x28", "SELECT * FROM ｅvents", "SELECT * FROM еvents", "ＳＥＬＥＣＴ 1", "SELECT ｒead_text('x')", "SELECT * FROM read_text\u00a0('/etc/passwd')", "SELECT \"read\u200btext\"('x')",
		"SELECT /*! 1 */ * FROM mysql.user", "SELECT * FROM events; \u2028 DROP VIEW events", "SELECT 1 AS \"\x00\"", "SELECT * FROM \"events\"\"; DROP VIEW events; --\"",
		"' OR 1=1 --", "1; SELECT 1", "') UNION SELECT content FROM read_text('/etc/passwd') --", "{{ 7 * 7 }}", "<script>", "SELECT * FROM events WHERE name = 'x' UNION SELECT * FROM read_csv('/etc/passwd') --'",
	},
	"size and depth": {
		"SELECT " + strings.Repeat("NOT ", 5000) + "true", "SELECT 1" + strings.Repeat(" + 1", 5000), strings.Repeat("SELECT * FROM (", 500) + "SELECT 1" + strings.Repeat(")", 500),
		"SELECT " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "SELECT " + strings.Repeat("upper(", 400) + "'x'" + strings.Repeat(")", 400), "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 3000), "SELECT '" + strings.Repeat("x", guard.QueryBytesMax) + "'",
		"SELECT " + strings.Repeat("1,", 30_000) + "1", "SELECT CASE " + strings.Repeat("WHEN true THEN CASE ", 300) + "1" + strings.Repeat(" END", 301),
	},
}

// harmless are statements that look as if they wanted something and get nothing
// that they may not have: what each is answered.
var harmless = map[string]string{
	"SELECT 'SELECT * FROM read_text(''/etc/passwd'')' AS x":                "[[SELECT * FROM read_text('/etc/passwd')]]",
	"SELECT 1 -- ; DROP VIEW events":                                        "[[1]]",
	"SELECT current_user, session_user":                                     "[[duckdb duckdb]]", // what the engine says to everybody
	"SELECT count(*) FROM events\u200b":                                     "[[4000]]",
	"SELECT count(*) FROM $$events$$":                                       "[[4000]]", // quotes of another kind
	"SELECT count(*) FROM 'events'":                                         "[[4000]]",
	"SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000): "[[1]]",
	"SELECT 1;":                                                           "[[1]]",
	"SELECT 1 /* ; COPY events TO 'x' */":                                 "[[1]]",
	"SELECT $$; DROP VIEW events$$":                                       "[[; DROP VIEW events]]",
	`SELECT 1 AS "read_text('/etc/passwd')"`:                              "[[1]]",
	"WITH read_text AS (SELECT 1 AS a) SELECT a FROM read_text":           "[[1]]",
	"SELECT count(*) FROM events WHERE name = '''; DROP VIEW events; --'": "[[0]]",
	"SELECT parse_filename('/etc/passwd')":                                "[[passwd]]",
	"SELECT regexp_matches(repeat('a', 1000), '(a*)*b')":                  "[[false]]",
	"SELECT count(*) FROM range(10) events":                               "[[10]]",
	"SELECT url_decode('%27%3B%00') = ''':' || chr(0)":                    "[[false]]",
}

func TestHostileStatementsAreRefused(t *testing.T) {
	d, err := openDatabase()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := d.shutOff(&request{MemoryBytes: 512 << 20, Threads: 1}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for class, statements := range hostile {
		for _, s := range statements {
			if n++; judge(t, d, s) == nil {
				t.Errorf("%s: %.200q is not refused", class, s)
			}
		}
	}
	if n < 120 {
		t.Errorf("there are %d", n)
	}
}

// TestHostileStatementsHarmNoChild: real processes refuse some of each class, and
// answer the ones that only look harmful.
func TestHostileStatementsHarmNoChild(t *testing.T) {
	e := newEngine(t, shop(t), analytics.Limits{})
	for class, statements := range hostile {
		for i := 0; i < len(statements); i += len(statements)/4 + 1 {
			if _, got, err := ask(t, e, analytics.Query{SQL: statements[i]}); err == nil {
				t.Errorf("%s: %.200q gives %v", class, statements[i], got)
			}
		}
	}
}

func TestHarmlessStatements(t *testing.T) {
	h := newHouse(t, shop(t))
	for query, want := range harmless {
		if got := h.one(query); got != want {
			t.Errorf("%s gives %s, want %s", query, got, want)
		}
	}
}

// TestEngineHoldsWithoutTheGuard: what the guard refuses would not get out either
// if it did not, since the engine may read the listed files and no others.
func TestEngineHoldsWithoutTheGuard(t *testing.T) {
	d, err := openDatabase()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := d.shutOff(&request{MemoryBytes: 512 << 20, Threads: 1}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "COPY (SELECT 1) TO '/tmp/kith-sql-test'", "ATTACH '/tmp/kith-sql-test.db'", "INSTALL httpfs", "LOAD httpfs", "LOAD '/tmp/x.so'",
		"SET enable_external_access = true", "SET lock_configuration = false", "SET allowed_paths = ['/etc/passwd']", "SET memory_limit = '100GB'", "SET temp_directory = '/tmp'", "PRAGMA memory_limit = '1GB'", "EXPORT DATABASE '/tmp/x'",
		"SELECT * FROM glob('/etc/*')", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM 'https://example.com/x.csv'", "CREATE PERSISTENT SECRET s (TYPE http)",
	} {
		if err := d.run(s); err == nil {
			t.Errorf("the engine runs %s", s)
		}
	}
}
