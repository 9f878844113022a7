package duckdb

import (
	"fmt"
	"testing"
)

// legit are queries as analysts write them, with the first row that each gives on
// the shop, or an empty text where that is of no interest.
var legit = [][2]string{
	{"SELECT * FROM events LIMIT 10", ""},
	{"FROM events", ""},
	{"FROM events SELECT name LIMIT 1", ""},
	{"TABLE profiles", ""},
	{"SELECT count(*) FROM events", "[4000]"},
	{"select COUNT(*) as N from EVENTS where NAME = 'Order Completed'", "[1000]"},
	{"SELECT name, count(*) FROM events GROUP BY name ORDER BY 2 DESC, 1", "[Checkout Started 1000]"},
	{"SELECT name, count(*) AS n FROM events GROUP BY ALL ORDER BY ALL", "[Checkout Started 1000]"},
	{"SELECT DISTINCT source FROM events", "[web]"},
	{"SELECT DISTINCT ON (user_id) user_id, timestamp FROM events ORDER BY user_id, timestamp DESC", "[u0 2026-01-03T17:00:00.000Z]"},
	{"SELECT date_trunc('day', timestamp) AS day, count(*) FROM events GROUP BY 1 ORDER BY 1", "[2026-01-01T00:00:00.000Z 1440]"},
	{"SELECT strftime(timestamp, '%Y-%m') AS month, sum((properties->>'revenue')::DECIMAL(38,9)) FROM events GROUP BY month ORDER BY month", "[2026-01 3250.000000000]"},
	{"SELECT extract(hour FROM timestamp) AS h, count(*) FROM events GROUP BY h ORDER BY h", "[0 180]"},
	{"SELECT timestamp::DATE, count(*) FROM events WHERE timestamp >= DATE '2026-01-02' AND timestamp < DATE '2026-01-03' GROUP BY 1", "[2026-01-02 1440]"},
	{"SELECT count(*) FROM events WHERE timestamp > now() - INTERVAL 30 DAY OR timestamp < CURRENT_DATE", "[4000]"},
	{"SELECT count(*) FROM events WHERE timestamp BETWEEN '2026-01-01' AND '2026-01-01 00:09:59'", "[10]"},
	{"SELECT sum(\"properties.revenue:number\") FROM events", "[3250.000000000]"},
	{"SELECT properties->>'$.products[0].sku' AS sku, count(*) FROM events WHERE name = 'Order Completed' GROUP BY sku ORDER BY sku", "[p0 200]"},
	{"SELECT p->>'sku' AS sku, sum((p->>'n')::INT) FROM (SELECT unnest(from_json(properties->'products', '[\"JSON\"]')) AS p FROM events) GROUP BY sku ORDER BY sku", "[p0 200]"},
	{"SELECT json_extract_string(properties, '$.currency') AS c, count(*) FROM events WHERE c IS NOT NULL GROUP BY c", "[EUR 1000]"},
	{"SELECT json_keys(properties) AS k, count(*) FROM events GROUP BY k ORDER BY 2 DESC", `[["sku"] 3000]`},
	{"SELECT traits->>'country' AS country, count(*) FROM profiles GROUP BY country ORDER BY country", "[BE 25]"},
	{"SELECT p.traits->>'email', count(*) AS orders FROM events e JOIN profiles p ON p.profile_id = e.profile_id WHERE e.name = 'Order Completed' GROUP BY 1 ORDER BY orders DESC, 1", "[p0@example.com 40]"},
	{"SELECT count(*) FROM profiles p LEFT JOIN events e ON e.profile_id = p.profile_id AND e.name = 'Refunded' WHERE e.message_id IS NULL", "[50]"},
	{"SELECT count(*) FROM profiles WHERE profile_id NOT IN (SELECT profile_id FROM events WHERE name = 'Order Completed' AND profile_id IS NOT NULL)", "[25]"},
	{"SELECT count(*) FROM profiles p WHERE EXISTS (SELECT 1 FROM events e WHERE e.profile_id = p.profile_id AND e.name = 'Order Completed')", "[25]"},
	{"SELECT count(*) FROM profiles p SEMI JOIN events e ON e.profile_id = p.profile_id", "[50]"},
	{"SELECT count(*) FROM profiles p ANTI JOIN events e USING (profile_id)", "[0]"},
	{"SELECT count(*) FROM events e CROSS JOIN (SELECT 1) x", "[4000]"},
	{"SELECT count(*) FROM (SELECT profile_id FROM events EXCEPT SELECT profile_id FROM profiles)", "[0]"},
	{"SELECT count(*) FROM (SELECT user_id FROM events INTERSECT SELECT value FROM identifiers)", "[100]"},
	{"SELECT name FROM events UNION SELECT type FROM identifiers ORDER BY 1", "[Checkout Started]"},
	{"SELECT 1 AS a, 2 AS b UNION ALL BY NAME SELECT 3 AS b, 4 AS a", "[1 2]"},
	{"SELECT user_id, row_number() OVER (PARTITION BY user_id ORDER BY timestamp) AS n FROM events QUALIFY n = 1 ORDER BY user_id", "[u0 1]"},
	{"SELECT timestamp, sum((properties->>'revenue')::DOUBLE) OVER (ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM events WHERE name = 'Order Completed' ORDER BY timestamp LIMIT 1", "[2026-01-01T00:00:00.000Z 0.25]"},
	{"SELECT user_id, timestamp - lag(timestamp) OVER w AS gap FROM events WINDOW w AS (PARTITION BY user_id ORDER BY timestamp) ORDER BY gap NULLS LAST, user_id LIMIT 1", "[u0 01:40:00]"},
	{"SELECT ntile(4) OVER (ORDER BY profile_id) AS q, count(*) OVER () FROM profiles ORDER BY q LIMIT 1", "[1 50]"},
	{"SELECT first_value(name IGNORE NULLS) OVER (ORDER BY timestamp), last_value(name) OVER (ORDER BY timestamp) FROM events ORDER BY timestamp LIMIT 1", "[Order Completed Order Completed]"},
	{"SELECT rank() OVER (ORDER BY n DESC), dense_rank() OVER (ORDER BY n DESC), percent_rank() OVER (ORDER BY n), cume_dist() OVER (ORDER BY n) FROM (SELECT count(*) n FROM events GROUP BY name) LIMIT 1", "[1 1 0 1]"},
	{"SELECT quantile_cont((properties->>'revenue')::DOUBLE, [0.5, 0.9]) FROM events", "[[3.25,6.25]]"},
	{"SELECT median(events), stddev(events), approx_count_distinct(profile_id) >= 45, mode(events) FROM profiles", "[80 0 true 80]"},
	{"SELECT count(*) FILTER (WHERE name = 'Order Completed') / count(*)::DOUBLE AS rate FROM events", "[0.25]"},
	{"SELECT arg_max(name, timestamp), min_by(name, timestamp), any_value(source), bool_or(name IS NULL) FROM events", "[Checkout Started Order Completed web false]"},
	{"SELECT string_agg(DISTINCT name, ', ' ORDER BY name) FROM events", "[Checkout Started, Order Completed, Product Added, Product Viewed]"},
	{"SELECT list(name ORDER BY timestamp)[1:2] FROM events WHERE user_id = 'u1'", `[["Product Viewed","Product Viewed"]]`},
	{"SELECT histogram(name) FROM events", `[{"Checkout Started":1000,"Order Completed":1000,"Product Added":1000,"Product Viewed":1000}]`},
	{"SELECT CASE WHEN n > 30 THEN 'many' WHEN n > 0 THEN 'some' ELSE 'none' END AS band, count(*) FROM (SELECT profile_id, count(*) AS n FROM events GROUP BY 1) GROUP BY band", "[many 50]"},
	{"SELECT coalesce(anonymous_id, user_id, 'nobody'), ifnull(group_id, '-'), nullif(source, 'web'), if(source = 'web', 1, 0) FROM events ORDER BY timestamp LIMIT 1", "[u0 - NULL 1]"},
	{"SELECT upper(name), length(name), left(name, 3), replace(name, ' ', '_'), name || '!', name ILIKE '%order%', regexp_extract(name, '(\\w+) ', 1), split_part(name, ' ', 2), trim(name), lpad(name, 20, '.') FROM events WHERE name LIKE 'Order%' LIMIT 1", "[ORDER COMPLETED 15 Ord Order_Completed Order Completed! true Order Completed Order Completed .....Order Completed]"},
	{"SELECT round(avg((properties->>'revenue')::DECIMAL(38,9)), 2), ceil(2.5), floor(-2.5), abs(-3), 7 % 3, 2 ** 3, 7 // 2, greatest(1, 2), sqrt(9), ln(1), mod(7, 3), sign(-2) FROM events", ""},
	{"SELECT datediff('day', min(timestamp), max(timestamp)), age(max(timestamp), min(timestamp)), date_part('dow', min(timestamp)), dayname(min(timestamp)), last_day(min(timestamp)), time_bucket(INTERVAL 7 DAY, min(timestamp)), epoch_ms(min(timestamp)) FROM events", ""},
	{"SELECT min(timestamp AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Paris') FROM events", "[2026-01-01T01:00:00.000Z]"},
	{"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT sum(i) FROM n", "[55]"},
	{"WITH a AS (SELECT * FROM events), b AS MATERIALIZED (SELECT name FROM a) SELECT count(*) FROM b", "[4000]"},
	{"SELECT d::DATE, count(e.message_id) FROM generate_series(DATE '2026-01-01', DATE '2026-01-05', INTERVAL 1 DAY) t(d) LEFT JOIN events e ON date_trunc('day', e.timestamp) = d GROUP BY d ORDER BY d DESC", "[2026-01-05 0]"},
	{"SELECT * FROM (PIVOT (SELECT source, name FROM events) ON name IN ('Order Completed', 'Product Added') USING count(*))", "[web 1000 1000]"},
	{"SELECT * FROM (SELECT source, name FROM events) PIVOT (count(*) FOR name IN ('Order Completed'))", "[web 1000]"},
	{"SELECT * FROM (SELECT 1 AS a, 2 AS b) UNPIVOT (v FOR n IN (a, b)) ORDER BY v", "[a 1]"},
	{"SELECT name, source, count(*) FROM events GROUP BY GROUPING SETS ((name), (source), ()) ORDER BY 3 DESC, 1, 2", ""},
	{"SELECT name, count(*), grouping(name) FROM events GROUP BY ROLLUP (name) ORDER BY 2 DESC", "[NULL 4000 1]"},
	{"SELECT name, source, count(*) FROM events GROUP BY CUBE (name, source) HAVING count(*) > 1000 ORDER BY name", ""},
	{"SELECT * EXCLUDE (traits, properties, context) REPLACE (upper(name) AS name) FROM events LIMIT 1", ""},
	{"SELECT COLUMNS('.*_id') FROM events LIMIT 1", ""},
	{"SELECT max(COLUMNS(c -> c LIKE '%_seen')) FROM profiles", "[2026-01-01T00:00:00.000Z 2026-01-03T00:00:00.000Z]"},
	{"SELECT list_filter([1, 2, 3], x -> x > 1), list_transform([1, 2], lambda x: x * 2), list_reduce([1, 2, 3], (a, b) -> a + b), list_sum([1, 2]), [x + 1 FOR x IN [1, 2]]", `[[2,3] [2,4] 6 3 [2,3]]`},
	{"SELECT {'a': 1}.a, {'a': 1}['a'], struct_pack(x := 2).x, map {'k': 'v'}['k'], [1, 2][1], 'abc'[2:3]", "[1 1 2 v 1 bc]"},
	{"SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(id, label) ORDER BY id DESC", "[2 b]"},
	{"VALUES (1), (2)", "[1]"},
	{"SELECT e.user_id, o.n FROM (SELECT DISTINCT user_id FROM events) e, LATERAL (SELECT count(*) AS n FROM events x WHERE x.user_id = e.user_id) o ORDER BY 1", "[u0 40]"},
	{"SELECT a.timestamp, b.timestamp FROM (SELECT * FROM events WHERE user_id = 'u1') a ASOF JOIN (SELECT * FROM events WHERE user_id = 'u1') b ON a.timestamp > b.timestamp ORDER BY 1", "[2026-01-01T01:41:00.000Z 2026-01-01T00:01:00.000Z]"},
	{"SELECT count(*) FROM events TABLESAMPLE reservoir(10 ROWS) REPEATABLE (1)", "[10]"},
	{"SELECT count(*) FROM events USING SAMPLE 100 PERCENT (bernoulli)", "[4000]"},
	{"SELECT name FROM events WHERE name IN ('Order Completed', 'x') AND name NOT LIKE 'P%' AND user_id IS NOT NULL AND NOT (source <> 'web') AND user_id IS DISTINCT FROM 'u9' LIMIT 1 OFFSET 1", "[Order Completed]"},
	{"SELECT TRY_CAST('x' AS INTEGER), CAST('1.5' AS DECIMAL(10,2)), '1'::BIGINT, TRY(1 / 0)", "[NULL 1.50 1 Infinity]"},
	{"SELECT value, levenshtein(value, 'u10'), jaro_winkler_similarity(value, 'u10') FROM identifiers ORDER BY 2, 1", "[u10 0 1]"},
	{"SELECT md5(value), hash(value) IS NOT NULL, to_base64(value::BLOB), url_encode(value) FROM identifiers WHERE value = 'u1'", "[e4774cdda0793f86414e8b9140bb6db4 true dTE= u1]"},
	{"SELECT name COLLATE NOCASE AS n FROM events ORDER BY n COLLATE de LIMIT 1", "[Checkout Started]"},
	{"SELECT ALL count(*) FROM events FETCH FIRST 1 ROW ONLY", "[4000]"},
	{"SELECT #1, count(*) FROM (SELECT name FROM events) GROUP BY #1 ORDER BY #2, #1", "[Checkout Started 1000]"},
	{"SELECT (SELECT count(*) FROM events WHERE name = 'Order Completed') * 1.0 / (SELECT count(*) FROM events)", "[0.25]"},
	{"SELECT count(*) FROM events WHERE user_id = ANY (SELECT value FROM identifiers) AND user_id <> ALL (SELECT 'x')", "[4000]"},
	{"SELECT verdict, count(*) FROM links GROUP BY verdict", ""},
	{"SELECT trait, value FROM traits_history ORDER BY timestamp DESC", ""},
}

func TestLegitQueries(t *testing.T) {
	h := newHouse(t, shop(t))
	for _, q := range legit {
		_, got, err := h.ask(q[0], nil)
		if err != nil {
			t.Errorf("%s: %v", q[0], err)
			continue
		}
		if q[1] != "" && (len(got) == 0 || fmt.Sprint(got[0]) != q[1]) {
			t.Errorf("%s gives %.300v, want %s first", q[0], got[:min(1, len(got))], q[1])
		}
	}
	if len(legit) < 60 {
		t.Errorf("there are %d", len(legit))
	}
}
