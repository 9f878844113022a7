package engines

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kith/internal/bench"
)

// Fresh returns what makes an empty log and an empty state on servers for each
// measurement: a topic whose prefix begins with the one of the log's URL, which
// stays, and a database beside the one of the state's URL, which goes. run tells
// measurements apart.
func Fresh(logURL, stateURL, run string) func(ctx context.Context, nodes int) (bench.Place, error) {
	return func(ctx context.Context, nodes int) (bench.Place, error) {
		name := fmt.Sprintf("kith_bench_%s_%d", run, nodes)
		if err := execute(ctx, stateURL, "create database "+name); err != nil {
			return bench.Place{}, err
		}
		return bench.Place{
			LogURL: withPath(logURL, func(prefix string) string {
				return strings.TrimSuffix(prefix, "/") + "-" + run + "-" + fmt.Sprint(nodes)
			}),
			StateURL: withPath(stateURL, func(string) string { return name }),
			Remove:   func(ctx context.Context) error { return execute(ctx, stateURL, "drop database "+name+" with (force)") },
		}, nil
	}
}

// withPath changes what stands between the servers of a URL and its query.
func withPath(url string, change func(path string) string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	rest, query, asked := strings.Cut(rest, "?")
	servers, path, _ := strings.Cut(rest, "/")
	out := scheme + "://" + servers + "/" + change(path)
	if asked {
		out += "?" + query
	}
	return out
}

func execute(ctx context.Context, url, sql string) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("the URL of the state's server cannot be read") // the cause quotes a password
	}
	cfg.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	if cerr := conn.Close(ctx); err == nil {
		err = cerr
	}
	return err
}
