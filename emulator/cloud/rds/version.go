package rds

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// release is a major version of an engine with the newest minor version that the emulator knows, and the end of its standard
// support; zero if the emulator knows of no end (RDS: "Release calendars").
type release struct {
	major, newest string
	end           time.Time
}

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// engines holds the engines that the emulator knows.
var engines = map[string][]release{
	"postgres": {
		{"13", "13.23", day(2026, time.February, 28)}, {"14", "14.20", day(2027, time.February, 28)},
		{"15", "15.15", day(2028, time.February, 29)}, {"16", "16.11", day(2029, time.February, 28)},
		{"17", "17.7", day(2030, time.February, 28)}, {"18", "18.1", day(2031, time.February, 28)},
	},
	"mysql": {{"8.0", "8.0.44", day(2026, time.July, 31)}, {"8.4", "8.4.7", day(2029, time.July, 31)}},
	"mariadb": {
		{"10.6", "10.6.24", day(2026, time.August, 31)}, {"10.11", "10.11.15", time.Time{}},
		{"11.4", "11.4.9", time.Time{}}, {"11.8", "11.8.5", time.Time{}},
	},
}

// releaseOf finds the release that a version belongs to: 17.4 to 17, 8.4 to 8.4.
func releaseOf(engine, version string) (release, bool) {
	at := slices.IndexFunc(engines[engine], func(r release) bool { return isPartOf(version, r.major) })
	if at < 0 || strings.Count(version, ".") > strings.Count(engines[engine][at].newest, ".") {
		return release{}, false
	}
	return engines[engine][at], true
}

// isPartOf reports whether a version is, or begins with, the numbers of another.
func isPartOf(version, of string) bool { return strings.HasPrefix(version+".", of+".") }

// running returns the version that RDS installs for the version that is asked for: the newest minor version of a major one.
func running(engine, version string) string {
	found, ok := releaseOf(engine, version)
	if !ok || isPartOf(found.newest, version) {
		return found.newest
	}
	return version
}

// checkVersion refuses a version of which RDS creates no instance.
func (s DatabaseSpec) checkVersion(now time.Time) error {
	found, ok := releaseOf(s.Engine, s.Version)
	over := ok && !found.end.IsZero() && now.After(found.end)
	switch {
	case !ok, over && s.Engine == "mariadb":
		return aws.Refuse("InvalidParameterCombination", "Cannot find version %s for %s", s.Version, s.Engine)
	case over && !s.ExtendedSupport:
		return aws.Refuse("InvalidParameterCombination", "The standard support of %s %s ended on %s. Creating an instance needs RDS Extended "+
			"Support.", s.Engine, found.major, found.end.Format(time.DateOnly))
	}
	return nil
}

// checkUpgrade refuses a version to which RDS does not bring a database.
func (d *Database) checkUpgrade(spec DatabaseSpec, how Modification) error {
	if isPartOf(d.Running, spec.Version) {
		return nil
	}
	now, _ := releaseOf(d.Spec.Engine, d.Running)
	next, ok := releaseOf(spec.Engine, spec.Version)
	switch {
	case !ok || compareVersions(running(spec.Engine, spec.Version), d.Running) < 0:
		return aws.Refuse("InvalidParameterCombination", "Cannot upgrade %s from %s to %s", spec.Engine, d.Running, spec.Version)
	case next.major != now.major && !how.AllowMajor:
		return aws.Refuse("InvalidParameterCombination", "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major "+
			"version.")
	}
	return nil
}

// compareVersions compares the numbers of two versions.
func compareVersions(a, b string) int { return slices.Compare(numbers(a), numbers(b)) }

func numbers(version string) []int {
	var all []int
	for text := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return all
		}
		all = append(all, n)
	}
	return all
}
