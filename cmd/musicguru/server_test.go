package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patience = 10 * time.Second

func TestAnswersAYearWithOneOfItsSongs(t *testing.T) {
	address := startServer(t, &server{songs: few(t)})
	assert.Equal(t, "In 2004 the number 7. song was Float On - Modest Mouse (127.0.0.1)\n", exchange(t, address, "2004\n"))
}

func TestAnswersZeroWithARandomYear(t *testing.T) {
	address := startServer(t, &server{songs: few(t)})
	require.Eventually(t, func() bool {
		return strings.HasPrefix(exchange(t, address, "0\n"), "In 1959 the number 1. song was ")
	}, patience, time.Millisecond)
	require.Eventually(t, func() bool {
		return strings.HasPrefix(exchange(t, address, "0\n"), "In 2004 the number 7. song was ")
	}, patience, time.Millisecond)
}

func TestAnswersAYearWithoutSongsWithARandomOneAndSaysSo(t *testing.T) {
	address := startServer(t, &server{songs: few(t)})
	for question, want := range map[string]string{
		"1900":  "1900 is not between 1959 and 2004, a random year instead: In ",
		"2005":  "2005 is not between 1959 and 2004, a random year instead: In ",
		"-2004": "-2004 is not between 1959 and 2004, a random year instead: In ",
		"1960":  "1960 has no songs, a random year instead: In ",
	} {
		t.Run(question, func(t *testing.T) {
			answer := exchange(t, address, question+"\n")
			assert.Truef(t, strings.HasPrefix(answer, want), "%q", answer)
			assert.Truef(t, strings.HasSuffix(answer, " (127.0.0.1)\n"), "%q", answer)
		})
	}
}

func TestAnswersNonsenseInOneLine(t *testing.T) {
	address := startServer(t, &server{songs: few(t)})
	for _, test := range []struct {
		name, question, want string
	}{
		{name: "a word", question: "last year\n", want: `"last year" is not a year: a number is asked for, or 0 for a random year`},
		{name: "nothing", question: "\n", want: `"" is not a year: a number is asked for, or 0 for a random year`},
		{name: "bytes", question: "\x00\xff\r\n", want: `"\x00\xff" is not a year: a number is asked for, or 0 for a random year`},
		{
			name:     "a huge year",
			question: strings.Repeat("9", 40) + "\n",
			want:     `"` + strings.Repeat("9", 40) + `" is not a year: a number is asked for, or 0 for a random year`,
		},
		{name: "a long line", question: strings.Repeat("2", maxQuestion) + "\n", want: "the question is longer than 64 bytes"},
		{name: "a long story", question: strings.Repeat("2", maxSkipped/2) + "\n", want: "the question is longer than 64 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want+"\n", exchange(t, address, test.question))
		})
	}
}

func TestTakesALineOfTheGreatestLength(t *testing.T) {
	address := startServer(t, &server{songs: few(t)})
	question := strings.Repeat("0", maxQuestion-len("2004\n")) + "2004\n"
	assert.Contains(t, exchange(t, address, question), "In 2004 ")
}

func TestTakesCarriageReturnSpacesAndAMissingNewline(t *testing.T) {
	address := startServer(t, &server{songs: few(t)})
	for _, question := range []string{"2004\r\n", " 2004 \n", "2004"} {
		assert.Contains(t, exchange(t, address, question), "In 2004 ", "%q", question)
	}
}

func TestNamesAnIPv4AddressAsSuchOnADualStackListener(t *testing.T) {
	s := &server{songs: few(t)}
	l, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	address := startOn(t, s, l)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	assert.Contains(t, exchange(t, "127.168.0.57:"+port, "2004\n"), "(127.168.0.57)")
}

func TestHandlesOneConnectionAtATime(t *testing.T) {
	address := startServer(t, &server{songs: few(t)})
	first := dial(t, address)
	second := dial(t, address)
	_, err := io.WriteString(second, "2004\n")
	require.NoError(t, err)
	require.NoError(t, second.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	_, err = second.Read(make([]byte, 1))
	require.ErrorContains(t, err, "i/o timeout", "answered beside the first")
	require.NoError(t, first.Close())
	require.NoError(t, second.SetReadDeadline(time.Now().Add(patience)))
	answer, err := io.ReadAll(second)
	require.NoError(t, err)
	assert.Contains(t, string(answer), "In 2004 ")
}

func TestLeavesASilentClientAfterTheLimit(t *testing.T) {
	address := startServer(t, &server{songs: few(t), limit: 50 * time.Millisecond})
	silent := dial(t, address)
	answer, err := io.ReadAll(silent)
	require.NoError(t, err)
	assert.Equal(t, "no year within 50ms\n", string(answer))
}

func TestLeavesATricklingClientAfterTheLimit(t *testing.T) {
	address := startServer(t, &server{songs: few(t), limit: 100 * time.Millisecond})
	trickling := dial(t, address)
	began := time.Now()
	go func() {
		for {
			if _, err := io.WriteString(trickling, "2"); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	assert.Contains(t, exchange(t, address, "2004\n"), "In 2004 ")
	assert.Less(t, time.Since(began), time.Second)
}

func TestSurvivesClientsThatSayNothingAndGo(t *testing.T) {
	address := startServer(t, &server{songs: few(t)})
	for range 100 {
		c := dial(t, address)
		require.NoError(t, c.(*net.TCPConn).SetLinger(0)) // a reset
		require.NoError(t, c.Close())
		require.NoError(t, dial(t, address).Close())
	}
	assert.Contains(t, exchange(t, address, "2004\n"), "In 2004 ")
}

func TestEndRefusesOthersAndFinishesTheRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	s := &server{songs: few(t), log: quiet()}
	go func() { ended <- s.serve(ctx, l) }()
	current := dial(t, l.Addr().String())
	time.Sleep(100 * time.Millisecond) // for it to be accepted
	cancel()
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			c.Close()
		}
		return err != nil
	}, patience, time.Millisecond)
	_, err = io.WriteString(current, "2004\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(current)
	require.NoError(t, err)
	assert.Contains(t, string(answer), "In 2004 ")
	require.NoError(t, <-ended)
}

func FuzzAnswerIsOneLine(f *testing.F) {
	for _, seed := range []string{"2004\n", "0\r\n", "\x00\n", "1900", "\u2028\n", strings.Repeat("9", 200) + "\n"} {
		f.Add(seed)
	}
	s := &server{songs: few(f)}
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5000}
	f.Fuzz(func(t *testing.T, sent string) {
		question, err := readQuestion(strings.NewReader(sent))
		if err != nil {
			require.True(t, errors.Is(err, errTooLong) || sent == "", "%q: %v", sent, err)
			return
		}
		answer := s.answer(question, local)
		assert.Falsef(t, strings.ContainsFunc(answer, unicode.IsControl), "%q", answer)
		assert.Less(t, len(answer), maxAnswer)
	})
}

func few(t testing.TB) *songs {
	t.Helper()
	list, err := parseSongs("few.csv", bytes.NewBufferString(
		"year,number,title,artist\n2004,7,Float On,Modest Mouse\n1959,1,Mack the Knife,Bobby Darin\n"))
	require.NoError(t, err)
	return list
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// startServer serves on a free port of 127.0.0.1 until the test ends.
func startServer(t *testing.T, s *server) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return startOn(t, s, l)
}

func startOn(t *testing.T, s *server, l net.Listener) (address string) {
	t.Helper()
	s.log = quiet()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
	return l.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// exchange sends a question and the end of the stream, and returns all that comes back.
func exchange(t *testing.T, address, question string) string {
	t.Helper()
	c := dial(t, address)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	_, err := io.WriteString(c, question)
	require.NoError(t, err)
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(c)
	require.NoError(t, err)
	return string(answer)
}
