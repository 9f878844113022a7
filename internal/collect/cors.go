package collect

import "net/http"

// cross sets the headers without which a browser hides an answer from the page
// that asked, and answers preflights. Any origin may call the collector, with
// credentials, because some SDKs ask for them; its routes read no cookie. It
// reports whether the request is answered.
//
// Errors need these headers too: a browser reports an answer without them as a
// fault of the network, and the SDK sends again.
func cross(w http.ResponseWriter, r *http.Request) (answered bool) {
	h := w.Header()
	h["Vary"] = []string{"Origin"}
	if origin := r.Header["Origin"]; len(origin) > 0 {
		h["Access-Control-Allow-Origin"] = origin[:1]
		h["Access-Control-Allow-Credentials"] = []string{"true"}
		h["Access-Control-Expose-Headers"] = []string{"Retry-After"}
	}
	if r.Method != http.MethodOptions {
		return false
	}
	h["Access-Control-Allow-Methods"] = []string{"GET, HEAD, POST, OPTIONS"}
	h["Access-Control-Max-Age"] = []string{"86400"}
	if asked := r.Header["Access-Control-Request-Headers"]; len(asked) > 0 {
		h["Access-Control-Allow-Headers"] = asked
	}
	h["Content-Length"] = []string{"0"}
	w.WriteHeader(http.StatusOK)
	return true
}
