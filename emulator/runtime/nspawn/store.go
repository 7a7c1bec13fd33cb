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
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/identity"
)

// Fetch reads an S3 object with the permissions of a machine's role. The error fs.ErrNotExist says that the key does not exist; any
// other error, that the role may not read it. Fetch must return when ctx ends.
type Fetch func(ctx context.Context, bucket, key string) (io.ReadCloser, error)

// store is S3 for reading, as a client of the region sees it: https://BUCKET.s3.REGION.amazonaws.com/KEY. Requests are
// signed with the credentials that the metadata service gave the machine.
type store struct {
	region string
	holder func(key string) *Machine // returns the machine with an access key, or nil
}

func (s *store) host() string { return "s3." + s.region + ".amazonaws.com" }

// refusal is S3's answer to a request that it refuses.
type refusal struct {
	XMLName xml.Name `xml:"Error"`
	status  int
	Code    string
	Message string
}

var (
	denied    = refusal{status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied"}
	noKey     = refusal{status: http.StatusNotFound, Code: "NoSuchKey", Message: "The specified key does not exist."}
	unknown   = refusal{status: http.StatusForbidden, Code: "InvalidAccessKeyId", Message: "The access key ID does not exist."}
	forged    = refusal{status: http.StatusForbidden, Code: "SignatureDoesNotMatch", Message: "The signature does not match the request."}
	untimely  = refusal{status: http.StatusForbidden, Code: "RequestTimeTooSkewed", Message: "The request was signed too long ago."}
	expired   = refusal{status: http.StatusBadRequest, Code: "ExpiredToken", Message: "The session token does not belong to the access key."}
	elsewhere = refusal{status: http.StatusBadRequest, Code: "AuthorizationHeaderMalformed", Message: "The signature is for another region."}
	readOnly  = refusal{status: http.StatusNotImplemented, Code: "NotImplemented", Message: "Only GetObject and HeadObject are implemented."}
)

func (f refusal) serve(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.status)
	_ = xml.NewEncoder(w).Encode(f)
}

// isForAPI reports whether a request is for another service than S3.
func (s *store) isForAPI(r *http.Request) bool {
	service, ours := strings.CutSuffix(strings.ToLower(r.Host), "."+s.region+".amazonaws.com")
	return ours && slices.Contains(apiServices, service)
}

// serveAPI answers requests for AWS's other services with the permissions of the machine that has signed them.
func (s *store) serveAPI(w http.ResponseWriter, r *http.Request) {
	sig, ok := identity.ParseSignature(r)
	m := s.holder(sig.Key)
	if !ok || m == nil || m.spec.API == nil || !m.credentials.Signed(r) {
		identity.RefuseCredentials(w)
		return
	}
	m.spec.API.ServeHTTP(w, r)
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.isForAPI(r) {
		s.serveAPI(w, r)
		return
	}
	w.Header().Set("Server", "AmazonS3")
	bucket, key := s.object(r)
	m, refused := s.authenticate(r)
	switch {
	case refused != nil:
		refused.serve(w)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		readOnly.serve(w)
	case bucket == "" || key == "":
		denied.serve(w) // listing
	default:
		serveObject(w, r, m.spec.Fetch, bucket, key)
	}
}

// object returns the bucket and the key of a request, from both styles of addresses: the bucket is in the host's name or first in
// the path.
func (s *store) object(r *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if name, virtual := strings.CutSuffix(strings.ToLower(r.Host), "."+s.host()); virtual {
		return name, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

func (s *store) authenticate(r *http.Request) (*Machine, *refusal) {
	sig, ok := identity.ParseSignature(r)
	if !ok {
		return nil, &denied
	}
	m := s.holder(sig.Key)
	if m == nil {
		return nil, &unknown
	}
	switch {
	case sig.Region != s.region:
		return nil, &elsewhere
	case !sig.Timely(time.Now()):
		return nil, &untimely
	case r.Header.Get("X-Amz-Security-Token") != m.credentials.Token:
		return nil, &expired
	case !sig.Valid(r, m.credentials.Secret):
		return nil, &forged
	}
	return m, nil
}

// serveObject sends an object. The standard library handles ranges and conditions.
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
