package database

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// engine describes a database engine.
type engine struct {
	port  int
	major int // how many numbers make a major version: 17, but 8.4

	// least is the oldest major version. PostgreSQL requires TLS by default from 15 on; RDS's standard support of MySQL 8.0
	// and MariaDB 10.6 ended in 2026 (RDS: release calendars).
	least []int

	// parameters differ from RDS's own: they refuse connections without TLS, and write slow queries to a log.
	parameters []parameter

	// logs go to CloudWatch.
	logs []string

	// extendedSupport is offered, and billed, after the end of the support. It is on unless a new instance says no.
	extendedSupport bool

	usernames, names []string // reserved, beside reservedUsernames
}

var engines = map[string]engine{
	"postgres": {
		port: 5432, major: 1, least: []int{15}, logs: []string{"postgresql", "upgrade"}, extendedSupport: true,
		usernames: []string{
			"admin", "administrator", "public", "user", "rds_superuser", "rds_replication", "rds_password",
		},
		names: []string{"template0", "template1"},
	},
	"mysql":   likeMySQL(true, 8, 4),
	"mariadb": likeMySQL(false, 10, 11),
}

// parameter is a parameter of the engine.
type parameter struct{ name, value string }

func likeMySQL(extendedSupport bool, least ...int) engine {
	return engine{
		port: 3306, major: 2, least: least, logs: []string{"error", "slowquery"}, extendedSupport: extendedSupport,
		parameters: []parameter{{"log_output", "FILE"}, {"require_secure_transport", "1"}, {"slow_query_log", "1"}},
		usernames:  []string{"root"},
		names:      []string{"mysql", "sys", "information_schema", "performance_schema", "innodb", "tmp"},
	}
}

// reservedUsernames are RDS's own, in every engine.
var reservedUsernames = []string{"rdsadmin", "rdsrepladmin", "rdstopmgr"}

var (
	versionRule  = regexp.MustCompile(`^[0-9]{1,3}(\.[0-9]{1,3}){0,2}$`)
	nameRule     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,62}$`)
	usernameRule = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,15}$`)
	classRule    = regexp.MustCompile(`^db\.[a-z0-9-]+\.[a-z0-9]+$`)

	// unencrypted are the classes that have no encryption at rest.
	unencrypted = regexp.MustCompile(`^db\.((m1|m2|t1)\..*|t2\.micro)$`)
)

func (a *Args) validEngine() error {
	var problems invalid.List
	e, known := engines[a.Engine]
	if !known {
		problems.Add("engine", a.Engine, "is not one of %v", slices.Sorted(maps.Keys(engines)))
	} else {
		problems.Include("", e.validVersion(a.Version))
	}
	if !nameRule.MatchString(a.Name) {
		problems.Add("name", a.Name, "is not made of letters, digits and underscores, a letter first, at most 63")
	}
	if slices.Contains(e.names, strings.ToLower(a.Name)) || strings.EqualFold(a.Name, "rdsadmin") {
		problems.Add("name", a.Name, "is reserved by the engine")
	}
	if !usernameRule.MatchString(a.Username) {
		problems.Add("username", a.Username, "is not made of letters, digits and underscores, a letter first, at most 16")
	}
	if e.reserves(strings.ToLower(a.Username)) {
		problems.Add("username", a.Username, "is reserved by the engine")
	}
	return problems.Err()
}

// reserves reports whether the engine reserves a username. PostgreSQL's prefix for its roles counts for all engines; others
// lose nothing by it.
func (e engine) reserves(username string) bool {
	return slices.Contains(reservedUsernames, username) || slices.Contains(e.usernames, username) ||
		strings.HasPrefix(username, "pg_")
}

func (e engine) validVersion(version string) error {
	var problems invalid.List
	numbers, ok := parse(version)
	switch {
	case !ok || len(numbers) < e.major || len(numbers) > e.major+1:
		problems.Add("version", version, "is not a major version such as %s, nor a minor one such as %s",
			join(e.least), join(append(slices.Clone(e.least), 4)))
	case slices.Compare(numbers[:e.major], e.least) < 0:
		problems.Add("version", version, "is below %s", join(e.least))
	}
	return problems.Err()
}

func parse(version string) (numbers []int, ok bool) {
	if !versionRule.MatchString(version) {
		return nil, false
	}
	for text := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(text)
		if err != nil || strconv.Itoa(n) != text {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, true
}

func join(numbers []int) string {
	var texts []string
	for _, n := range numbers {
		texts = append(texts, strconv.Itoa(n))
	}
	return strings.Join(texts, ".")
}

// minor reports whether a version is more than a major version.
func (e engine) minor(version string) bool { return strings.Count(version, ".") >= e.major }

// family returns the parameter group's family: the engine and its major version.
func (a *Args) family() string {
	major := strings.Split(a.Version, ".")[:engines[a.Engine].major]
	return a.Engine + strings.Join(major, ".")
}

func validClass(class string) error {
	var problems invalid.List
	if !classRule.MatchString(class) {
		problems.Add("instanceClass", class, "is not an instance class such as db.t4g.micro")
	}
	if unencrypted.MatchString(class) {
		problems.Add("instanceClass", class, "can't encrypt its storage")
	}
	return problems.Err()
}

// maxName is the longest name: RDS allows 63 characters for an instance, of which "-database" and Pulumi's "-1234567"
// take 17.
const maxName = 46

var identifierRule = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// validName reports what RDS refuses in the name of a database's instance.
func validName(name string) error {
	var problems invalid.List
	if !identifierRule.MatchString(name) {
		problems.Add("name", name, "is not made of a–z, 0–9 and single hyphens, a letter first")
	}
	if len(name) > maxName {
		problems.Add("name", name, "is longer than %d characters", maxName)
	}
	return problems.Err()
}
