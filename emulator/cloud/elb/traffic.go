package elb

import "github.com/elastic-service/elastic-service/emulator/metric"

// Traffic is what the data plane has counted since the last look.
type Traffic struct {
	Balancers map[string]metric.Traffic // by ARN
	Groups    map[Served]metric.Traffic
}

// Served is a target group that gets its traffic from a load balancer.
type Served struct{ Balancer, TargetGroup string }

func newTraffic() Traffic {
	return Traffic{Balancers: map[string]metric.Traffic{}, Groups: map[Served]metric.Traffic{}}
}

// Count adds what all listeners have counted in a time, by ARN.
func (s *Store) Count(counted map[string]metric.Traffic) {
	now := newTraffic()
	for arn, t := range counted {
		if listener := s.Listeners[arn]; listener != nil {
			addBeside(now.Balancers, listener.Balancer, t)
			addBeside(now.Groups, Served{listener.Balancer, listener.TargetGroup}, t)
		}
	}
	addLater(s.traffic.Balancers, now.Balancers)
	addLater(s.traffic.Groups, now.Groups)
}

// addBeside adds what another listener counted in the same time.
func addBeside[K comparable](sums map[K]metric.Traffic, key K, t metric.Traffic) {
	sum := sums[key]
	sum.AddBeside(t)
	sums[key] = sum
}

// addLater adds what was counted in a later time.
func addLater[K comparable](sums, later map[K]metric.Traffic) {
	for key, t := range later {
		sum := sums[key]
		sum.Add(t)
		sums[key] = sum
	}
}

// TakeTraffic returns what was counted since the last call.
func (s *Store) TakeTraffic() Traffic {
	taken := s.traffic
	s.traffic = newTraffic()
	return taken
}
