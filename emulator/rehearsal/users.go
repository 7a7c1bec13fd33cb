package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// endpoint is a row of the table of endpoints of the command users.
type endpoint struct {
	method, path, body string
	as                 string // whose token the request has; "" for nobody's
	want               int    // status
	result             string
	keep               string // under which the token of the answer is kept
}

// The users of the rehearsal. The first user who registers is the administrator.
const (
	accountOfAdmin = `{"username": "ada", "email": "ada@example.com", "password": "rehearsal-1"}`
	accountOfUser  = `{"username": "bob", "email": "bob@example.com", "password": "rehearsal-2"}`
	accountAdded   = `{"username": "eve", "email": "eve@example.com", "password": "rehearsal-3"}`
)

// endpoints is the table, each row with what it must refuse.
var endpoints = []endpoint{
	{"POST", "/auth/register", accountOfAdmin, "", 201, "registers a user, the first one as administrator", "admin"},
	{"POST", "/auth/register", accountOfUser, "", 201, "registers another user", ""},
	{"POST", "/auth/login", accountOfUser, "", 200, "logs the user in", "user"},
	{"GET", "/auth/status", "", "user", 200, "the user's status", ""},
	{"GET", "/auth/status", "", "", 401, "refused without a token", ""},
	{"POST", "/users", accountAdded, "admin", 201, "adds a user, for the administrator", ""},
	{"POST", "/users", accountAdded, "user", 403, "refused to another user", ""},
	{"GET", "/users", "", "", 200, "all users", ""},
	{"GET", "/users/1", "", "", 200, "one user", ""},
	{"GET", "/auth/logout", "", "user", 200, "logs the user out", ""},
	{"GET", "/auth/status", "", "user", 401, "refused after that, with the same token", ""},
	{"GET", "/ping", "", "", 200, "sanity check", ""},
}

// checkUsers checks the table of endpoints, row by row, where the service is the command users and its database runs.
func (r *Rehearsal) checkUsers(ctx context.Context) error {
	d := r.deployment
	if _, runs := d.server(); !runs || d.Settings.Containers == nil || !d.Service.ServesPages() {
		return nil
	}
	if code, _, err := d.Service.Send(ctx, "GET", "/auth/status", "", ""); err != nil || code != http.StatusUnauthorized {
		return err // another service
	}
	tokens := map[string]string{}
	for n, e := range endpoints {
		code, body, err := d.Service.Send(ctx, e.method, e.path, e.body, tokens[e.as])
		if err != nil {
			return fmt.Errorf("%s %s: %w", e.method, e.path, err)
		}
		if code != e.want {
			return fmt.Errorf("%s %s (%s): status %d instead of %d: %s", e.method, e.path, e.result, code, e.want, body)
		}
		if e.keep != "" {
			var answer struct {
				Token string `json:"auth_token"`
			}
			if err := json.Unmarshal(body, &answer); err != nil || answer.Token == "" {
				return fmt.Errorf("%s %s: the answer has no token: %s", e.method, e.path, body)
			}
			tokens[e.keep] = answer.Token
		}
		step := ""
		if n == 0 {
			step = "endpoints"
		}
		r.say(step, "%-4s %-14s %d: %s", e.method, e.path, code, e.result)
	}
	return nil
}
