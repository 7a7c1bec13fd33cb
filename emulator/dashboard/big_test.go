package dashboard_test

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/dashboard"
)

func TestBig(t *testing.T) {
	b := newBrowser(t)
	n := uint64(0)
	d := dashboard.New(func() (any, dashboard.Sample) {
		n++
		s := dashboard.Sample{Time: time.Now(), Requests: map[string]uint64{}, CPU: map[string]float64{}, Groups: map[string]dashboard.Capacity{"g": {}}}
		st := emulator.Status{Region: "x", Time: time.Now(), Groups: []emulator.GroupStatus{{Name: "g"}}}
		members := map[string]string{}
		for i := range 100 {
			id := fmt.Sprintf("i-%017d", i)
			s.Requests[id] = n * uint64(i)
			s.CPU[id] = float64(i)
			members[id] = "g"
			st.Instances = append(st.Instances, emulator.InstanceStatus{ID: id, State: "running", Target: "healthy", Zone: fmt.Sprint("z", i%2), Address: netip.MustParseAddr("10.0.0.1"), Loopback: netip.MustParseAddr("127.0.0.1"), Launched: time.Now()})
		}
		for i := range 2000 {
			st.Groups[0].Activities = append(st.Groups[0].Activities, cloud.Activity{Description: fmt.Sprint("Launching a new EC2 instance: ", i), Cause: "At 2026-11-21T12:53:00Z a user request created an AutoScalingGroup changing the desired capacity from 0 to 1.", Start: time.Now()})
		}
		return struct {
			emulator.Status
			Stack    string
			Zones    []string
			Subnets  map[string]string
			Members  map[string]string
			Policies map[string]any
			Balancers []emulator.BalancerStatus
		}{st, "s", []string{"z0", "z1"}, map[string]string{}, members, map[string]any{}, []emulator.BalancerStatus{}}, s
	})
	defer d.Close()
	server := httptest.NewServer(d)
	defer server.Close()
	b.do(chromedp.Navigate(server.URL))
	time.Sleep(10 * time.Second)
	t.Log(ask[string](b, `document.querySelectorAll('.instance').length + ' ' + performance.memory?.usedJSHeapSize`))
	t.Log(ask[float64](b, `(() => { window.longest = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) longest = Math.max(longest, e.duration); }).observe({type: 'longtask', buffered: true}); return 0; })()`))
	time.Sleep(6 * time.Second)
	t.Log("longest task ms", ask[float64](b, `longest`), b.takeComplaints())
}
