package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/backup"
	"kith/internal/client"
	"kith/internal/errs"
	"kith/internal/sys"
)

// keyFlags say who can read a backup.
type keyFlags struct {
	recipients []string
	identity   string
	plain      bool
}

// keys reads the keys; a flag wins over the passphrase of the environment.
func (f *keyFlags) keys() (backup.Keys, error) {
	k := backup.Keys{Recipients: f.recipients, Plain: f.plain}
	if f.identity != "" {
		data, err := os.ReadFile(f.identity)
		if err != nil {
			return k, errs.Wrap(err, errs.Invalid, "backup.identity", "the identity file cannot be read")
		}
		k.Identities = data
	}
	if len(k.Recipients) == 0 && len(k.Identities) == 0 && !k.Plain {
		k.Passphrase = os.Getenv("KITH_BACKUP_PASSPHRASE")
	}
	return k, nil
}

func backupCommand() *cobra.Command {
	var flags clientFlags
	var keys keyFlags
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "Write an encrypted backup of everything into a new folder below DIR",
		Long: `Write an encrypted backup of everything into a new folder below DIR.

The workspace goes on working: the backup shows it at the moment at which the
command began. Without a server the data folder is read by the command itself.
The passphrase, where that is the key, is KITH_BACKUP_PASSPHRASE.`,
		Example: "  kith backup /backups --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n  KITH_BACKUP_PASSPHRASE=… kith backup /backups --url https://kith.example.org",
		Args:    one("name one folder that the backup goes into"),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := keys.keys()
			if err != nil {
				return err
			}
			saved, err := takeBackup(cmd.Context(), &flags, args[0], k)
			if err != nil {
				return err
			}
			m := saved.Manifest
			if flags.json {
				return printJSON(cmd.OutOrStdout(), struct {
					Path     string          `json:"path"`
					Manifest backup.Manifest `json:"manifest"`
				}{saved.Path, m})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d records and %d rows in %s, opened by: %s\n", saved.Path, m.Records, m.Rows, bytesText(m.Archive.Bytes), m.Archive.Sealed)
			return nil
		},
	}
	flags.add(cmd)
	fs := cmd.Flags()
	fs.StringArrayVar(&keys.recipients, "recipient", nil, "who may read it: an age recipient (age1…); may be repeated")
	fs.StringVar(&keys.identity, "identity", "", "file with age identities whose holder may read it")
	fs.BoolVar(&keys.plain, "plain", false, "do not encrypt")
	return cmd
}

// takeBackup saves what the server, or else the data folder, answers.
func takeBackup(ctx context.Context, flags *clientFlags, dir string, keys backup.Keys) (backup.Saved, error) {
	if err := keys.Check(); err != nil {
		return backup.Saved{}, err
	}
	archive, err := flags.archive(ctx)
	if err != nil {
		return backup.Saved{}, err
	}
	p := watch("backing up", byteUnit)
	defer p.stop()
	saved, err := backup.Save(ctx, sys.Disk(), dir, keys, reading{archive, p})
	if closeErr := archive.Close(); err == nil {
		err = closeErr
	}
	return saved, err
}

// archive finds the server as connect does.
func (f *clientFlags) archive(ctx context.Context) (io.ReadCloser, error) {
	token := os.Getenv("KITH_ADMIN_TOKEN")
	if f.url != "" {
		return client.New(f.url, token).Download(ctx, "/v1/backup")
	}
	if c, ok := client.Running(ctx, f.data, token); ok {
		return c.Download(ctx, "/v1/backup")
	}
	cfg := app.DefaultConfig()
	cfg.Data, cfg.IDKey, cfg.Version = f.data, os.Getenv("KITH_ID_KEY"), currentVersion().Version
	if err := enginesFromEnvironment(&cfg); err != nil {
		return nil, err
	}
	return app.Backup(ctx, cfg)
}

// reading shows how much has been read.
type reading struct {
	r io.Reader
	p *progress
}

// Read implements io.Reader.
func (r reading) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.p.add(n)
	return n, err
}

// one refuses a command line with another number of arguments than one.
func one(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage(errors.New(what))
		}
		return nil
	}
}
