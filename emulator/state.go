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
		return state{}, fmt.Errorf("%s: %w; the file was left unchanged: move or delete it to start with an empty cloud", file, err)
	}
	return saved, nil
}

// saveEvery is the real time between two saves of what happens by itself, which a crash undoes. What an engine asked for is saved at
// once.
const saveEvery = 250 * time.Millisecond

// saveNowAndThen saves what has changed. A full disk does not end what runs: saving is tried again, and the failure logged once.
func (e *Emulator) saveNowAndThen() {
	e.saving.Lock()
	due := time.Since(e.savedAt) >= saveEvery
	e.saving.Unlock()
	if !due {
		return
	}
	err := e.save()
	switch {
	case err == nil && e.unsaved != "":
		e.options.Log.Info("the state can be saved again")
		e.unsaved = ""
	case err != nil && err.Error() != e.unsaved:
		e.options.Log.Error("what happens from now on is lost when the emulator ends", "error", err)
		e.unsaved = err.Error()
	}
}

// save writes the model, its time and the ledger, unless the file has them already.
func (e *Emulator) save() error {
	wanted := e.version()
	e.saving.Lock()
	defer e.saving.Unlock()
	if e.saved >= wanted && !e.savedAt.IsZero() {
		return nil
	}
	version := e.version()
	e.savedAt = time.Now()
	if err := e.writeState(); err != nil {
		return fmt.Errorf("the state cannot be saved: %w", err)
	}
	e.saved = version
	return nil
}

// version grows with every change of what is saved.
func (e *Emulator) version() uint64 { return e.Cloud.Version() + e.ledger.Version() }

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

// Left lists the resources that exist, those that are only recorded included. It is empty after everything was destroyed.
func (e *Emulator) Left() []string { return slices.Concat(e.Cloud.Left(), e.Providers.Recorded()) }
