package api

import (
	"mime"
	"net"
	"net/http"
	"net/url"

	"github.com/elastic-service/elastic-service/emulator/aws"
)

// localOnly refuses requests that a web page of another origin makes, directly or by a name that resolves to this machine.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Host) {
			http.Error(w, "Host "+r.Host+" is not this machine", http.StatusForbidden)
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			from, err := url.Parse(origin)
			if err != nil || from.Host != r.Host {
				http.Error(w, "Origin "+origin+" is not this emulator", http.StatusForbidden)
				return
			}
		}
		if isChange(r) && !isJSON(r) && !aws.IsSigned(r) {
			http.Error(w, "requests other than GET need Content-Type: application/json", http.StatusUnsupportedMediaType)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// signedTo passes requests that are signed for AWS to its API, and all others on.
func signedTo(api, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if aws.IsSigned(r) {
			api.ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r)
	})
}

func isChange(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// isJSON reports whether a request declares a JSON body. A form, an image or a script of another page cannot do that
// without asking the server first (Fetch Standard: CORS-safelisted request headers).
func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// isLocal reports whether a host, with or without a port, is a loopback address.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
