package guest

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	sdunit "github.com/coreos/go-systemd/v22/unit"
)

// The defaults of systemd.
const (
	defaultRestartDelay  = 100 * time.Millisecond
	defaultStartTimeout  = 90 * time.Second // for services that are not oneshot
	defaultStopTimeout   = 90 * time.Second
	defaultStartInterval = 10 * time.Second
	defaultStartBurst    = 5
)

// unit has the options of a service unit that take effect on processes.
type unit struct {
	name   string // with .service
	host   bool   // its program and paths are those of this machine, not of the instance
	after  []string
	before []string
	needs  []string // Requires= and Wants=
	requires,
	wantedBy,
	onSuccess []string
	conditions []condition

	oneshot     bool
	startPre    []command
	start       []command // exactly one command, unless oneshot
	environment map[string]string

	environmentFiles []environmentFile

	directory     string
	folders       []folder
	stateMode     fs.FileMode
	restart       string // no, on-failure or always
	restartDelay  time.Duration
	startTimeout  time.Duration // for the commands before the main command; 0: systemd's default for the type
	stopTimeout   time.Duration
	startInterval time.Duration // 0: there is no start limit
	startBurst    int
	openFiles     uint64 // 0: no limit of its own

	skipped   []string // options without effect
	hardening []string // options that sandbox a process
	filter    []string // SystemCallFilter=
}

// condition is ConditionPathExists=.
type condition struct {
	path   string
	absent bool
}

// String returns the option.
func (c condition) String() string {
	if c.absent {
		return "ConditionPathExists=!" + c.path
	}
	return "ConditionPathExists=" + c.path
}

// folder is created before the unit starts. An environment variable has its path.
type folder struct{ variable, path string }

// command is a command line of an Exec option.
type command struct {
	argv          []string
	mayFail       bool // prefix -
	literal       bool // prefix :, variables are not expanded
	argvZeroApart bool // prefix @, the second word is argv[0]
}

// unitName appends .service to a name without a suffix, as systemctl does.
func unitName(name string) string {
	switch path.Ext(name) {
	case ".service", ".socket", ".target", ".timer", ".path", ".mount", ".automount", ".swap", ".slice", ".scope", ".device":
		return name
	}
	return name + ".service"
}

// isUnit reports whether systemd would load a file as a service unit.
func isUnit(file string) bool {
	switch path.Dir(file) {
	case "/etc/systemd/system", "/usr/lib/systemd/system", "/usr/local/lib/systemd/system":
		return path.Ext(file) == ".service"
	}
	return false
}

// parser reads a unit's options. It stops at the first error.
type parser struct {
	unit *unit
	err  error
}

// parseUnit reads the file of a unit.
func parseUnit(name string, content []byte) (*unit, error) {
	options, err := sdunit.DeserializeOptions(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := parser{unit: &unit{
		name: name, environment: map[string]string{}, restart: "no", restartDelay: defaultRestartDelay,
		stateMode: 0o755, stopTimeout: defaultStopTimeout, startInterval: defaultStartInterval, startBurst: defaultStartBurst,
	}}
	for _, o := range options {
		p.option(o.Section, o.Name, strings.TrimSpace(strings.ReplaceAll(o.Value, "\\\n", " ")))
		if p.err != nil {
			return nil, fmt.Errorf("%s: %s=%s: %w", name, o.Name, strings.TrimSpace(o.Value), p.err)
		}
	}
	if p.unit.startTimeout == 0 {
		p.unit.startTimeout = defaultStartTimeout
		if p.unit.oneshot {
			p.unit.startTimeout = forever
		}
	}
	return p.unit, p.unit.validate()
}

// validate returns an error if systemd would refuse the unit.
func (u *unit) validate() error {
	switch {
	case len(u.start) == 0:
		return fmt.Errorf("%s: has no ExecStart=", u.name)
	case len(u.start) > 1 && !u.oneshot:
		return fmt.Errorf("%s: has %d ExecStart=, and only Type=oneshot may have several", u.name, len(u.start))
	case u.oneshot && u.restart == "always":
		return fmt.Errorf("%s: Restart=always is refused for Type=oneshot", u.name)
	}
	return nil
}

// skip notes an option without effect.
func (p *parser) skip(format string, args ...any) {
	p.unit.skipped = append(p.unit.skipped, fmt.Sprintf(format, args...))
}

// option reads an option of any section.
func (p *parser) option(section, name, value string) {
	switch section {
	case "Unit":
		p.unitOption(name, value)
	case "Service":
		p.serviceOption(name, value)
	case "Install":
		if name == "WantedBy" {
			p.unit.wantedBy = append(p.unit.wantedBy, strings.Fields(value)...)
		}
	default:
		p.skip("section [%s] is not supported", section)
	}
}

// unitOption reads an option of the section [Unit].
func (p *parser) unitOption(name, value string) {
	u := p.unit
	switch name {
	case "Description", "Documentation", "DefaultDependencies":
	case "After":
		u.after = append(u.after, strings.Fields(value)...)
	case "Before":
		u.before = append(u.before, strings.Fields(value)...)
	case "Wants":
		u.needs = append(u.needs, strings.Fields(value)...)
	case "Requires":
		u.needs = append(u.needs, strings.Fields(value)...)
		u.requires = append(u.requires, strings.Fields(value)...)
	case "OnSuccess":
		u.onSuccess = append(u.onSuccess, strings.Fields(value)...)
	case "ConditionPathExists":
		file, absent := strings.CutPrefix(value, "!")
		if !path.IsAbs(file) {
			p.err = fmt.Errorf("the path is not absolute")
		}
		u.conditions = append(u.conditions, condition{path: file, absent: absent})
	case "StartLimitIntervalSec", "StartLimitInterval":
		u.startInterval = p.duration(value)
	case "StartLimitBurst":
		u.startBurst, p.err = strconv.Atoi(value)
	default:
		p.skip("%s=%s is not supported", name, value)
	}
}

// serviceOption reads an option of the section [Service].
func (p *parser) serviceOption(name, value string) {
	u := p.unit
	switch name {
	case "Type":
		p.serviceType(value)
	case "ExecStartPre":
		u.startPre = p.commands(u.startPre, value)
	case "ExecStart":
		u.start = p.commands(u.start, value)
	case "Environment":
		p.environment(value)
	case "EnvironmentFile":
		p.environmentFile(value)
	case "WorkingDirectory":
		u.directory = p.word(strings.TrimPrefix(value, "-"))
	case "StateDirectory":
		p.folders("STATE_DIRECTORY", "/var/lib", value)
	case "StateDirectoryMode":
		u.stateMode, p.err = permissions(value)
	case "RuntimeDirectory":
		p.folders("RUNTIME_DIRECTORY", "/run", value)
	case "CacheDirectory":
		p.folders("CACHE_DIRECTORY", "/var/cache", value)
	case "Restart":
		p.restart(value)
	case "RestartSec":
		u.restartDelay = p.duration(value)
	case "TimeoutStartSec":
		u.startTimeout = p.timeout(value)
	case "TimeoutStopSec":
		u.stopTimeout = p.timeout(value)
	case "User", "Group", "DynamicUser", "SupplementaryGroups":
		p.skip("%s=%s: processes run as the emulator's own user", name, value)
	case "LimitNOFILE":
		u.openFiles, p.err = strconv.ParseUint(value, 10, 31)
	case "MemoryMax", "TasksMax":
		p.skip("%s=%s is not enforced", name, value)
	case "SystemCallFilter":
		u.filter = append(u.filter, value)
	case "StandardOutput", "StandardError", "SyslogIdentifier", "NoNewPrivileges": // they are so already, or about the log
	default:
		if isHardening(name) {
			p.unit.hardening = append(p.unit.hardening, name)
			return
		}
		p.skip("%s=%s is not supported", name, value)
	}
}

// serviceType reads Type=.
func (p *parser) serviceType(value string) {
	switch value {
	case "oneshot":
		p.unit.oneshot = true
	case "simple", "exec":
		p.unit.oneshot = false
	case "notify", "notify-reload":
		p.skip("Type=%s: the service counts as started when its program runs", value)
	default:
		p.err = fmt.Errorf("the emulator runs simple, exec, notify and oneshot services")
	}
}

// restart reads Restart=.
func (p *parser) restart(value string) {
	switch value {
	case "no", "on-failure", "always":
		p.unit.restart = value
	default:
		p.err = fmt.Errorf("the emulator supports no, on-failure and always")
	}
}

// commands appends a command to a list. An empty value empties the list, as in systemd.
func (p *parser) commands(list []command, value string) []command {
	if value == "" {
		return nil
	}
	var c command
	rest := strings.TrimLeft(value, "-@:+!")
	for _, prefix := range value[:len(value)-len(rest)] {
		switch prefix {
		case '-':
			c.mayFail = true
		case ':':
			c.literal = true
		case '@':
			c.argvZeroApart = true
		}
	}
	if c.argv, p.err = splitWords(rest); p.err != nil {
		return nil
	}
	switch {
	case len(c.argv) == 0 || (c.argvZeroApart && len(c.argv) < 2):
		p.err = fmt.Errorf("it names no program")
	case !path.IsAbs(c.argv[0]):
		p.err = fmt.Errorf("the program's path is not absolute")
	}
	return append(list, c)
}

// environment reads Environment=.
func (p *parser) environment(value string) {
	if value == "" {
		p.unit.environment = map[string]string{}
		return
	}
	words, err := splitWords(value)
	if err != nil {
		p.err = err
		return
	}
	for _, word := range words {
		name, v, found := strings.Cut(word, "=")
		if !found || !isVariable(name) {
			p.err = fmt.Errorf("%q is not NAME=VALUE", word)
			return
		}
		p.unit.environment[name] = v
	}
}

// environmentFile reads EnvironmentFile=.
func (p *parser) environmentFile(value string) {
	file, optional := strings.CutPrefix(value, "-")
	switch {
	case value == "":
		p.unit.environmentFiles = nil
	case !path.IsAbs(file):
		p.err = fmt.Errorf("the path is not absolute")
	default:
		p.unit.environmentFiles = append(p.unit.environmentFiles, environmentFile{file, optional})
	}
}

// folders reads StateDirectory= and the like.
func (p *parser) folders(variable, parent, value string) {
	for name := range strings.FieldsSeq(value) {
		p.unit.folders = append(p.unit.folders, folder{variable: variable, path: path.Join(parent, path.Join("/", name))})
	}
}

// word reads a value of one word.
func (p *parser) word(value string) string {
	words, err := splitWords(value)
	if err == nil && len(words) != 1 {
		err = fmt.Errorf("it is not one path")
	}
	if err != nil {
		p.err = err
		return ""
	}
	return words[0]
}

// isHardening reports whether an option only takes rights away from a process: without the option, the process does the same.
func isHardening(name string) bool {
	for _, prefix := range []string{"Protect", "Private", "Restrict", "Capability", "SystemCall"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains([]string{"AmbientCapabilities", "LockPersonality", "MemoryDenyWriteExecute", "ReadWritePaths",
		"ReadOnlyPaths", "InaccessiblePaths", "RemoveIPC", "KeyringMode", "ProcSubset", "NoExecPaths", "ExecPaths"}, name)
}

// timeUnits are the units of systemd's time spans.
var timeUnits = map[string]time.Duration{
	"us": time.Microsecond, "ms": time.Millisecond, "": time.Second, "s": time.Second, "sec": time.Second,
	"min": time.Minute, "m": time.Minute, "h": time.Hour, "hr": time.Hour, "d": 24 * time.Hour,
}

// forever stands for systemd's infinity.
const forever = 100 * 365 * 24 * time.Hour

// duration reads systemd's time spans: 5, 1.5s, 1min 30s, infinity.
func (p *parser) duration(value string) time.Duration {
	if value == "infinity" {
		return forever
	}
	var total time.Duration
	for field := range strings.FieldsSeq(value) {
		number := strings.TrimRight(field, "abcdefghijklmnopqrstuvwxyz")
		n, err := strconv.ParseFloat(number, 64)
		scale, known := timeUnits[field[len(number):]]
		if err != nil || !known || n < 0 || n*float64(scale) > float64(forever) {
			p.err = fmt.Errorf("%q is not a time span", value)
			return 0
		}
		total += time.Duration(n * float64(scale))
	}
	if value == "" {
		p.err = fmt.Errorf("the time span is empty")
	}
	return min(total, forever)
}

// timeout reads a time span in which 0 means infinity.
func (p *parser) timeout(value string) time.Duration {
	if d := p.duration(value); d > 0 {
		return d
	}
	return forever
}

// resolveOrder turns Before= into After= of the other unit. It returns an error for units that wait for each other: systemd would drop one.
func (in *Instance) resolveOrder() error {
	for _, name := range in.order {
		for _, later := range in.services[name].unit.before {
			if s := in.services[later]; s != nil {
				s.unit.after = append(s.unit.after, name)
			}
		}
	}
	finished := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(in.services)) {
		if cycle := in.cycle(name, nil, finished); cycle != nil {
			return fmt.Errorf("units wait for each other: %s", strings.Join(cycle, " after "))
		}
	}
	return nil
}

// cycle follows After= from a unit and returns a cycle, if there is one. The trail has the units on the way to it.
func (in *Instance) cycle(name string, trail []string, finished map[string]bool) []string {
	if i := slices.Index(trail, name); i >= 0 {
		return append(trail[i:], name)
	}
	if finished[name] || in.services[name] == nil {
		return nil
	}
	for _, earlier := range in.services[name].unit.after {
		if cycle := in.cycle(earlier, append(slices.Clone(trail), name), finished); cycle != nil {
			return cycle
		}
	}
	finished[name] = true
	return nil
}
