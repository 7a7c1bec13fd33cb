package main

import (
	"bytes"
	"io"
	"os"
	"strings"
)

// tail reads a log from where it stopped before.
type tail struct {
	name   string // of the service
	file   string
	offset int64
}

// read returns the complete lines since the last call. A file that was truncated is read from its beginning.
func (t *tail) read() ([]string, error) {
	file, err := os.Open(t.file)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() < t.offset {
		t.offset = 0
	}
	text, err := io.ReadAll(io.NewSectionReader(file, t.offset, 1<<62))
	if err != nil {
		return nil, err
	}
	end := bytes.LastIndexByte(text, '\n') + 1
	t.offset += int64(end)
	if end == 0 {
		return nil, nil
	}
	return strings.Split(string(text[:end-1]), "\n"), nil
}
