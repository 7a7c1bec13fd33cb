package identity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	stamp     = "20060102T150405Z"
	skew      = 15 * time.Minute
)

// Signature is the content of a request's Authorization header in Signature Version 4.
type Signature struct {
	Key, Region string
	scope       string // date/region/service/aws4_request
	headers     []string
	value       string
	stamp       string
	names       string
}

// ParseSignature returns the signature of a request, and false if it has none that can be valid.
func ParseSignature(r *http.Request) (s Signature, ok bool) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), algorithm+" ")
	if !ok {
		return s, false
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			s.Key, s.scope, _ = strings.Cut(value, "/")
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
	s.Region = scope[1]
	// If these headers were not signed, a request could be sent again to another host or later.
	return s, slices.Contains(s.headers, "host") && slices.Contains(s.headers, "x-amz-date")
}

// Timely reports whether the request was signed within the time for which AWS takes it.
func (s Signature) Timely(now time.Time) bool {
	signed, err := time.Parse(stamp, s.stamp)
	age := now.Sub(signed)
	return err == nil && age <= skew && age >= -skew && strings.HasPrefix(s.scope, s.stamp[:8]+"/")
}

// Valid reports whether the request was signed with a secret key.
func (s Signature) Valid(r *http.Request, secret string) bool {
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

func (s Signature) canonical(r *http.Request) string {
	lines := []string{r.Method, escaped(r.URL.Path, true), query(r.URL.Query())}
	for _, name := range s.headers {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length": // which the server takes out of the headers
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		lines = append(lines, name+":"+strings.Join(strings.Fields(value), " "))
	}
	return strings.Join(append(lines, "", s.names, hashOfBody(r)), "\n")
}

// mostBody is the longest body whose hash is not in a header, in bytes.
const mostBody = 8 << 20

// hashOfBody returns the hash of a request's body as its signature has it: from the header that S3 demands, or else computed. The body can
// be read again.
func hashOfBody(r *http.Request) string {
	if given := r.Header.Get("X-Amz-Content-Sha256"); given != "" {
		return given
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, mostBody))
	if err != nil {
		return ""
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
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
