package nspawn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	stamp     = "20060102T150405Z"
	skew      = 15 * time.Minute
)

// signature is the content of a request's Authorization header in Signature Version 4.
type signature struct {
	key, scope    string // scope: date/region/service/aws4_request
	headers       []string
	value, stamp  string
	region, names string
}

func parseSignature(r *http.Request) (s signature, ok bool) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), algorithm+" ")
	if !ok {
		return s, false
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			s.key, s.scope, _ = strings.Cut(value, "/")
		case "SignedHeaders":
			s.names, s.headers = value, strings.Split(value, ";")
		case "Signature":
			s.value = value
		}
	}
	s.stamp = r.Header.Get("X-Amz-Date")
	scope := strings.Split(s.scope, "/")
	if len(scope) != 4 || scope[3] != "aws4_request" {
		return s, false
	}
	s.region = scope[1]
	// If these headers were not signed, a request could be sent again to another host or later.
	return s, slices.Contains(s.headers, "host") && slices.Contains(s.headers, "x-amz-date")
}

// valid reports whether the request was signed with the secret.
func (s signature) valid(r *http.Request, secret string) bool {
	want, err := hex.DecodeString(s.value)
	if err != nil {
		return false
	}
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(s.scope, "/") {
		key = mac(key, part)
	}
	canonical := sha256.Sum256([]byte(s.canonical(r)))
	return hmac.Equal(mac(key, strings.Join([]string{algorithm, s.stamp, s.scope, hex.EncodeToString(canonical[:])}, "\n")), want)
}

func (s signature) canonical(r *http.Request) string {
	lines := []string{r.Method, escaped(r.URL.Path, true), query(r.URL.Query())}
	for _, name := range s.headers {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = r.Host
		}
		lines = append(lines, name+":"+strings.Join(strings.Fields(value), " "))
	}
	return strings.Join(append(lines, "", s.names, r.Header.Get("X-Amz-Content-Sha256")), "\n")
}

func query(values url.Values) string {
	var pairs []string
	for name, all := range values {
		for _, value := range all {
			pairs = append(pairs, escaped(name, false)+"="+escaped(value, false))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// escaped returns a text in the encoding of signatures: everything but letters, digits and -._~ as %XX.
func escaped(text string, path bool) string {
	text = strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
	if path {
		text = strings.ReplaceAll(text, "%2F", "/")
	}
	return text
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
