package nspawn

import (
	"crypto/rand"
	"encoding/json"
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

// metadata is the instance metadata service of a VPC. It refuses version 1, which has no tokens, as the launch template says.
type metadata struct {
	machine func(netip.Addr) *Machine // returns the machine with an address, or nil

	mu     sync.Mutex
	tokens map[string]token
	asked  map[netip.Addr]map[string]int // requests by path
}

// token is valid only for the machine that asked for it.
type token struct {
	holder netip.Addr
	until  time.Time
}

func newMetadata(machine func(netip.Addr) *Machine) *metadata {
	return &metadata{machine: machine, tokens: map[string]token{}, asked: map[netip.Addr]map[string]int{}}
}

func (d *metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "EC2ws")
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	from, err := netip.ParseAddr(host)
	m := d.machine(from)
	if err != nil || m == nil {
		http.Error(w, "the address belongs to no machine of this VPC", http.StatusNotFound)
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
		serveTree(w, r.URL.Path, m.metadata())
	}
}

// issue answers a request for a token. It refuses proxies, which forward requests of others.
func (d *metadata) issue(w http.ResponseWriter, r *http.Request, from netip.Addr) {
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

func (d *metadata) valid(text string, from netip.Addr) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, known := d.tokens[text]
	return known && t.holder == from && time.Now().Before(t.until)
}

func (d *metadata) count(from netip.Addr, path string) {
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

// metadata returns the tree that the machine sees.
func (m *Machine) metadata() map[string]string {
	s := m.spec
	address, mac := s.Address.String(), m.mac().String()
	tree := map[string]string{
		"dynamic/instance-identity/document":    m.identity(),
		"meta-data/ami-id":                      s.AMI,
		"meta-data/ami-launch-index":            "0",
		"meta-data/hostname":                    m.hostname(),
		"meta-data/instance-action":             "none",
		"meta-data/instance-id":                 s.ID,
		"meta-data/instance-life-cycle":         "on-demand",
		"meta-data/instance-type":               s.InstanceType,
		"meta-data/local-hostname":              m.hostname(),
		"meta-data/local-ipv4":                  address,
		"meta-data/mac":                         mac,
		"meta-data/placement/availability-zone": m.subnet.Zone,
		"meta-data/placement/region":            m.vpc.config.Region,
		"meta-data/reservation-id":              "r-" + m.digest(),
		"meta-data/security-groups":             "default",
		"meta-data/services/domain":             "amazonaws.com",
		"meta-data/services/partition":          "aws",
	}
	for name, value := range map[string]string{
		"device-number": "0", "interface-id": "eni-" + m.digest(), "local-hostname": m.hostname(), "local-ipv4s": address,
		"mac": mac, "owner-id": account, "security-groups": "default", "subnet-id": "subnet-" + m.digest(),
		"subnet-ipv4-cidr-block": m.subnet.CIDR.String(), "vpc-id": m.vpc.id(), "vpc-ipv4-cidr-block": m.vpc.config.CIDR.String(),
	} {
		tree["meta-data/network/interfaces/macs/"+mac+"/"+name] = value
	}
	if len(s.UserData) > 0 {
		tree["user-data"] = string(s.UserData)
	}
	if s.Role != "" {
		tree["meta-data/iam/security-credentials/"+s.Role] = m.credentials.document()
	}
	return tree
}

// account is the ID of the account in AWS's documentation.
const account = "123456789012"

func (m *Machine) identity() string {
	return document(map[string]any{
		"accountId": account, "architecture": "x86_64", "availabilityZone": m.subnet.Zone, "imageId": m.spec.AMI,
		"instanceId": m.spec.ID, "instanceType": m.spec.InstanceType, "pendingTime": m.created.Format(time.RFC3339),
		"privateIp": m.spec.Address.String(), "region": m.vpc.config.Region, "version": "2017-09-30",
	})
}

// credentials are the credentials of the machine's role.
type credentials struct {
	key, secret, token string
	from, until        time.Time
}

const credentialsLast = 6 * time.Hour

func newCredentials() credentials {
	now := time.Now().UTC().Truncate(time.Second)
	return credentials{"ASIA" + rand.Text()[:16], rand.Text() + rand.Text()[:14], rand.Text() + rand.Text(), now, now.Add(credentialsLast)}
}

func (c credentials) document() string {
	return document(map[string]any{
		"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": c.key, "SecretAccessKey": c.secret, "Token": c.token,
		"LastUpdated": c.from.Format(time.RFC3339), "Expiration": c.until.Format(time.RFC3339),
	})
}

func document(fields map[string]any) string {
	text, err := json.MarshalIndent(fields, "", "  ")
	if err != nil {
		panic("machine: encoding text: " + err.Error())
	}
	return string(text)
}
