package userdata

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

var fileMode = regexp.MustCompile(`^0[0-7]{3}$`)

// othersWrite is the digit's bit in a mode that lets every user write.
const othersWrite = "2367"

// validateFiles checks each file and its relation to those before it, to the artifacts and to the services.
func (b Bootstrap) validateFiles(l *invalid.List) {
	for i, f := range b.Files {
		at := fmt.Sprintf("files[%d]", i)
		f.validateOwner(l, at)
		if !validatePlace(l, at+".path", f.Path, fileRoots) {
			continue
		}
		if conflict := b.conflictOfFile(i); conflict != "" {
			l.Add(at+".path", f.Path, "%s", conflict)
		}
	}
}

func (f File) validateOwner(l *invalid.List, at string) {
	switch mode := f.mode(); {
	case !fileMode.MatchString(mode):
		l.Add(at+".mode", mode, `is not a mode of four octal digits such as "0644", the first of them 0`)
	case strings.Contains(othersWrite, mode[3:]):
		l.Add(at+".mode", mode, "lets every user of the instance write the file")
	}
	for _, name := range [][2]string{{"owner", f.Owner}, {"group", f.Group}} {
		if name[1] != "" && !userName.MatchString(name[1]) {
			l.Add(at+"."+name[0], name[1], "is not the name of an account: at most 31 of a–z, 0–9, _ and -, not beginning with a digit")
		}
	}
}

// conflictOfFile says why a file cannot be at its path, or returns "".
func (b Bootstrap) conflictOfFile(index int) string {
	f := b.Files[index]
	if whose := whoseFile(f.Path); whose != "" {
		return whose + ", which must not be replaced"
	}
	if path.Dir(f.Path) == "/var/lib" {
		return "is a file among the folders of /var/lib: put it into one"
	}
	for i, a := range b.Artifacts {
		if inTheWay := collide(f.Path, a.Path); inTheWay != "" && (!a.Archive || !strings.HasPrefix(f.Path, a.Path+"/")) {
			return fmt.Sprintf("%s artifacts[%d] (%s)", inTheWay, i, a.Path)
		}
	}
	for i, other := range b.Files[:index] {
		if inTheWay := collide(f.Path, other.Path); inTheWay != "" {
			return fmt.Sprintf("%s files[%d] (%s)", inTheWay, i, other.Path)
		}
	}
	return ""
}

// collide says how a path gets in the way of another, or returns "".
func collide(name, other string) string {
	switch {
	case other == "":
		return ""
	case name == other:
		return "is the path of"
	case strings.HasPrefix(name, other+"/"):
		return "is below the path of"
	case strings.HasPrefix(other, name+"/"):
		return "is a folder in the path of"
	case name == other+".new" || other == name+".new":
		return "is where a file is installed first, with the ending .new, by"
	}
	return ""
}

// Bounds of a setup's time.
const (
	shortestSetup = time.Second
	longestSetup  = time.Hour
)

func (b Bootstrap) validateSetup(l *invalid.List) {
	for i, s := range b.Setup {
		at := fmt.Sprintf("setup[%d]", i)
		switch first := slices.IndexFunc(b.Setup, func(o Setup) bool { return o.Name == s.Name }); {
		case s.Name == "":
			l.Missing(at+".name", "must be set")
		case !serviceName.MatchString(s.Name):
			l.Add(at+".name", s.Name, "is not a name: at most 64 of a–z, 0–9, _ and -, beginning with a letter")
		case setupPrefix+s.Name+".service" == filesUnitName:
			l.Add(at+".name", s.Name, "is the name of the unit that puts files into place: choose another name")
		case first < i:
			l.Add(at+".name", s.Name, "is the name of setup[%d]", first)
		}
		validateCommand(l, at+".command", s.Command)
		if s.User != root {
			validateUser(l, at+".user", s.User)
		}
		validateSurroundings(l, at, s.Directory, s.Environment)
		validateSecrets(l, at+".secrets", s.Secrets)
		if t := s.timeout(); t < shortestSetup || t > longestSetup || t%time.Second != 0 {
			l.Add(at+".timeout", t.Seconds(), "is not from 1 to 3600 whole seconds")
		}
	}
}

func (s Service) validateSandbox(l *invalid.List, at string) {
	switch s.Sandbox {
	case "", Strict, Standard, Off:
	default:
		l.Add(at+".sandbox", string(s.Sandbox), "is not strict, standard or off")
		return
	}
	for i, name := range s.Relax {
		if reason := s.cannotRelax(name, s.Relax[:i]); reason != "" {
			l.Add(fmt.Sprintf("%s.relax[%d]", at, i), name, "%s", reason)
		}
	}
}

// cannotRelax says why the sandbox cannot be eased by a directive, or returns "".
func (s Service) cannotRelax(name string, before []string) string {
	sandbox := Sandbox(orElse(string(s.Sandbox), string(Strict)))
	switch {
	case sandbox == Off:
		return "has no effect with sandbox off, which sets no directive"
	case slices.Contains(before, name):
		return "is listed twice"
	case slices.Contains(alwaysImplied, name):
		return "is implied by the other directives: only sandbox off is without"
	case !slices.Contains(sandbox.Relaxable(), name):
		return fmt.Sprintf("is not a directive of sandbox %s: there are %s", sandbox, strings.Join(sandbox.Relaxable(), ", "))
	case s.User == "" && slices.Contains(impliedByDynamicUser, name):
		return "is implied by the dynamic user: set user"
	}
	return ""
}

// Bounds of limits. The kernel's own bound of open files is fs.nr_open.
const (
	fewestFiles, mostFiles       = 64, 1 << 20
	leastMemoryMiB, mostMemory   = 16, 32 << 20
	fewestTasks, mostTasksOfPIDs = 4, 1 << 22
)

func (m Limits) validate(l *invalid.List, at string) {
	for _, limit := range []struct {
		name               string
		value, least, most int
	}{
		{"openFiles", m.OpenFiles, fewestFiles, mostFiles},
		{"memory", m.MemoryMiB, leastMemoryMiB, mostMemory},
		{"tasks", m.Tasks, fewestTasks, mostTasksOfPIDs},
	} {
		if limit.value != 0 && (limit.value < limit.least || limit.value > limit.most) {
			l.Add(at+"."+limit.name, limit.value, "is not from %d to %d", limit.least, limit.most)
		}
	}
}
