package s3

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestSignature holds the signature against the example that the protocol's
// documentation gives.
func TestSignature(t *testing.T) {
	r := &http.Request{
		Method: http.MethodGet, Header: http.Header{"Range": {"bytes=0-9"}},
		URL: &url.URL{Scheme: "https", Host: "examplebucket.s3.amazonaws.com", Path: "/test.txt"},
	}
	c := Credentials{AccessKey: "AKIAIOSFODNN7EXAMPLE", SecretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	c.sign(r, "us-east-1", emptySum, time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC))
	const want = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
	if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+want) {
		t.Errorf("the header is %s", got)
	}
}

func TestEscaped(t *testing.T) {
	if got := escaped("a b/ü+~", true); got != "a%20b/%C3%BC%2B~" {
		t.Errorf("a path becomes %s", got)
	}
	if got := escaped("a/b", false); got != "a%2Fb" {
		t.Errorf("a parameter becomes %s", got)
	}
}
