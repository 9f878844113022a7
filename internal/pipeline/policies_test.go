package pipeline_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
	"kith/internal/state/mem"
	"kith/internal/statehash"
)

// underPolicies gives the traits of workloads other policies than the last write.
func underPolicies(seed uint64) *identity.Config {
	cfg := identity.DefaultConfig()
	cfg.Survivorship = map[string]identity.Survivorship{}
	policies := identity.SurvivorshipPolicies()[1:]
	for i, trait := range []string{"plan", "age", "email", "address"} {
		p := identity.Survivorship{Policy: policies[(int(seed)+i)%len(policies)]}
		if p.Policy == identity.KeepSource {
			p.Sources = []string{"crm", "web"}
		}
		cfg.Survivorship[trait] = p
	}
	return cfg
}

// TestPoliciesAreAFunctionOfTheSet: which write of a trait counts does not depend on
// order, repeats, batches and partitions, and is what the oracle's is.
func TestPoliciesAreAFunctionOfTheSet(t *testing.T) {
	other := 0
	for seed := range uint64(36) {
		set, cfg := workload.Records(seed, 40+int(seed)*4), underPolicies(seed)
		want := oracle.Fold(set, cfg, identity.NewKeyring([]byte("law"))).Contents.Explain(cfg)
		e := newEngine(logmem.New(1+int(seed%3)), mem.New(), 1+int(seed%2)*50)
		e.cfg = cfg
		e.runner.Interpreter.Identity = cfg
		e.append(t, workload.Shuffled(seed, set))
		if err := e.runner.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		snap, err := e.store.Snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got, err := statehash.Of(context.Background(), snap, keyed.Index{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got.Total != want.Total {
			c, err := statehash.Read(context.Background(), snap, keyed.Index{})
			if err == nil {
				err = c.ReadSaid(context.Background(), snap, keyed.Index{}, cfg)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Fatalf("seed %d differs from the oracle's (-want +got):\n%s", seed, cmp.Diff(strings.Join(want.Lines, "\n"), strings.Join(c.Explain(cfg).Lines, "\n")))
		}
		if last, err := statehash.Of(context.Background(), snap, keyed.Index{}, identity.DefaultConfig()); err != nil || last.Total != got.Total {
			other++
		}
		if err := snap.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if other < 10 {
		t.Errorf("only %d of the sets are other ones under policies", other)
	}
}
