package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/client"
	"kith/internal/demo"
	"kith/internal/demo/load"
	"kith/internal/errs"
	"kith/internal/sys"
)

// demoPeopleMax is how many people a demo may have.
const demoPeopleMax = 1_000_000

// demoRun is one run of the demo.
type demoRun struct {
	cfg    app.Config
	people int
	seed   uint64
	shift  bool // move the orders so that the last one was yesterday
	noLive bool
	keep   bool
	exit   bool
	open   bool          // open the browser of this machine
	named  bool          // the address was chosen, so no other will do
	every  time.Duration // between two steps of the live shopper

	out     io.Writer
	world   *demo.World
	state   demoState
	explore func(name string) bool // whether there is such a command
}

func demoCommand() *cobra.Command {
	d := demoRun{cfg: app.DefaultConfig()}
	var roles string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run kith with the customers of a gift shop, and one who shops while you watch",
		Long: `Run kith on a folder of its own and send it, through the collector, the real
orders of a gift shop and what its website, app, call centre and other systems
would have sent around them. Everything but the orders is made up from the seed.
The address is printed first, the load goes on behind it, and then a customer
goes on shopping until the demo is stopped with Ctrl-C. Started again on the same
folder it goes on where it was.`,
		Example: "  kith demo\n  kith demo --profiles 100000 --seed 7 --data ./big-demo\n  kith demo --shift-to-now --no-live",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(&d.cfg, roles); err != nil {
				return err
			}
			if d.people < 1 || d.people > demoPeopleMax {
				return usage(fmt.Errorf("--profiles takes 1 to %d", demoPeopleMax))
			}
			if d.every < time.Millisecond {
				return usage(fmt.Errorf("--every takes a millisecond or more"))
			}
			d.out, d.named = cmd.OutOrStdout(), cmd.Flags().Changed("addr") || env("KITH_ADDR", "") != ""
			d.explore = func(name string) bool {
				found, _, err := cmd.Root().Find([]string{name})
				return err == nil && found.Name() == name
			}
			return d.run(cmd.Context())
		},
	}
	processFlags(cmd, &d.cfg, &roles)
	cmd.Flags().Lookup("data").DefValue = "./kith-demo"
	_ = cmd.Flags().Set("data", env("KITH_DATA", "./kith-demo")) // a string flag takes every value
	f := cmd.Flags()
	f.IntVar(&d.people, "profiles", demo.DefaultPeople, "how many people, up to 1000000; the real ones come first")
	f.Uint64Var(&d.seed, "seed", 1, "of everything that is made up; the same seed makes the same people")
	f.BoolVar(&d.shift, "shift-to-now", false, "move all moments by whole days, so that the last order was yesterday")
	f.BoolVar(&d.noLive, "no-live", false, "without the customer who goes on shopping")
	f.BoolVar(&d.keep, "keep", true, "keep the data folder; --keep=false removes it at the end, if the demo made it")
	f.BoolVar(&d.exit, "exit", false, "stop after the load and the profile")
	f.BoolVar(&d.open, "open", false, "open the browser of this machine on a customer's page, once everything is there")
	f.DurationVar(&d.every, "every", time.Second, "time between two steps of the customer who goes on shopping")
	return cmd
}

// run serves with the demo beside it until ctx ends.
func (d *demoRun) run(ctx context.Context) error {
	made := false
	if _, err := d.cfg.FS.Stat(d.cfg.Data); err != nil {
		made = errors.Is(err, fs.ErrNotExist)
	}
	if err := d.openState(); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "kith demo: %d people of a gift shop, seed %d, into %s; remove that folder to be rid of them\n", d.people, d.seed, d.cfg.Data)
	err := d.serve(ctx)
	if errs.CodeOf(err) == "app.address" && !d.named {
		fmt.Fprintf(os.Stderr, "kith: the address %s is taken; taking a free one\n", d.cfg.Addr)
		d.cfg.Addr = "127.0.0.1:0"
		err = d.serve(ctx)
	}
	if made && !d.keep {
		return errors.Join(err, d.cfg.FS.RemoveAll(d.cfg.Data))
	}
	return err
}

// serve serves until ctx ends or, if it is to exit, until the demo has been shown.
func (d *demoRun) serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	return serve(ctx, d.cfg, d.out, func(ctx context.Context, a *app.App) error {
		err := d.show(ctx, a)
		if err == nil && d.exit {
			stop()
		}
		return err
	})
}

// show loads the people, prints what there is to see, and lets the live shopper
// go on.
func (d *demoRun) show(ctx context.Context, a *app.App) error {
	fmt.Fprintf(d.out, "the API is described at %s/v1/openapi.json\n", a.URL())
	c := client.New(a.URL(), a.AdminToken())
	keys, err := d.sources(ctx, c)
	if err != nil {
		return err
	}
	if d.world, err = demo.New(d.seed, d.state.ShiftMs); err != nil {
		return err
	}
	s := load.NewSender(a.URL(), keys, d.cfg.Clock)
	defer s.Close()
	if err := d.load(ctx, c, s); err != nil {
		return err
	}
	if err := d.meet(ctx, c, a); err != nil {
		return err
	}
	if d.exit {
		return nil
	}
	fmt.Fprintln(d.out, "\nkith goes on serving. Stop it with Ctrl-C.")
	if d.noLive {
		return nil
	}
	return d.live(ctx, s, a)
}

// sources sets up the shop's systems and returns their write keys.
func (d *demoRun) sources(ctx context.Context, c *client.Client) (map[demo.Source]string, error) {
	keys := map[demo.Source]string{}
	for _, s := range demo.Sources() {
		body := map[string]any{"name": s.Name, "type": "http"}
		if s.Country != "" {
			body["default_country"] = s.Country
		}
		var answer struct {
			WriteKey string `json:"write_key"`
		}
		if err := c.Put(ctx, "/v1/sources/"+s.Key, body, &answer); err != nil {
			return nil, err
		}
		keys[s.Source] = answer.WriteKey
	}
	return keys, nil
}

// load sends what the folder does not have yet.
func (d *demoRun) load(ctx context.Context, c *client.Client, s *load.Sender) error {
	began := d.cfg.Clock.Now()
	bar := watch("loading", func(n int64) string { return fmt.Sprintf("%d events", n) })
	defer bar.stop()
	from := d.state.People
	err := s.People(ctx, d.world, from, d.people, func(people int) error {
		events, _, _ := s.Counts()
		total := events * d.world.Expect(from, d.people) / max(d.world.Expect(from, people), 1)
		bar.reach(fmt.Sprintf("%d of %d people", people, d.people), events, max(total, events))
		d.state.People = max(people, d.state.People)
		return d.saveState(people == d.people)
	})
	if err != nil {
		return err
	}
	rows, err := d.partner(ctx, s)
	if err != nil {
		return err
	}
	events, repeats, refused := s.Counts()
	sent := d.cfg.Clock.Now().Sub(began)
	bar.set("making profiles", 0, 0)
	if err := awaitFold(ctx, c, bar); err != nil {
		return err
	}
	bar.stop()
	took := d.cfg.Clock.Now().Sub(began)
	if events == 0 {
		fmt.Fprintf(d.out, "the folder already holds %d people\n\n", d.state.People)
		return nil
	}
	fmt.Fprintf(d.out, "loaded %d people: %d events in %.1f s (%.0f a second), all in profiles after %.1f s\n",
		d.people-from, events, sent.Seconds(), float64(events)/max(sent.Seconds(), 0.001), took.Seconds())
	fmt.Fprintf(d.out, "of them %d were sent twice, %d were refused, as was planted, and %d came from the partner's file\n", repeats, refused, rows)
	fmt.Fprint(d.out, "the orders are those of a real shop (UCI Online Retail, CC BY 4.0); names, devices and visits are made up\n\n")
	return nil
}

// awaitFold returns once everything that was accepted is in profiles.
func awaitFold(ctx context.Context, c *client.Client, bar *progress) error {
	for {
		var st struct{ Accepted, Processed, Lag int64 }
		if err := c.Get(ctx, "/v1/status", &st); err != nil {
			return err
		}
		bar.reach("making profiles", st.Processed, st.Accepted)
		err := c.Post(ctx, "/v1/flush?timeout=2s", struct{}{}, nil)
		if err == nil || !errs.Is(err, errs.Unavailable) || ctx.Err() != nil {
			return err
		}
	}
}

// partnerFile is the loyalty partner's file in the data folder.
const partnerFile = "demo-loyalty-partner.csv"

// partner writes the loyalty partner's file about the people who are not in yet,
// and imports it.
func (d *demoRun) partner(ctx context.Context, s *load.Sender) (rows int, err error) {
	if d.state.Partner >= d.people {
		return 0, nil
	}
	name := filepath.Join(d.cfg.Data, partnerFile)
	f, err := os.Create(name)
	if err != nil {
		return 0, errs.Wrap(err, errs.Unavailable, "demo.partner_file", "the file %s cannot be written", name)
	}
	defer f.Close()
	if err := load.WritePartner(d.world, d.state.Partner, d.people, f); err != nil {
		return 0, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	if rows, err = s.Partner(ctx, f, fmt.Sprintf("loyalty-%d", d.seed)); err != nil {
		return rows, err
	}
	d.state.Partner = d.people
	return rows, d.saveState(true)
}

// demoState is what a demo's folder knows of its load, so that a demo that is
// started again goes on.
type demoState struct {
	Seed    uint64 `json:"seed"`
	ShiftMs int64  `json:"shift_ms"` // added to every moment
	People  int    `json:"people"`   // everybody with a smaller number is durable
	Partner int    `json:"partner"`  // likewise of the partner's file
	saved   int
}

// demoStateFile is its name in the data folder.
const demoStateFile = "demo.json"

// saveEvery is how many people may be sent again after a crash; that does no harm.
const saveEvery = 500

// openState reads what the folder holds. A folder takes one seed only: another
// one would make other people of the same customer numbers.
func (d *demoRun) openState() error {
	d.state = demoState{Seed: d.seed}
	if d.shift {
		now := d.cfg.Clock.Now().UnixMilli()
		const day = int64(24 * time.Hour / time.Millisecond)
		d.state.ShiftMs = (now/day - 1 - demo.LastOrder()/day) * day
	}
	name := filepath.Join(d.cfg.Data, demoStateFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return errs.Wrap(err, errs.Unavailable, "demo.state", "the file %s cannot be read", name)
	}
	var have demoState
	if err := json.Unmarshal(data, &have); err != nil {
		return errs.Wrap(err, errs.Corrupt, "demo.state", "the file %s is damaged; remove it and the demo is sent again, which does no harm", name)
	}
	if have.Seed != d.seed {
		return errs.New(errs.Invalid, "demo.seed", "the folder %s holds a demo of seed %d; name another folder with --data", d.cfg.Data, have.Seed)
	}
	if (have.ShiftMs != 0) != d.shift {
		return errs.New(errs.Invalid, "demo.shift", "the folder %s holds a demo that was loaded with --shift-to-now=%t; name another folder with --data", d.cfg.Data, have.ShiftMs != 0)
	}
	have.saved = have.People
	d.state = have
	return nil
}

func (d *demoRun) saveState(now bool) error {
	if !now && d.state.People < d.state.saved+saveEvery {
		return nil
	}
	d.state.saved = d.state.People
	data, err := json.Marshal(d.state)
	if err != nil {
		return err
	}
	name := filepath.Join(d.cfg.Data, demoStateFile)
	return errs.Wrap(sys.WriteFile(d.cfg.FS, name, append(data, '\n')), errs.Unavailable, "demo.state", "the file %s cannot be written", name)
}
