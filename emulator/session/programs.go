package session

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// programs builds the programs of containers from the project, whose folder is the working directory, see [EnterProject].
type programs struct {
	folder string

	mu    sync.Mutex
	built map[string]string // path by name
}

// find returns the program of a name that this machine does not have: that of the project's package cmd/NAME, which is in the image on
// AWS. It is built once in a session.
func (p *programs) find(ctx context.Context, name string) (string, error) {
	name = filepath.Base(name)
	source := filepath.Join("cmd", name)
	if info, err := os.Stat(source); err != nil || !info.IsDir() {
		return "", fmt.Errorf("exec: %q: neither this machine nor the project's folder cmd has this program", name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if path := p.built[name]; path != "" {
		return path, nil
	}
	path, err := filepath.Abs(filepath.Join(p.folder, name))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "./"+source) //nolint:gosec // a package of the project
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./%s: %w: %s", source, err, strings.TrimSpace(string(out)))
	}
	if p.built == nil {
		p.built = map[string]string{}
	}
	p.built[name] = path
	return path, nil
}
