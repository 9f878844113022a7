package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/client"
	"kith/internal/demo"
)

func demoCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	var roles string
	var exit bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run kith with the real orders of a gift shop and show one customer",
		Long: `Run kith on a folder of its own, send it the real orders of a gift shop through
the collector, as the shop's system would have, and print a customer's profile.
It goes on serving until it is stopped. Running it again sends the same messages
again, which changes nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(&cfg, roles); err != nil {
				return err
			}
			ctx, stop := context.WithCancel(cmd.Context())
			defer stop()
			out := cmd.OutOrStdout()
			return serve(ctx, cfg, out, func(ctx context.Context, a *app.App) error {
				if err := showDemo(ctx, a, out); err != nil {
					return err
				}
				if exit {
					stop()
					return nil
				}
				fmt.Fprintln(out, "\nkith goes on serving. Stop it with Ctrl-C.")
				return nil
			})
		},
	}
	processFlags(cmd, &cfg, &roles)
	cmd.Flags().Lookup("data").DefValue = "./kith-demo"
	if cfg.Data = env("KITH_DATA", "./kith-demo"); cfg.Data != "" {
		_ = cmd.Flags().Set("data", cfg.Data) // a string flag takes every value
	}
	cmd.Flags().BoolVar(&exit, "exit", false, "stop after printing the profile")
	return cmd
}

// showDemo sends the messages, waits until they are folded and prints the
// featured customer with what to try next.
func showDemo(ctx context.Context, a *app.App, out io.Writer) error {
	messages, err := demo.Messages()
	if err != nil {
		return err
	}
	c := client.New(a.URL(), a.AdminToken())
	began := time.Now()
	if err := sendAll(ctx, c, a.WriteKey(), messages); err != nil {
		return err
	}
	var flushed json.RawMessage
	if err := c.Post(ctx, "/v1/flush?timeout=60s", struct{}{}, &flushed); err != nil {
		return err
	}
	fmt.Fprintf(out, "sent %d messages of a gift shop (UCI Online Retail, CC BY 4.0) in %.1f s; every one is on disk and in a profile\n\n",
		len(messages), time.Since(began).Seconds())
	path := client.ProfilePath("user_id", demo.Featured)
	var p json.RawMessage
	if err := c.Get(ctx, path, &p); err != nil {
		return err
	}
	var list eventList
	if err := c.Get(ctx, path+"/events?limit=10", &list); err != nil {
		return err
	}
	if err := printProfile(out, p, list.Data); err != nil {
		return err
	}
	return explore(out, a)
}

// batchMax is the number of messages in one request.
const batchMax = 100

// batchBytesMax keeps a request under the collector's limit.
const batchBytesMax = 400 << 10

func sendAll(ctx context.Context, c *client.Client, writeKey string, messages []json.RawMessage) error {
	for start := 0; start < len(messages); {
		end, size := start, 0
		for end < len(messages) && end-start < batchMax && (end == start || size+len(messages[end]) < batchBytesMax) {
			size += len(messages[end])
			end++
		}
		body, err := json.Marshal(map[string]any{"batch": messages[start:end]})
		if err != nil {
			return err
		}
		var answer struct {
			Rejected []json.RawMessage `json:"rejected"`
		}
		if err := c.Send(ctx, "/v1/batch", writeKey, body, &answer); err != nil {
			return err
		}
		if len(answer.Rejected) > 0 {
			return fmt.Errorf("the collector refused a message of the demo: %s", answer.Rejected[0])
		}
		start = end
	}
	return nil
}

func explore(out io.Writer, a *app.App) error {
	_, err := fmt.Fprintf(out, `
Explore, in another terminal:
  go run ./cmd/kith profile user_id:17850 --data %[1]s
  go run ./cmd/kith status --hash --data %[1]s
  export TOKEN=$(cat %[1]s/admin-token)
  curl -s -H "Authorization: Bearer $TOKEN" %[2]s/v1/profiles/user_id:%[3]s
  curl -s -H "Authorization: Bearer $TOKEN" %[2]s/v1/profiles/user_id:%[3]s/events?limit=3
  curl -s -u %[4]s: %[2]s/v1/track -d '{"userId":"%[3]s","event":"Product Viewed","properties":{"sku":"22423"}}'
  curl -s %[2]s/v1/openapi.json
`, a.DataDir(), a.URL(), demo.Featured, a.WriteKey())
	return err
}
