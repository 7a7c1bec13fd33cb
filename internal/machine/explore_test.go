package machine_test

import "testing"
import "time"

func TestExplore(t *testing.T) {
	s := devSoftware(t)
	v := newVPC(t)
	start := time.Now()
	m := boot(t, v, s.spec(t, zoneA))
	opens(t, v, zoneA, 5001)
	t.Logf("%.1f s", time.Since(start).Seconds())
	assertBootedCleanly(t, m)
	for _, c := range [][]string{
		{"journalctl", "--no-pager", "-o", "short-monotonic"},
		{"systemd-analyze", "blame"},
		{"cloud-init", "analyze", "blame"},
		{"systemd-analyze", "security", "--no-pager", "musicguru.service"},
		{"systemd-analyze", "security", "--no-pager", "artifact-musicguru.service"},
		{"systemd-analyze", "verify", "/etc/systemd/system/musicguru.service", "/etc/systemd/system/healthcheck.service", "/etc/systemd/system/artifact-musicguru.service", "/etc/systemd/system/artifact-healthcheck.service"},
		{"cloud-init", "schema", "--system"},
		{"ps", "axo", "pid,user,args"},
	} {
		r := attempt(t, m, c...)
		t.Logf("%v -> %d\n%s\nSTDERR %s", c, r.Code, r.Stdout, r.Stderr)
	}
	t.Log(v.Requests(zoneA), m.CPUTime())
	t0 := time.Now()
	if err := m.Stop(t.Context()); err != nil { t.Fatal(err) }
	t.Log("stop", time.Since(t0))
}
