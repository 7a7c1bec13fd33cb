package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEmbeddedSongsAreTenAYear(t *testing.T) {
	list, err := loadSongs("")
	require.NoError(t, err)
	assert.Equal(t, []int{1959, 1965, 1971, 1977, 1984, 1991, 1997, 2004, 2010, 2019}, list.years)
	for _, year := range list.years {
		require.Len(t, list.byYear[year], 10, "%d", year)
		for i, one := range list.byYear[year] {
			assert.Equal(t, i+1, one.number, "%d", year)
		}
	}
	assert.Contains(t, list.byYear[2004], song{2004, 7, "Float On", "Modest Mouse"})
}

func TestEverySongOfAYearIsPicked(t *testing.T) {
	list, err := loadSongs("")
	require.NoError(t, err)
	seen := map[int]bool{}
	for range 10000 {
		one, why := list.pick(2004)
		require.Equal(t, 2004, one.year)
		require.Empty(t, why)
		seen[one.number] = true
	}
	assert.Len(t, seen, 10)
}

func TestFileOfOnesOwnIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.csv")
	require.NoError(t, os.WriteFile(file, []byte("year,number,title,artist\n1900,1,\"Hello, My Baby\",Arthur Collins\n"), 0o600))
	list, err := loadSongs(file)
	require.NoError(t, err)
	assert.Equal(t, []song{{1900, 1, "Hello, My Baby", "Arthur Collins"}}, list.byYear[1900])
}

func TestMissingFileIsAnError(t *testing.T) {
	_, err := loadSongs(filepath.Join(t.TempDir(), "none.csv"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestWrongSongsAreRefusedWithTheirLine(t *testing.T) {
	const header = "year,number,title,artist\n"
	for _, test := range []struct {
		name, csv, want string
	}{
		{name: "nothing", want: "s.csv:1: the header is not year,number,title,artist"},
		{name: "no header", csv: "2004,7,Float On,Modest Mouse\n", want: "s.csv:1: the header is not year,number,title,artist"},
		{name: "another header", csv: "a,b\n", want: "s.csv:1: the header is not year,number,title,artist"},
		{name: "no songs", csv: header, want: "s.csv: no songs"},
		{name: "three fields", csv: header + "2004,7,Float On\n", want: "s.csv: record on line 2: wrong number of fields"},
		{
			name: "open quote",
			csv:  header + "2004,7,\"Float On,Modest Mouse\n",
			want: `s.csv: parse error on line 2, column 31: extraneous or missing " in quoted-field`,
		},
		{
			name: "a word as year",
			csv:  header + "2004,7,Float On,Modest Mouse\nlast,1,A,B\n",
			want: `s.csv:3: year: "last" is not a number from 1 to 9999`,
		},
		{name: "year 0", csv: header + "0,1,A,B\n", want: `s.csv:2: year: "0" is not a number from 1 to 9999`},
		{name: "number 0", csv: header + "2004,0,A,B\n", want: `s.csv:2: number: "0" is not a number from 1 to 9999`},
		{name: "no title", csv: header + "2004,1, ,B\n", want: `s.csv:2: title: " " is empty`},
		{name: "two lines", csv: header + "2004,1,A,\"B\nC\"\n", want: `s.csv:2: artist: "B\nC" has control characters`},
		{name: "twice", csv: header + "2004,1,A,B\n2004,1,C,D\n", want: "s.csv:3: number: 1 is already that of line 2 in 2004"},
		{
			name: "all at once",
			csv:  header + "x,1,A,B\n2004,y,A,B\n",
			want: "s.csv:2: year: \"x\" is not a number from 1 to 9999\ns.csv:3: number: \"y\" is not a number from 1 to 9999",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseSongs("s.csv", strings.NewReader(test.csv))
			assert.EqualError(t, err, test.want)
		})
	}
}
