package machine_test

import (
	"testing"
	"time"
)

func TestStackDevBootsFromItsUserData(t *testing.T) {
	s := devSoftware(t)
	v := newVPC(t)
	start := time.Now()
	m := boot(t, v, s.spec(t, zoneA))
	opens(t, v, zoneA, 5001)
	t.Logf("from start to the health port open: %.1f s", time.Since(start).Seconds())
	assertBootedCleanly(t, m)
}
