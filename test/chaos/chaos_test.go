package chaos

import (
	"net/http"
	"testing"
	"time"
)

// TestThreeNodes: three nodes share one log and one state.
func TestThreeNodes(t *testing.T) {
	w := newWorld(t, roles())
	w.nodes[2].must(t, http.MethodPut, "/v1/segments/buyers", `{"name":"Buyers","where":`+buyers+`}`, nil)
	l := startLoad(t, w.with("collect"), 4, 1)
	<-time.After(10 * time.Second)
	l.end()
	w.check(t, l)
}
