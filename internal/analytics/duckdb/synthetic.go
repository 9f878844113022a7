package duckdb

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"kith/internal/errs"
	"kith/internal/lake"
)

// syntheticFileRows is how many events one file of a synthetic lake has.
const syntheticFileRows = 1 << 20

// WriteSynthetic writes a lake of so many events of so many people into a folder,
// for measuring queries: four kinds of events over a year, a quarter of them
// orders with a revenue that also has a column; two identifiers for each person.
// It runs the engine in this process and without bounds.
func WriteSynthetic(dir string, events, people int) error {
	db, err := openDatabase()
	if err != nil {
		return err
	}
	w := &synthetic{db: db, dir: dir}
	list := w.list(lake.TableEvents)
	list.Columns = append(list.Columns, lake.ManifestColumn{Name: "properties.revenue:number", Type: string(lake.Decimal)})
	for from := 0; from < events; from += syntheticFileRows {
		to := min(from+syntheticFileRows, events)
		query := fmt.Sprintf(`SELECT 'm-' || i AS message_id, 'track' AS type,
			CASE WHEN i & 3 = 0 THEN 'Order Completed' WHEN i & 3 = 1 THEN 'Product Added' ELSE 'Product Viewed' END AS name, 'web' AS source,
			md5('n' || p)::UUID::VARCHAR AS node_id, TIMESTAMP_MS '2026-01-01' + to_seconds(i * 31536000 // %[3]d) AS timestamp,
			TIMESTAMP_MS '2026-01-01' + to_seconds(i * 31536000 // %[3]d) AS received_at,
			CASE WHEN i & 3 = 0 THEN '{"revenue":' || (i %% 997) || '.25,"currency":"EUR","sku":"p' || (i %% 500) || '"}' ELSE '{"sku":"p' || (i %% 500) || '"}' END::JSON AS properties,
			'{}'::JSON AS context, CASE WHEN i & 3 = 0 THEN (i %% 997)::DECIMAL(38,9) + 0.25 END::DECIMAL(38,9) AS "properties.revenue:number"
			FROM (SELECT i, (hash(i) %% %[4]d) AS p FROM range(%[1]d, %[2]d) t(i)) ORDER BY name, node_id`, from, to, events, 2*people)
		if err := w.file(list, query, to-from, "properties.revenue:number"); err != nil {
			return err
		}
	}
	if err := w.put(list); err != nil {
		return err
	}
	identifiers := w.list(lake.TableIdentifiers)
	err = w.file(identifiers, fmt.Sprintf(`SELECT md5('n' || i)::UUID::VARCHAR AS node_id, CASE WHEN i & 1 = 0 THEN 'user_id' ELSE 'anonymous_id' END AS type, 'u-' || i AS value,
		md5('n' || (i & ~1::BIGINT))::UUID::VARCHAR AS profile_id, 1::BIGINT AS _version, false AS _deleted FROM range(%d) t(i)`, 2*people), 2*people)
	if err != nil {
		return err
	}
	if err := w.put(identifiers); err != nil {
		return err
	}
	profiles := w.list(lake.TableProfiles)
	err = w.file(profiles, fmt.Sprintf(`SELECT md5('n' || (2 * i))::UUID::VARCHAR AS profile_id, CASE WHEN i %% 3 = 0 THEN '{"country":"FR"}' ELSE '{"country":"BE"}' END::JSON AS traits,
		1::BIGINT AS _version, false AS _deleted FROM range(%d) t(i)`, people), people)
	if err != nil {
		return err
	}
	return w.put(profiles)
}

type synthetic struct {
	db  *database
	dir string
}

// list begins the list of files of a table.
func (w *synthetic) list(name string) *lake.Manifest {
	t, _ := lake.TableOf(name)
	m := &lake.Manifest{Format: 1, Layout: 2, Table: name, Kind: t.Kind, Key: t.Key, AsOf: time.UnixMilli(0).UTC().Format(time.RFC3339)}
	for _, c := range t.Columns {
		m.Columns = append(m.Columns, lake.ManifestColumn{Name: c.Name, Type: string(c.Type)})
	}
	return m
}

// file writes the rows of a query as the next file of a table.
func (w *synthetic) file(m *lake.Manifest, query string, rows int, typed ...string) error {
	folder := filepath.Join(w.dir, m.Table)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return errs.Wrap(err, errs.Unavailable, "sql.folder", "the folder of a lake cannot be made")
	}
	name := fmt.Sprintf("%d.parquet", len(m.Files))
	if err := w.db.run("COPY (" + query + ") TO " + literal(filepath.Join(folder, name)) + " (FORMAT parquet, COMPRESSION zstd)"); err != nil {
		return err
	}
	m.Files = append(m.Files, lake.ManifestFile{Path: name, Rows: int64(rows), Level: lake.LevelDay, Typed: typed})
	return nil
}

// put writes the list.
func (w *synthetic) put(m *lake.Manifest) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	err = os.WriteFile(filepath.Join(w.dir, m.Table, lake.ManifestName), data, 0o600)
	return errs.Wrap(err, errs.Unavailable, "sql.folder", "the list of a lake cannot be written")
}
