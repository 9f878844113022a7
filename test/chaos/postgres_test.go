package chaos

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// database is a PostgreSQL server and a standby that follows it.
type database struct {
	bin     string
	as      *syscall.Credential // nil: who runs the test
	host    string
	dir     string
	disk    string     // a small disk that the servers have; empty: that of everybody
	servers [2]*server // that takes writes first

	settings []string // NAME=VALUE, of both servers
}

// server is one PostgreSQL server.
type server struct {
	process
	dir, port string
}

// errNoPostgres says what is missing.
const errNoPostgres = "PostgreSQL is not installed: no pg_basebackup in /usr/lib/postgresql/*/bin"

// postgresPrograms is the folder of the newest server's programs, or empty.
func postgresPrograms() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_basebackup") // the pattern is right
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[0])
}

func version(program string) int {
	n, _ := strconv.Atoi(strings.Split(program, "/")[4]) // 0 without a number
	return n
}

// startDatabase makes and starts a server and its standby on a small disk, so that
// it can fill up.
func startDatabase(t *testing.T, host, dir string) *database {
	t.Helper()
	d := &database{bin: postgresPrograms(), host: host, dir: dir, settings: []string{"shared_buffers=128MB", "max_wal_size=512MB"}}
	if err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=755", diskMiB(*duration)), "tmpfs", dir).Run(); err != nil {
		t.Logf("a small disk cannot be mounted here, so none fills up: %v", err)
	} else {
		d.disk = dir
		t.Cleanup(func() {
			if err := exec.Command("umount", "-l", dir).Run(); err != nil {
				t.Error(err)
			}
		})
	}
	d.make(t)
	return d
}

// diskMiB is the size of the small disk: what both servers need for their logs, and
// for the state of as many events as the load brings in that time.
func diskMiB(load time.Duration) int { return 2048 + int(load.Minutes()*180) }

// free tells how much of the small disk is free.
func (d *database) free() string {
	var st syscall.Statfs_t
	if d.disk == "" {
		return "unknown"
	}
	if err := syscall.Statfs(d.disk, &st); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d MiB", st.Bavail*uint64(st.Bsize)>>20)
}

// make makes and starts both servers.
func (d *database) make(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 { // the server refuses root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid) // of a Unix
		gid, _ := strconv.Atoi(u.Gid)
		d.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(d.dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	addrs := freeAddrs(t, d.host, len(d.servers))
	for i := range d.servers {
		_, port, _ := strings.Cut(addrs[i], ":")
		d.servers[i] = &server{dir: filepath.Join(d.dir, fmt.Sprintf("server-%d", i+1)), port: port}
	}
	first := d.servers[0]
	d.run(t, "initdb", "-D", first.dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale")
	f, err := os.OpenFile(filepath.Join(first.dir, "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("host all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	d.launch(t, first)
	d.follow(t)
}

// url names both servers; whoever takes writes is used.
func (d *database) url() string {
	hosts := make([]string, 2)
	for i, s := range d.servers {
		hosts[i] = d.host + ":" + s.port
	}
	slices.Sort(hosts)
	return "postgres://postgres@" + strings.Join(hosts, ",") + "/postgres?sslmode=disable"
}

func (d *database) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(d.bin, name), args...)
	cmd.Dir = d.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + d.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.as}
	return cmd
}

func (d *database) run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := d.command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// launch starts a server and waits until it answers.
func (d *database) launch(t *testing.T, s *server) {
	t.Helper()
	s.tree = true
	args := []string{
		"-D", s.dir, "-p", s.port, "-c", "listen_addresses=" + d.host, "-c", "unix_socket_directories=" + d.dir,
		"-c", "max_connections=100", "-c", "wal_keep_size=256MB", "-c", "log_min_messages=warning",
	}
	for _, v := range d.settings {
		args = append(args, "-c", v)
	}
	s.start(t, "PostgreSQL", s.dir+".log", d.command("postgres", args...))
	d.await(t, s, "select 1")
}

// await waits until a server answers a question.
func (d *database) await(t *testing.T, s *server, question string) {
	t.Helper()
	waitFor(t, time.Minute, "PostgreSQL", func() error {
		ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
		defer stop()
		conn, err := pgx.Connect(ctx, "postgres://postgres@"+d.host+":"+s.port+"/postgres?sslmode=disable")
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		var n int
		return conn.QueryRow(ctx, question).Scan(&n)
	})
}

// follow makes the second server anew as a standby of the first.
func (d *database) follow(t *testing.T) {
	t.Helper()
	s := d.servers[1]
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	d.run(t, "pg_basebackup", "-h", d.host, "-p", d.servers[0].port, "-U", "postgres", "-D", s.dir, "-R", "-X", "stream", "-c", "fast")
	d.launch(t, s)
}

// restart stops the server that takes writes as an operator who is in a hurry does,
// and starts it again.
func (d *database) restart(t *testing.T) {
	t.Helper()
	first := d.servers[0]
	_ = syscall.Kill(first.cmd.Process.Pid, syscall.SIGQUIT) // it has not ended
	<-first.done
	d.launch(t, first)
}

// failOver kills the server that takes writes and lets the standby take them; what
// the standby had not received is gone.
func (d *database) failOver(t *testing.T) {
	t.Helper()
	d.servers[0].kill()
	d.servers[0], d.servers[1] = d.servers[1], d.servers[0]
	d.run(t, "pg_ctl", "promote", "-D", d.servers[0].dir, "-w", "-s")
	d.await(t, d.servers[0], "select 1 where not pg_is_in_recovery()")
}
