package dashboard_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/dashboard"
)

// following serves a dashboard whose source counts how often it was asked.
func following(t *testing.T) (*dashboard.Dashboard, *httptest.Server) {
	t.Helper()
	var asked atomic.Uint64
	d := dashboard.New(func() (any, dashboard.Sample) {
		n := asked.Add(1)
		sample := dashboard.Sample{Time: time.Unix(int64(n), 0), Requests: map[string]uint64{"i-1": 10 * n}}
		return map[string]uint64{"Asked": n}, sample
	})
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	t.Cleanup(d.Close)
	return d, server
}

func fetch(t *testing.T, url string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	request := must(http.NewRequestWithContext(ctx, http.MethodGet, url, nil))(t)
	response := must(http.DefaultClient.Do(request))(t)
	t.Cleanup(func() {
		response.Body.Close()
		cancel()
	})
	return response
}

// event reads the next one of a stream.
func event(t *testing.T, stream *bufio.Scanner) (name string, data map[string]json.RawMessage, raw string) {
	t.Helper()
	for stream.Scan() {
		line := stream.Text()
		switch {
		case strings.HasPrefix(line, "event: "):
			name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			raw = line[len("data: "):]
		case line == "":
			if name == "status" {
				require.NoError(t, json.Unmarshal([]byte(raw), &data))
			}
			return name, data, raw
		}
	}
	require.Fail(t, "the stream ended")
	return "", nil, ""
}

func TestEventsAreTheHistoryAndThenEachStatus(t *testing.T) {
	d, server := following(t)
	response := fetch(t, server.URL+"/events")
	assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	stream := bufio.NewScanner(response.Body)
	name, _, _ := event(t, stream)
	assert.Equal(t, "history", name)
	name, first, _ := event(t, stream)
	assert.Equal(t, "status", name)
	_, second, _ := event(t, stream)
	assert.JSONEq(t, `{"Asked": 1}`, string(first["status"]))
	assert.JSONEq(t, `{"Asked": 2}`, string(second["status"]))
	var point struct {
		Time  float64
		Rates map[string]float64
	}
	require.NoError(t, json.Unmarshal(second["point"], &point))
	assert.InDelta(t, 2, point.Time, 0)
	assert.InDelta(t, 10, point.Rates["i-1"], 5, "10 more in about a second")

	_, _, history := event(t, bufio.NewScanner(fetch(t, server.URL+"/events").Body))
	assert.Equal(t, 2, strings.Count(history, `"time":`), "a page that comes later gets what was before: %s", history)

	d.Close()
	for stream.Scan() { // what was under way
	}
	require.NoError(t, stream.Err(), "Close ends the stream")
}

func TestAStatusThatIsNoJSONIsSaidToThePage(t *testing.T) {
	d := dashboard.New(func() (any, dashboard.Sample) { return math.NaN(), dashboard.Sample{} })
	defer d.Close()
	server := httptest.NewServer(d)
	defer server.Close()
	stream := bufio.NewScanner(fetch(t, server.URL+"/events").Body)
	event(t, stream)
	_, data, _ := event(t, stream)
	assert.Contains(t, string(data["error"]), "NaN")
	d.Close()
}

func TestThePageHasAStrictPolicyAndItsTypes(t *testing.T) {
	_, server := following(t)
	for path, kind := range map[string]string{
		"/": "text/html", "/app.js": "text/javascript", "/style.css": "text/css", "/icon.svg": "image/svg+xml",
		"/uplot/uPlot.esm.js": "text/javascript",
	} {
		response := fetch(t, server.URL+path)
		assert.Equal(t, http.StatusOK, response.StatusCode, path)
		found, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
		assert.Equal(t, kind, found, path)
		policy := response.Header.Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'; script-src 'self'; style-src 'self';", path)
		assert.Contains(t, policy, "frame-ancestors 'none'", path)
		assert.NotContains(t, policy, "unsafe", path)
		assert.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"), path)
	}
	for _, path := range []string{"/dashboard.go", "/nothing", "/../go.mod"} {
		assert.Equal(t, http.StatusNotFound, fetch(t, server.URL+path).StatusCode, path)
	}
}

// The files are read from the folder that is embedded.
var page = os.DirFS("page")

func TestThePageNeedsNothingFromElsewhereAndNothingInline(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:[^>]*)>[^<]|javascript:`)
	elsewhere := regexp.MustCompile(`(?:https?:)?//[a-z0-9-]+\.[a-z]`)
	require.NoError(t, fs.WalkDir(page, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path, "uplot/") {
			return err
		}
		text := string(must(fs.ReadFile(page, path))(t))
		if strings.HasSuffix(path, ".html") {
			assert.Empty(t, inline.FindAllString(text, -1), path)
		}
		text = strings.ReplaceAll(text, "http://www.w3.org/2000/svg", "")
		assert.Empty(t, elsewhere.FindAllString(text, -1), path)
		return nil
	}))
}

func TestUPlotIsWhatItsNoteSays(t *testing.T) {
	note := string(must(fs.ReadFile(page, "uplot/README.md"))(t))
	assert.Contains(t, note, "# uPlot 1.6.32\n")
	for name, sum := range map[string]string{
		"LICENSE":       "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
		"uPlot.esm.js":  "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba",
		"uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
	} {
		found := sha256.Sum256(must(fs.ReadFile(page, "uplot/"+name))(t))
		assert.Equal(t, sum, hex.EncodeToString(found[:]), name)
		assert.Contains(t, note, "| `"+sum+"` | "+name+" |", name)
	}
	entries := must(fs.ReadDir(page, "uplot"))(t)
	assert.Len(t, entries, 4, "nothing but these and the note")
}

// Text is read at a contrast of 4.5 to what is behind it, lines and signs at 3 (WCAG 2.2: 1.4.3, 1.4.11).
func TestColoursHaveContrastInLightAndDark(t *testing.T) {
	text := string(must(fs.ReadFile(page, "style.css"))(t))
	light, dark, found := strings.Cut(text, "prefers-color-scheme: dark")
	require.True(t, found)
	dark, _, _ = strings.Cut(dark, "}")
	for scheme, block := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]string{}
		for _, match := range regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(block, -1) {
			colours[match[1]] = match[2]
		}
		require.GreaterOrEqual(t, len(colours), 25, scheme)
		check := func(front, back string, least float64) {
			assert.GreaterOrEqual(t, contrast(t, colours[front], colours[back]), least, "%s: %s on %s", scheme, front, back)
		}
		for _, back := range []string{"page", "card", "inset"} {
			for _, front := range []string{"ink", "quiet", "bad", "accent"} {
				check(front, back, 4.5)
			}
		}
		for _, mood := range []string{"good", "wait", "leave", "bad", "off"} {
			check(mood, mood+"-back", 4.5)
			check(mood, "inset", 3)
		}
		for n := range 7 {
			check(fmt.Sprintf("series-%d", n), "card", 3)
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	lighter, darker := luminance(t, a), luminance(t, b)
	if lighter < darker {
		lighter, darker = darker, lighter
	}
	return (lighter + 0.05) / (darker + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	require.Len(t, colour, 7, "a colour that is missing")
	sum := 0.0
	for n, weight := range []float64{0.2126, 0.7152, 0.0722} {
		value := must(strconv.ParseUint(colour[1+2*n:3+2*n], 16, 8))(t)
		c := float64(value) / 255
		if c <= 0.04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return sum
}

func TestRequestsThatChangeSomethingAreOnesThatNoFormCanSend(t *testing.T) {
	w := newWorld(t)
	for kind, status := range map[string]int{
		"": http.StatusUnsupportedMediaType, "text/plain": http.StatusUnsupportedMediaType,
		"application/x-www-form-urlencoded": http.StatusUnsupportedMediaType,
		"multipart/form-data; boundary=x":   http.StatusUnsupportedMediaType,
		"application/json":                  http.StatusBadRequest, // read, and refused for what it says
		"application/json; charset=utf-8":   http.StatusBadRequest,
	} {
		for _, path := range []string{"/faults", "/instances/i-1/terminate"} {
			body := strings.NewReader(`{"action": "aws:ec2:terminate-instances", "target": "i-1"}`)
			request := must(http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.control+path, body))(t)
			request.Header.Set("Content-Type", kind)
			response := must(http.DefaultClient.Do(request))(t)
			response.Body.Close()
			assert.Equal(t, status, response.StatusCode, "%s with %q", path, kind)
		}
	}
	for _, host := range []string{"evil.example", "127.0.0.1.evil.example:4566"} {
		request := must(http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.control+"/events", nil))(t)
		request.Host = host
		response := must(http.DefaultClient.Do(request))(t)
		response.Body.Close()
		assert.Equal(t, http.StatusForbidden, response.StatusCode, host)
	}
}
