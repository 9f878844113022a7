package main

import (
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/errs"
)

// env returns the value of the environment variable, or the default.
func env(name, fallback string) string {
	if v, ok := os.LookupEnv(name); ok && v != "" {
		return v
	}
	return fallback
}

// processFlags adds the flags of a process that opens the data folder. The
// environment gives their defaults, so a flag wins over it.
func processFlags(cmd *cobra.Command, cfg *app.Config, roles *string) {
	f := cmd.Flags()
	f.StringVar(&cfg.Data, "data", env("KITH_DATA", cfg.Data), "data folder; a second process on it is refused (KITH_DATA)")
	f.StringVar(&cfg.Addr, "addr", env("KITH_ADDR", cfg.Addr), "HOST:PORT of API and collector; port 0 picks a free one (KITH_ADDR)")
	f.StringVar(&cfg.CollectAddr, "collect-addr", env("KITH_COLLECT_ADDR", ""), "HOST:PORT of a listener for the collector alone (KITH_COLLECT_ADDR)")
	f.StringVar(&cfg.ConfigFile, "config", env("KITH_CONFIG", ""), "YAML file with resources and settings (KITH_CONFIG)")
	f.StringVar(&cfg.LogURL, "log", env("KITH_LOG", ""), "kafka://broker1,broker2/topic-prefix, with ?keep=30d to archive records beside the lake; embedded if left out (KITH_LOG)")
	f.StringVar(&cfg.StateURL, "state", env("KITH_STATE", ""), "postgres://…; embedded if left out (KITH_STATE)")
	f.StringVar(&cfg.Lake, "lake", env("KITH_LAKE", ""), "folder of the lake, or s3://bucket/prefix?endpoint=…; DATA/<workspace>/lake if left out (KITH_LAKE)")
	f.StringVar(&cfg.Analytics, "analytics", env("KITH_ANALYTICS", ""), "clickhouse://user:password@host:8123/database, which gets a copy of the lake and answers queries; embedded if left out (KITH_ANALYTICS)")
	f.StringVar(&cfg.History, "history", env("KITH_HISTORY", ""), "clickhouse://user:password@host:8123/database?after=90d, where history that is older than so many days goes from a state in PostgreSQL; it stays if left out (KITH_HISTORY)")
	f.StringVar(roles, "roles", env("KITH_ROLES", strings.Join(cfg.Roles, ",")), "what this process does, of "+strings.Join(cfg.Roles, ",")+" (KITH_ROLES)")
}

// fromEnvironment fills in what has no flag.
func fromEnvironment(cfg *app.Config, roles string) error {
	cfg.Roles = nil
	for _, r := range strings.Split(roles, ",") {
		if r = strings.TrimSpace(r); r != "" && r != "all" {
			cfg.Roles = append(cfg.Roles, r)
		}
	}
	if roles == "all" {
		cfg.Roles = app.DefaultConfig().Roles
	}
	cfg.AdminToken, cfg.WriteKey, cfg.IDKey = os.Getenv("KITH_ADMIN_TOKEN"), os.Getenv("KITH_WRITE_KEY"), os.Getenv("KITH_ID_KEY")
	cfg.Version, cfg.SQLWorker = currentVersion().Version, sqlWorker()
	cfg.PublicURL = os.Getenv("KITH_PUBLIC_URL")
	var err error
	if cfg.EgressAllow, err = networks("KITH_EGRESS_ALLOW"); err != nil {
		return err
	}
	cfg.Proxies, err = networks("KITH_TRUSTED_PROXIES")
	return err
}

// enginesFromEnvironment says which engines a command opens that has no flags for
// them: those of the servers.
func enginesFromEnvironment(cfg *app.Config) (err error) {
	cfg.LogURL, cfg.StateURL, cfg.Lake, cfg.History = os.Getenv("KITH_LOG"), os.Getenv("KITH_STATE"), os.Getenv("KITH_LAKE"), os.Getenv("KITH_HISTORY")
	cfg.EgressAllow, err = networks("KITH_EGRESS_ALLOW")
	return err
}

// networks reads a comma-separated list of networks in CIDR form.
func networks(name string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range strings.Split(os.Getenv(name), ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, errs.New(errs.Invalid, "config.network", "%s must list networks such as 10.0.0.0/8, separated by commas", name)
		}
		out = append(out, p)
	}
	return out, nil
}
