// Package logstore keeps the events of the streams of CloudWatch Logs in files, of which each stream has at most two:
//
//	KEY.new   at most 4 MiB ──full──▶ KEY.old
//
// The oldest events of a stream that has more are deleted, which AWS would not do, and an event says so. All files together have at most
// 256 MiB; beyond that, the files that were written longest ago are deleted.
package logstore

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Event is a line in a stream.
type Event struct {
	Time     int64  `json:"t"` // milliseconds since 1970, as is Ingested
	Ingested int64  `json:"i"`
	Message  string `json:"m"`
}

// Store is the files in a folder.
type Store struct {
	folder      string
	most, total int64 // bytes of a file, and of all

	mu sync.Mutex
}

// Open returns the store in a folder, which is made when it is needed.
func Open(folder string) *Store { return &Store{folder: folder, most: 4 << 20, total: 256 << 20} }

const (
	newSuffix = ".new"
	oldSuffix = ".old"
)

func (s *Store) file(key, suffix string) string { return filepath.Join(s.folder, key+suffix) }

// Append adds events to a stream.
func (s *Store) Append(key string, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	var lines bytes.Buffer
	if info, err := os.Stat(s.file(key, newSuffix)); err == nil && info.Size() >= s.most {
		dropped, err := s.rotate(key)
		if err != nil {
			return err
		}
		if dropped {
			write(&lines, Event{events[0].Time, events[0].Ingested, "emulator: what came before was deleted: the emulator keeps the last " +
				"megabytes of a stream"})
		}
	}
	for _, e := range events {
		write(&lines, e)
	}
	f, err := os.OpenFile(s.file(key, newSuffix), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(lines.Bytes())
	return errors.Join(err, f.Close())
}

func write(lines *bytes.Buffer, e Event) {
	text, err := json.Marshal(e)
	if err != nil {
		panic("logstore: encoding text: " + err.Error())
	}
	lines.Write(append(text, '\n'))
}

// rotate makes place for a new file, and reports whether events were deleted for it.
func (s *Store) rotate(key string) (dropped bool, err error) {
	_, err = os.Stat(s.file(key, oldSuffix))
	dropped = err == nil
	if err := os.Rename(s.file(key, newSuffix), s.file(key, oldSuffix)); err != nil {
		return false, err
	}
	return dropped, s.trim()
}

// trim deletes the files that were written longest ago, as long as there is too much.
func (s *Store) trim() error {
	files, err := s.files()
	if err != nil {
		return err
	}
	total := int64(0)
	for _, f := range files {
		total += f.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if total <= s.total {
			return nil
		}
		if err := os.Remove(filepath.Join(s.folder, f.Name())); err != nil {
			return err
		}
		total -= f.Size()
	}
	return nil
}

func (s *Store) files() ([]fs.FileInfo, error) {
	entries, err := os.ReadDir(s.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var files []fs.FileInfo
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			files = append(files, info)
		}
	}
	return files, err
}

// Read returns the events of a stream that were ingested since a time, in their order.
func (s *Store) Read(key string, since time.Time) ([]Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var events []Event
	for _, suffix := range []string{oldSuffix, newSuffix} {
		f, err := os.Open(s.file(key, suffix))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for lines := bufio.NewReader(f); ; {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				break // a last line without an end was cut by a crash
			}
			var e Event
			if json.Unmarshal(line, &e) == nil && e.Ingested >= since.UnixMilli() {
				events = append(events, e)
			}
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.Time, b.Time) })
	return events, nil
}

// Keep deletes the events of all streams but those with some keys.
func (s *Store) Keep(keys map[string]bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := s.files()
	if err != nil {
		return err
	}
	for _, f := range files {
		if !keys[strings.TrimSuffix(strings.TrimSuffix(f.Name(), newSuffix), oldSuffix)] {
			err = errors.Join(err, os.Remove(filepath.Join(s.folder, f.Name())))
		}
	}
	return err
}
