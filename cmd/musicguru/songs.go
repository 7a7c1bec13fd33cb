package main

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

//go:embed songs.csv
var embedded []byte

var header = []string{"year", "number", "title", "artist"}

type song struct {
	year, number  int
	title, artist string
}

// songs is a list that is not empty.
type songs struct {
	byYear map[int][]song
	years  []int // ascending
}

// loadSongs reads a CSV file, or the embedded list if the name is empty.
func loadSongs(file string) (*songs, error) {
	if file == "" {
		return parseSongs("songs.csv", bytes.NewReader(embedded))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseSongs(file, f)
}

// parseSongs reads CSV with its header. Errors begin with name and line.
func parseSongs(name string, r io.Reader) (*songs, error) {
	lines := csv.NewReader(r)
	lines.FieldsPerRecord = len(header)
	first, err := lines.Read()
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, csv.ErrFieldCount) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !slices.Equal(first, header) {
		return nil, fmt.Errorf("%s:1: the header is not %s", name, strings.Join(header, ","))
	}
	list := &songs{byYear: map[int][]song{}}
	lineOf := map[[2]int]int{}
	var problems invalid.List
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := lines.FieldPos(0)
		at := fmt.Sprintf("%s:%d", name, line)
		one := parseSong(&problems, at, fields)
		place := [2]int{one.year, one.number}
		if other, taken := lineOf[place]; taken {
			problems.Add(at+": number", one.number, "is already that of line %d in %d", other, one.year)
		}
		lineOf[place] = line
		list.add(one)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	if len(list.years) == 0 {
		return nil, fmt.Errorf("%s: no songs", name)
	}
	slices.Sort(list.years)
	return list, nil
}

func parseSong(problems *invalid.List, at string, fields []string) song {
	return song{
		year:   parseNumber(problems, at+": year", fields[0]),
		number: parseNumber(problems, at+": number", fields[1]),
		title:  parseText(problems, at+": title", fields[2]),
		artist: parseText(problems, at+": artist", fields[3]),
	}
}

func parseNumber(problems *invalid.List, at, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 9999 {
		problems.Add(at, text, "is not a number from 1 to 9999")
	}
	return n
}

// parseText reads a text that fits into the single line of an answer.
func parseText(problems *invalid.List, at, text string) string {
	switch {
	case strings.TrimSpace(text) == "":
		problems.Add(at, text, "is empty")
	case strings.ContainsFunc(text, unicode.IsControl):
		problems.Add(at, text, "has control characters")
	}
	return text
}

func (s *songs) add(one song) {
	if _, known := s.byYear[one.year]; !known {
		s.years = append(s.years, one.year)
	}
	s.byYear[one.year] = append(s.byYear[one.year], one)
}

// pick returns a random song of a year. For year 0, and for a year without songs, it returns a song of a random year and the
// reason.
func (s *songs) pick(year int) (one song, why string) {
	list, known := s.byYear[year]
	if !known {
		list = s.byYear[s.years[rand.IntN(len(s.years))]]
	}
	if !known && year != 0 {
		why = s.absent(year)
	}
	return list[rand.IntN(len(list))], why
}

func (s *songs) absent(year int) string {
	first, last := s.years[0], s.years[len(s.years)-1]
	if year < first || year > last {
		return fmt.Sprintf("%d is not between %d and %d", year, first, last)
	}
	return fmt.Sprintf("%d has no songs", year)
}
