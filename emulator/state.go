package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
)

// state is what survives the end of an emulator: the model, and the ledger of what engines created in it. Both are in
// one file, so that they agree.
type state struct {
	Cloud  json.RawMessage `json:"cloud"`
	Ledger []ledger.Entry  `json:"ledger"`

	at time.Time // emulated time of the save
}

func stateFile(folder string) string { return filepath.Join(folder, "cloud.json") }

// readState reads a saved state. Without a file it returns an empty state that begins now.
func readState(file string) (state, error) {
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return state{at: time.Now()}, nil
	case err != nil:
		return state{}, err
	}
	var saved state
	if err = json.Unmarshal(data, &saved); err != nil {
		err = fmt.Errorf("not a saved state: %w", err)
	} else {
		saved.at, err = cloud.SavedAt(saved.Cloud)
	}
	if err != nil {
		return state{}, fmt.Errorf("%s: %w; it is left as it is: move it away to begin anew", file, err)
	}
	return saved, nil
}

// writeState replaces the saved state. A crash in the middle leaves the former file.
func (e *Emulator) writeState() error {
	var now state
	var err error
	now.Ledger, err = e.ledger.Snapshot(func() (err error) {
		now.Cloud, err = e.Cloud.Save()
		return err
	})
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(now, "", " ")
	if err != nil {
		return err
	}
	file := stateFile(e.options.Folder)
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Left lists the resources that exist, with behaviour or recorded. It is empty after everything was destroyed.
func (e *Emulator) Left() []string { return slices.Concat(e.Cloud.Left(), e.Providers.Recorded()) }
