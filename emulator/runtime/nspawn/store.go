package nspawn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// Fetch reads an S3 object with the rights of a machine's role. An error that is fs.ErrNotExist is a key that does not
// exist, any other one that may not be read. It must give up when ctx ends.
type Fetch func(ctx context.Context, bucket, key string) (io.ReadCloser, error)

// store is S3 for reading, as a client of the region sees it: https://BUCKET.s3.REGION.amazonaws.com/KEY. Requests are
// signed with the credentials that the metadata service gave the machine.
type store struct {
	region string
	holder func(key string) *Machine // whose access key it is; nil if nobody's
}

func (s *store) host() string { return "s3." + s.region + ".amazonaws.com" }

// fault is S3's answer to what it refuses.
type fault struct {
	XMLName xml.Name `xml:"Error"`
	status  int
	Code    string
	Message string
}

var (
	denied    = fault{status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied"}
	noKey     = fault{status: http.StatusNotFound, Code: "NoSuchKey", Message: "The specified key does not exist."}
	unknown   = fault{status: http.StatusForbidden, Code: "InvalidAccessKeyId", Message: "The access key ID is nobody's."}
	forged    = fault{status: http.StatusForbidden, Code: "SignatureDoesNotMatch", Message: "The signature is not the request's."}
	untimely  = fault{status: http.StatusForbidden, Code: "RequestTimeTooSkewed", Message: "The request was signed too long ago."}
	expired   = fault{status: http.StatusBadRequest, Code: "ExpiredToken", Message: "The session token is not the key's."}
	elsewhere = fault{status: http.StatusBadRequest, Code: "AuthorizationHeaderMalformed", Message: "The region is another."}
	readOnly  = fault{status: http.StatusNotImplemented, Code: "NotImplemented", Message: "Objects are only read here."}
)

func (f fault) serve(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.status)
	_ = xml.NewEncoder(w).Encode(f)
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "AmazonS3")
	bucket, key := s.object(r)
	m, refusal := s.authenticate(r)
	switch {
	case refusal != nil:
		refusal.serve(w)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		readOnly.serve(w)
	case bucket == "" || key == "":
		denied.serve(w) // listing
	default:
		serveObject(w, r, m.spec.Fetch, bucket, key)
	}
}

// object reads both styles of addresses, the bucket in the host's name or first in the path.
func (s *store) object(r *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if name, virtual := strings.CutSuffix(strings.ToLower(r.Host), "."+s.host()); virtual {
		return name, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

func (s *store) authenticate(r *http.Request) (*Machine, *fault) {
	sig, ok := parseSignature(r)
	if !ok {
		return nil, &denied
	}
	m := s.holder(sig.key)
	if m == nil {
		return nil, &unknown
	}
	signed, err := time.Parse(stamp, sig.stamp)
	switch age := time.Since(signed); {
	case sig.region != s.region:
		return nil, &elsewhere
	case err != nil || age > skew || age < -skew || !strings.HasPrefix(sig.scope, sig.stamp[:8]+"/"):
		return nil, &untimely
	case r.Header.Get("X-Amz-Security-Token") != m.credentials.token:
		return nil, &expired
	case !sig.valid(r, m.credentials.secret):
		return nil, &forged
	}
	return m, nil
}

// serveObject leaves ranges and conditions to the standard library.
func serveObject(w http.ResponseWriter, r *http.Request, fetch Fetch, bucket, key string) {
	if fetch == nil {
		denied.serve(w)
		return
	}
	body, err := fetch(r.Context(), bucket, key)
	if errors.Is(err, fs.ErrNotExist) {
		noKey.serve(w)
		return
	}
	if err != nil {
		denied.serve(w)
		return
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	sum := sha256.Sum256(content)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	w.Header().Set("Content-Type", "binary/octet-stream")
	http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(content))
}
