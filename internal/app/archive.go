package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/eventlog/archive"
	"kith/internal/eventlog/kafka"
	"kith/internal/state/pebble"
	"kith/internal/sys"
	"kith/internal/tables"
	"kith/internal/workspace"
)

// openTopic opens the topic that the settings name, with its archive where they ask
// for one.
func openTopic(ctx context.Context, cfg *Config, ws workspace.Handle, copies string) (eventlog.Log, error) {
	topic, err := kafka.Open(ctx, cfg.LogURL, ws.Name(), kafka.Options{})
	if err != nil {
		return nil, err
	}
	if _, ok := topic.Archived(); !ok {
		return topic, nil
	}
	if cfg.Lake == "" {
		err = errs.New(errs.Invalid, "app.archive", "keep in the URL of the log asks for an archive of records, which lies beside the lake where every process reaches it; name that place with --lake")
		return nil, errors.Join(err, topic.Close())
	}
	place, done, err := openRecords(cfg, cfg.FS, ws, copies)
	if err != nil {
		return nil, errors.Join(err, topic.Close())
	}
	return archive.New(topic, archive.Place{Enter: place.Guarded, Name: place.Path(""), Close: done}), nil
}

// openRecords opens the place of archived records. Without a folder of copies they go
// into one that done removes.
func openRecords(cfg *Config, files sys.FS, ws workspace.Handle, copies string) (p *tables.Place, done func() error, err error) {
	done = func() error { return nil }
	if copies == "" && tables.Remote(cfg.Lake) {
		if copies, err = os.MkdirTemp("", "kith-records-"); err != nil {
			return nil, nil, errs.Wrap(err, errs.Unavailable, "app.folder", "no folder for temporary files can be made")
		}
		done = func() error { return os.RemoveAll(copies) }
	}
	if p, err = tables.Open(placeOf(cfg, files, ws, "").Records(copies)); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return p, done, nil
}

// topicOf is the topic of a log that lies with brokers.
func topicOf(log eventlog.Log) (*kafka.Log, bool) {
	if archived, ok := log.(*archive.Log); ok {
		log = archived.Topic
	}
	topic, ok := log.(*kafka.Log)
	return topic, ok
}

// makeArchiver makes what archives the partitions that this process folds.
func (a *App) makeArchiver() {
	a.noticeExpiry()
	log, ok := a.log.(*archive.Log)
	if !ok || !a.cfg.plays(RolePipeline) {
		return
	}
	c := a.cfg.Archiving
	c.Log, c.Clock, c.Rand, c.Observer = log, a.cfg.Clock, a.cfg.Rand, a.archiveObserver()
	if topic, ok := topicOf(log); ok && c.Keep == 0 {
		if c.Keep, _ = topic.Archived(); c.Keep == 0 {
			c.Keep = -1
		}
	}
	a.archiver = archive.NewArchiver(c)
}

// runArchiver archives a partition while this process holds it.
func (a *App) runArchiver(ctx context.Context, partition int32) error {
	a.archiver.Run(ctx, partition)
	return nil
}

func (a *App) archiveObserver() archive.Observer {
	return archive.Observer{
		Archived: func(_ int32, records, bytes int64) { a.metrics.Archived(records, bytes) },
		Trimmed:  func(_ int32, records int64) { a.metrics.Trimmed(records) },
		Failed: func(partition int32, err error) {
			a.metrics.ArchiveFailed(errs.CodeOf(err))
			if passes(err) {
				a.logger.Warn("archiving records failed and will be tried again; the topic keeps them until then", "partition", partition, "code", errs.CodeOf(err), "error", err)
				return
			}
			a.logger.Error("records cannot be archived; the topic keeps what it has", "partition", partition, "code", errs.CodeOf(err), "error", err)
		},
	}
}

// examineTime bounds how long an archive is looked at.
const examineTime = 30 * time.Second

// examineArchive tells whether every record is in a topic or in its archive, and will
// be.
func examineArchive(ctx context.Context, log eventlog.Log) []Check {
	ctx, stop := context.WithTimeout(ctx, examineTime)
	defer stop()
	const name = "archive of records"
	archived, ok := log.(*archive.Log)
	if !ok {
		return examineTopic(ctx, log)
	}
	behind, err := archived.Examine(ctx)
	if err != nil {
		return []Check{{name, Failed, errs.DetailOf(err)}}
	}
	return []Check{{name, Passed, fmt.Sprintf("every record is in the topic or in %s; %d are in the topic alone", archived.Place().Name, behind)}}
}

// examineTopic tells whether a topic without an archive has every record, and will.
func examineTopic(ctx context.Context, log eventlog.Log) []Check {
	topic, ok := topicOf(log)
	if !ok {
		return nil
	}
	const name = "records of the topic"
	starts, err := topic.Starts(ctx)
	if err != nil {
		return []Check{{name, Failed, errs.DetailOf(err)}}
	}
	for p, start := range starts {
		if start > 0 {
			return []Check{{name, Failed, fmt.Sprintf("partition %d of topic %s begins at offset %d, so the state cannot be made anew; if the records are archived, set keep in the URL of the log", p, topic.Name(), start)}}
		}
	}
	if s := topic.Expires(); s != "" {
		return []Check{{name, Warned, fmt.Sprintf("topic %s has %s: brokers will delete records that nothing else has; set it to -1, and keep in the URL of the log to archive them", topic.Name(), s)}}
	}
	return []Check{{name, Passed, "the topic has all of them and keeps them for ever"}}
}

// noticeExpiry tells the operator at the start of records that brokers will delete.
func (a *App) noticeExpiry() {
	if topic, ok := topicOf(a.log); ok && topic.Expires() != "" {
		a.logger.Warn("brokers delete records of the topic that nothing else has; set it to -1", "topic", topic.Name(), "setting", topic.Expires())
	}
}

// records reads the archive of records beside the lake.
func (c *folderCheck) records() (err error) {
	place, done, err := openRecords(&c.cfg, c.fs, c.ws, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	out, err := archive.Check(c.ctx, place.Guarded(), func(name, what string) {
		c.damaged(place.Path(name), pebble.Unplaced, what)
	})
	c.out.Bytes += out.Bytes
	c.out.Records += out.Records
	return err
}
