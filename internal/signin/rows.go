package signin

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"kith/internal/errs"
	"kith/internal/route"
)

// bodyMax bounds what is sent to sign in.
const bodyMax = 4096

// Rows are the routes by which a browser signs in and out.
func (s *Sessions) Rows() []route.Route {
	text := route.Schema{"type": "string"}
	who := route.Schema{
		"type": "object", "required": []string{"name", "workspace"},
		"properties": map[string]route.Schema{"name": text, "workspace": text},
	}
	return []route.Route{{
		Method: http.MethodPost, Path: "/v1/session", Name: "signIn", Tag: "Interface", Key: route.NoKey, Class: route.Secret, BodyBytes: bodyMax,
		Summary: "Exchange a one-time code, or a token, for a session in a cookie. For pages of this server only: the call needs its origin and the header " + GuardHeader + ".",
		Body: route.Schema{"type": "object", "properties": map[string]route.Schema{"code": text, "token": text},
			"description": "Exactly one of them.", "required": []string{}},
		Answers: []route.Answer{{Status: 200, Summary: "The browser is signed in.", Schema: who}},
		Handler: route.Handle(s.signIn),
	}, {
		Method: http.MethodGet, Path: "/v1/session", Name: "readSession", Tag: "Interface", Key: route.ReadKey, Class: route.Internal,
		Summary: "Tell who makes this call, by key or by session.",
		Answers: []route.Answer{{Status: 200, Summary: "Who it is.", Schema: who}},
		Handler: route.Handle(func(w http.ResponseWriter, r *http.Request) error {
			p, _ := route.PrincipalOf(r.Context())
			return answer(w, p)
		}),
	}, {
		Method: http.MethodDelete, Path: "/v1/session", Name: "signOut", Tag: "Interface", Key: route.ReadKey, Class: route.Internal,
		Summary: "End the session of this browser.",
		Answers: []route.Answer{{Status: 204, Summary: "It has ended."}},
		Handler: route.Handle(s.signOut),
	}, {
		Method: http.MethodPost, Path: "/v1/session/codes", Name: "makeSessionCode", Tag: "Interface", Key: route.AdminKey, Class: route.Secret,
		Summary: "Make a code that signs one browser in, once, within 15 minutes.",
		Answers: []route.Answer{{Status: 201, Summary: "The code.", Schema: route.Schema{
			"type": "object", "required": []string{"code", "path"},
			"properties": map[string]route.Schema{"code": text, "path": {"type": "string", "description": "Behind the server's address, it signs in."}},
		}}},
		Handler: route.Handle(func(w http.ResponseWriter, r *http.Request) error {
			code, err := s.NewCode(r.Context())
			if err != nil {
				return err
			}
			return route.WriteJSON(w, http.StatusCreated, map[string]string{"code": code, "path": LinkPath(code)})
		}),
	}}
}

// LinkPath is what stands behind the server's address in a link that signs in.
// The code is in the fragment, which browsers send to nobody.
func LinkPath(code string) string { return "/ui/#code=" + code }

// Link is the address that signs a browser in, of the server's own and what LinkPath
// gave. A server that listens on every address of its machine, as in a container, calls
// itself by none that a browser could open: the link then names the browser's machine.
func Link(server, path string) string {
	if u, err := url.Parse(server); err == nil {
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.IsUnspecified() {
			u.Host = "127.0.0.1:" + u.Port()
			server = u.String()
		}
	}
	return strings.TrimSuffix(server, "/") + path
}

func answer(w http.ResponseWriter, p route.Principal) error {
	return route.WriteJSON(w, http.StatusOK, map[string]string{"name": p.Name, "workspace": p.Workspace.Name()})
}

func (s *Sessions) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := ownPage(r); err != nil {
		return err
	}
	who, err := s.present(r)
	if err != nil {
		return err
	}
	before, _ := cookieOf(r)
	id, err := s.begin(r.Context(), who, before)
	if err != nil {
		return err
	}
	s.setCookie(w, r, id, int(WholeTime.Seconds()))
	return answer(w, who)
}

// present returns for whom the code or token of the body stands.
func (s *Sessions) present(r *http.Request) (route.Principal, error) {
	body, err := route.ReadBody(r)
	if err != nil {
		return route.Principal{}, err
	}
	var in struct{ Code, Token string }
	if json.Unmarshal(body, &in) != nil || (in.Code == "") == (in.Token == "") {
		return route.Principal{}, errs.New(errs.Invalid, "session.body", "send an object with either code or token")
	}
	if in.Code != "" {
		good, err := s.take(r.Context(), in.Code)
		if err != nil {
			return route.Principal{}, err
		}
		if !good {
			return route.Principal{}, errs.New(errs.Denied, CodeUsed, "the link has been used or is older than %d minutes; kith open prints a new one", int(CodeTime.Minutes()))
		}
		return s.cfg.Owner, nil
	}
	who, err := s.cfg.Holder.Authenticate(r.Context(), in.Token)
	if err == nil && !who.Key.Opens(route.ReadKey) {
		err = errs.New(errs.Denied, route.CodeBadKey, "the key is not known")
	}
	return who, err
}

func (s *Sessions) signOut(w http.ResponseWriter, r *http.Request) error {
	if id, err := cookieOf(r); err == nil {
		if err := s.end(r.Context(), id); err != nil {
			return err
		}
		s.setCookie(w, r, "", -1)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// setCookie writes the cookie; a page that came over TLS gets one that never
// leaves in the clear, also when a proxy in front ended the TLS.
func (s *Sessions) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https:"),
	})
}
