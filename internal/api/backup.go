package api

import (
	"context"
	"net/http"
	"time"

	"kith/internal/route"
)

// BackupType is the media type of a backup's archive.
const BackupType = "application/vnd.kith.backup"

// backupStall is how long a caller may take for each piece of a backup.
const backupStall = time.Minute

func (a *API) backupRows() []route.Route {
	return []route.Route{{
		Method: http.MethodGet, Path: "/v1/backup", Name: "readBackup", Tag: "System", Key: route.AdminKey, Class: route.Secret, Waits: true,
		Summary: "Read everything of this moment as one archive, which `kith backup` seals and `kith restore` takes.",
		Answers: []route.Answer{
			{Status: 200, Summary: "The archive, not encrypted. It is whole if its last frame says so.", Type: BackupType},
			{Status: 409, Summary: "Another backup is being read (code backup.running)."},
		},
		Handler: route.Handle(a.backup),
	}}
}

// backup streams an archive. Once a part of it is out a failure can be told by a
// broken connection alone, and by the archive itself.
func (a *API) backup(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", BackupType)
	if r.Method == http.MethodHead {
		return nil
	}
	out := &pieces{ctx: r.Context(), w: w}
	err := a.cfg.Backup(r.Context(), out)
	if err == nil || !out.began {
		return err
	}
	_ = http.NewResponseController(w).Flush() // the connection is given up below
	panic(http.ErrAbortHandler)
}

// pieces writes an answer that takes long, as long as its reader takes it.
type pieces struct {
	ctx   context.Context
	w     http.ResponseWriter
	began bool
}

// Write implements io.Writer.
func (p *pieces) Write(b []byte) (int, error) {
	p.began = true
	ctx, stop := context.WithTimeout(p.ctx, backupStall)
	defer stop()
	end, _ := ctx.Deadline()
	// A writer without deadlines, such as one in memory, cuts nothing off.
	_ = http.NewResponseController(p.w).SetWriteDeadline(end)
	return p.w.Write(b)
}
