package identity

import (
	"crypto/rand"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Headers and limits of the instance metadata service, version 2.
const (
	tokenHeader    = "X-aws-ec2-metadata-token"
	lifetimeHeader = "X-aws-ec2-metadata-token-ttl-seconds"
	longestToken   = 21600 // seconds
)

// metadataVersions are the versions of the service that cloud-init and the SDKs ask for.
var metadataVersions = []string{"2016-09-02", "2018-09-24", "2021-03-23", "latest"}

// Metadata is the instance metadata service. It refuses version 1, which has no tokens, as the launch template says.
type Metadata struct {
	tree func(netip.Addr) map[string]string // returns what the instance with an address sees, nil if there is none

	mu     sync.Mutex
	tokens map[string]token
	asked  map[netip.Addr]map[string]int // requests by path
}

// token is valid only for the instance that asked for it.
type token struct {
	holder netip.Addr
	until  time.Time
}

// NewMetadata returns a service whose answers are in trees: by the path below the version, see [Instance.Tree].
func NewMetadata(tree func(netip.Addr) map[string]string) *Metadata {
	return &Metadata{tree: tree, tokens: map[string]token{}, asked: map[netip.Addr]map[string]int{}}
}

// ServeHTTP answers a request.
func (d *Metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "EC2ws")
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	from, err := netip.ParseAddr(host)
	if err != nil || d.tree(from) == nil {
		http.Error(w, "the address belongs to no instance of this VPC", http.StatusNotFound)
		return
	}
	d.count(from, r.URL.Path)
	switch {
	case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
		d.issue(w, r, from)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case !d.valid(r.Header.Get(tokenHeader), from):
		w.WriteHeader(http.StatusUnauthorized)
	default:
		serveTree(w, r.URL.Path, d.tree(from))
	}
}

// issue answers a request for a token. It refuses proxies, which forward requests of others.
func (d *Metadata) issue(w http.ResponseWriter, r *http.Request, from netip.Addr) {
	seconds, err := strconv.Atoi(r.Header.Get(lifetimeHeader))
	switch {
	case r.Header.Get("X-Forwarded-For") != "":
		w.WriteHeader(http.StatusForbidden)
		return
	case err != nil || seconds < 1 || seconds > longestToken:
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	text := rand.Text() + rand.Text()
	d.mu.Lock()
	d.tokens[text] = token{from, time.Now().Add(time.Duration(seconds) * time.Second)}
	d.mu.Unlock()
	w.Header().Set(lifetimeHeader, strconv.Itoa(seconds))
	_, _ = io.WriteString(w, text)
}

func (d *Metadata) valid(text string, from netip.Addr) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, known := d.tokens[text]
	return known && t.holder == from && time.Now().Before(t.until)
}

// Requests counts the requests from an address by path.
func (d *Metadata) Requests(from netip.Addr) map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.asked[from])
}

func (d *Metadata) count(from netip.Addr, path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asked[from] == nil {
		d.asked[from] = map[string]int{}
	}
	d.asked[from][path]++
}

// serveTree answers with a value, or with the names below a path. A name that has others below it ends with a slash.
func serveTree(w http.ResponseWriter, path string, tree map[string]string) {
	version, rest, _ := strings.Cut(strings.Trim(path, "/"), "/")
	switch value, leaf := tree[rest]; {
	case version == "":
		_, _ = io.WriteString(w, strings.Join(metadataVersions, "\n"))
	case !slices.Contains(metadataVersions, version):
		w.WriteHeader(http.StatusNotFound)
	case leaf:
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, value)
	default:
		names := below(tree, rest)
		if len(names) == 0 {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, strings.Join(names, "\n"))
	}
}

func below(tree map[string]string, folder string) []string {
	if folder != "" {
		folder += "/"
	}
	names := map[string]bool{}
	for path := range tree {
		if rest, inside := strings.CutPrefix(path, folder); inside {
			name, _, more := strings.Cut(rest, "/")
			if more {
				name += "/"
			}
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
