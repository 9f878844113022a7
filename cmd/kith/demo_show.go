package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"

	"kith/internal/app"
	"kith/internal/client"
	"kith/internal/demo"
	"kith/internal/demo/load"
	"kith/internal/signin"
)

// meet prints the customer that the demo shows, and what to try next.
func (d *demoRun) meet(ctx context.Context, c *client.Client, a *app.App) error {
	path := client.ProfilePath("user_id", demo.Featured)
	var p json.RawMessage
	if err := c.Get(ctx, path, &p); err != nil {
		return err
	}
	var list eventList
	if err := c.Get(ctx, path+"/events?limit=10", &list); err != nil {
		return err
	}
	if err := printProfile(d.out, p, list.Data); err != nil {
		return err
	}
	if err := d.interfaceOf(ctx, a); err != nil {
		return err
	}
	return d.hints(a)
}

// interfaceOf prints the address of the featured customer's page, by which a
// browser is signed in once, and opens it if that is wanted and there is a screen.
func (d *demoRun) interfaceOf(ctx context.Context, a *app.App) error {
	link, err := a.SignInLink(ctx)
	if err != nil || link == "" {
		return err
	}
	link = strings.Replace(link, "/ui/#", "/ui/profiles/user_id:"+demo.Featured+"#", 1)
	fmt.Fprintf(d.out, "\nThe same customer in the browser (works once, within %d minutes):\n  %s\n", int(signin.CodeTime.Minutes()), link)
	if !d.open || runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return nil
	}
	if err := openBrowser(link); err != nil {
		fmt.Fprintf(d.out, "  (%v)\n", err)
	}
	return nil
}

// hints prints the commands by which to look further, as far as there are such.
func (d *demoRun) hints(a *app.App) error {
	me, data := program(), a.DataDir()
	featured := d.world.Person(0)
	fmt.Fprintln(d.out, "\nExplore, in another terminal:")
	for _, h := range [...]struct{ command, args, why string }{
		{"profile", "user_id:" + demo.Featured + " --events 50", "the same customer"},
		{"profile", "email:" + featured.Address, "found by an address"},
		{"profile", "device_id:" + demo.Kiosk, "a kiosk that many use: it joins nobody"},
		{"search", "'" + featured.Given + " " + featured.Family + "'", "by name, with typing errors"},
		{"sql", "'SELECT source, count(*) AS events FROM events GROUP BY source ORDER BY events DESC'", "over all events"},
		{"trace", "shop invoice-536365", "what became of a message"},
		{"listen", "", "events as they come in"},
		{"status", "--hash", "one number for the whole state"},
	} {
		if d.explore(h.command) {
			fmt.Fprintf(d.out, "  %s --data %s   # %s\n", strings.TrimSpace(me+" "+h.command+" "+h.args), data, h.why)
		}
	}
	token := "$(cat " + data + "/admin-token)"
	if d.cfg.AdminToken != "" {
		token = "$KITH_ADMIN_TOKEN"
	}
	fmt.Fprintf(d.out, "  export TOKEN=%s\n", token)
	ask := "  curl -s -H \"Authorization: Bearer $TOKEN\" '" + a.URL()
	fmt.Fprintf(d.out, "%s/v1/profiles/user_id:%s'\n", ask, demo.Featured)
	for _, dev := range featured.Devices {
		if dev.App {
			fmt.Fprintf(d.out, "%s/v1/identity/why?a=user_id:%s&b=device_id:%s'   # why they are one person\n", ask, demo.Featured, dev.ID)
		}
	}
	if one, other, ok := d.world.Household(d.people); ok {
		fmt.Fprintf(d.out, "%s/v1/identity/why?a=user_id:%s&b=user_id:%s'   # why not these, who share a tablet\n", ask, one, other)
	}
	_, err := fmt.Fprintf(d.out, "  curl -s -u %s: %s/v1/track -d '{\"userId\":\"%s\",\"event\":\"Product Viewed\",\"properties\":{\"sku\":\"22423\"}}'\n",
		a.WriteKey(), a.URL(), demo.Featured)
	return err
}

// program is how this program is called.
func program() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/kith"
	}
	return os.Args[0]
}

// live lets a customer go on shopping until ctx ends.
func (d *demoRun) live(ctx context.Context, s *load.Sender, a *app.App) error {
	fmt.Fprintf(d.out, "\n%s is shopping now. Look at the profile with\n  %s profile user_id:%s --data %s\n\n",
		demo.LiveUser, program(), demo.LiveUser, a.DataDir())
	for {
		now := d.cfg.Clock.Now()
		step, next := d.world.LiveStep(now, d.every)
		if err := s.One(ctx, step.Message); err != nil {
			return err
		}
		fmt.Fprintf(d.out, "%s  %s\n", now.UTC().Format("15:04:05"), step.What)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.cfg.Clock.After(next.Sub(now)):
		}
	}
}
