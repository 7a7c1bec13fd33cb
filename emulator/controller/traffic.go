package controller

import (
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// CountTraffic tells the model what the balancers' listeners have counted since the last call. It is called often: what is counted after
// the last call of a minute belongs to the next.
func (c *Controller) CountTraffic() {
	counted := map[string]metric.Traffic{}
	c.mu.Lock()
	for arn, l := range c.listeners {
		if l.isOpen() {
			counted[arn] = l.take()
		}
	}
	c.mu.Unlock()
	if len(counted) > 0 {
		c.cloud.Update(func(m *cloud.Model) (changed bool) {
			m.ELB.Count(counted)
			return false // nothing waits for it, and it is not saved
		})
	}
}

// take returns what an open listener has counted since the last call.
func (l *listener) take() metric.Traffic {
	if l.flows != nil {
		return l.flows.Take()
	}
	return l.requests.Take()
}
