// Package web holds the interface that people use kith with: its source, in
// TypeScript, and under dist what is built of it, which is part of the program so
// that kith needs no Node to be built. It is plain files that talk to the public
// API; nothing here knows anything of a person.
package web

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"kith/internal/errs"
	"kith/internal/route"
)

// policy is what a page of the interface may do: load its own scripts and
// styles, and speak to its own server. Nothing inline, nothing evaluated, nothing
// from elsewhere, in nobody's frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"

// file is one built file, with its compressed form where that is shorter.
type file struct {
	data   []byte
	packed func() []byte
	kind   string
}

// Rows are the routes of the interface, none in a build without it. Every path
// under /ui is the one page, which reads its address itself.
func Rows() ([]route.Route, error) {
	built, ok := files()
	if !ok {
		return nil, nil
	}
	all, err := load(built)
	if err != nil {
		return nil, err
	}
	page, ok := all["index.html"]
	if !ok {
		return nil, errs.New(errs.Internal, "web.page", "the interface was built without its page")
	}
	html := []route.Answer{{Status: 200, Summary: "The page.", Type: "text/html"}}
	text := route.Schema{"type": "string"}
	showPage := func(w http.ResponseWriter, r *http.Request) { page.serve(w, r, "no-cache") }
	row := func(path, name, summary string, h http.HandlerFunc, params ...route.Param) route.Route {
		return route.Route{Method: http.MethodGet, Path: path, Name: name, Tag: "Interface", Key: route.NoKey, Class: route.Public, AnyQuery: true,
			Summary: summary, Params: params, Answers: html, Handler: h}
	}
	start := row("/", "openInterface", "Go on to the interface.", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/ui/", http.StatusSeeOther)
	})
	start.Answers = []route.Answer{{Status: 303, Summary: "It is at /ui/."}}
	asset := row("/ui/assets/{file}", "readInterfaceFile", "Read a script or style of the interface.", route.Handle(func(w http.ResponseWriter, r *http.Request) error {
		f, ok := all["assets/"+r.PathValue("file")]
		if !ok {
			return errs.New(errs.NotFound, "web.no_file", "the interface has no such file; load the page again")
		}
		f.serve(w, r, "public, max-age=31536000, immutable")
		return nil
	}), route.Param{Name: "file", In: "path", Summary: "Its name, which changes with its content.", Schema: text})
	asset.Answers = []route.Answer{{Status: 200, Summary: "The file.", Type: "text/javascript"}}
	return []route.Route{
		start, asset,
		row("/ui", "showInterface", "Show the interface.", showPage),
		row("/ui/{page...}", "showInterfacePage", "Show a page of the interface.", showPage,
			route.Param{Name: "page", In: "path", Summary: "Which one.", Schema: text}),
	}, nil
}

// load reads what was built.
func load(built fs.FS) (map[string]*file, error) {
	all := map[string]*file{}
	err := fs.WalkDir(built, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		all[name] = &file{data: data, packed: sync.OnceValue(func() []byte { return pack(data) }), kind: kindOf(name)}
		return nil
	})
	return all, errs.Wrap(err, errs.Internal, "web.files", "the files of the interface cannot be read")
}

// kindOf does not ask the machine, whose tables differ.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// pack compresses; nil when that gains nothing.
func pack(data []byte) []byte {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := z.Write(data); err != nil || z.Close() != nil || out.Len() >= len(data) {
		return nil
	}
	return out.Bytes()
}

func (f *file) serve(w http.ResponseWriter, r *http.Request, keep string) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", keep)
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	h.Set("Vary", "Accept-Encoding")
	body := f.data
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if packed := f.packed(); packed != nil {
			h.Set("Content-Encoding", "gzip")
			body = packed
		}
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // whoever went away needs no answer
}
