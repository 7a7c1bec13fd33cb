// Package dashboard is the emulator's web page: what it runs, live, with buttons for faults.
//
//	source ── once a second ──▶ Dashboard ── GET /events ──▶ page: zones, charts, alarms, activities
//	                                │                          │
//	                                └── GET / (embedded)       └── POST, DELETE: the control API
//
// The page is plain HTML, CSS and ES modules, without a build step and without anything from other servers. uPlot draws its
// charts, see page/uplot. The stream's JSON has names in lower camel case, see package api.
package dashboard

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"time"
)

//go:embed page
var embedded embed.FS

// policy allows the page to load from its own server only, and forbids other pages to embed it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// period is the real time between two samples of the source.
const period = time.Second

// stalled is the real time that a page may take for an event before its stream ends. The page opens a new stream when it can.
const stalled = 10 * time.Second

// Source returns what exists now: a status for the page, which is sent as JSON, and a sample for the charts.
type Source func() (status any, sample Sample)

// Dashboard serves the page.
type Dashboard struct {
	source Source
	page   http.Handler
	closed chan struct{}
	once   sync.Once
	ended  chan struct{}

	mu      sync.Mutex
	history history
	frame   []byte        // the newest status and point as JSON
	changed chan struct{} // closed when there is a newer frame
}

// New returns a dashboard that samples a source until Close.
func New(source Source) *Dashboard {
	root, err := fs.Sub(embedded, "page")
	if err != nil {
		panic(err) // the name is a constant
	}
	d := &Dashboard{
		source: source, page: http.FileServerFS(root),
		closed: make(chan struct{}), ended: make(chan struct{}), changed: make(chan struct{}),
	}
	go d.sample()
	return d
}

// Close ends the streams of all pages.
func (d *Dashboard) Close() {
	d.once.Do(func() { close(d.closed) })
	<-d.ended
}

// ServeHTTP answers GET /events, and everything else with the page's files.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store") // another emulator may answer here next
	if r.URL.Path == "/events" {
		d.stream(w, r)
		return
	}
	d.page.ServeHTTP(w, r)
}

// sample takes a sample every period.
func (d *Dashboard) sample() {
	defer close(d.ended)
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		d.update(time.Now())
		select {
		case <-ticker.C:
		case <-d.closed:
			return
		}
	}
}

// update takes one sample for all pages.
func (d *Dashboard) update(now time.Time) {
	status, sample := d.source()
	d.mu.Lock()
	defer d.mu.Unlock()
	point := d.history.add(sample, now)
	frame, err := json.Marshal(map[string]any{"status": status, "point": point})
	if err != nil {
		frame, _ = json.Marshal(map[string]string{"error": err.Error()})
	}
	d.frame = frame
	close(d.changed)
	d.changed = make(chan struct{})
}

// latest returns the newest frame, and a channel that is closed when there is a newer frame.
func (d *Dashboard) latest() (frame []byte, next <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.frame, d.changed
}

// stream sends the history as event "history", and then each frame as event "status" (HTML Living Standard: "Server-sent
// events"). A page that is too slow for every frame skips some and gets the newest.
func (d *Dashboard) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	d.mu.Lock()
	points, err := json.Marshal(d.history.points)
	d.mu.Unlock()
	if err != nil || send(w, "history", points) != nil {
		return
	}
	for {
		frame, next := d.latest()
		if frame != nil && send(w, "status", frame) != nil {
			return
		}
		select {
		case <-next:
		case <-r.Context().Done():
			return
		case <-d.closed:
			return
		}
	}
}

// send writes one event. Its data is JSON without line breaks.
func send(w http.ResponseWriter, event string, data []byte) error {
	var message bytes.Buffer
	fmt.Fprintf(&message, "event: %s\ndata: %s\n\n", event, data)
	controller := http.NewResponseController(w)
	if err := controller.SetWriteDeadline(time.Now().Add(stalled)); err != nil {
		return err
	}
	if _, err := w.Write(message.Bytes()); err != nil {
		return err
	}
	return controller.Flush()
}
