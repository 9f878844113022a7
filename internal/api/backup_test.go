package api

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"kith/internal/errs"
)

func TestABackupIsStreamed(t *testing.T) {
	f := open(t)
	w := f.send("GET", "/v1/backup", "", "Authorization", "Bearer "+adminToken)
	if w.Code != 200 || w.Header().Get("Content-Type") != BackupType || w.Body.String() != "archive" {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
	f.backup = func(io.Writer) error { return errors.New("HEAD asks for no archive") }
	if w := f.send("HEAD", "/v1/backup", "", "Authorization", "Bearer "+adminToken); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d %q", w.Code, w.Body)
	}
	f.backup = func(io.Writer) error {
		return errs.New(errs.Conflict, "backup.running", "another backup is being read")
	}
	w = f.send("GET", "/v1/backup", "", "Authorization", "Bearer "+adminToken)
	if w.Code != 409 || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// TestABackupThatFailsIsCutOff: who reads a backup whose writer fails in its
// midst sees what was written, and then a broken connection.
func TestABackupThatFailsIsCutOff(t *testing.T) {
	f := open(t)
	f.backup = func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, errors.New("the log is gone"))
	}
	server := httptest.NewServer(f.handler)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/v1/backup", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if string(got) != "half" || err == nil {
		t.Errorf("read %q, %v", got, err)
	}
}
