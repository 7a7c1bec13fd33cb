package metric

// Traffic is what a balancer's listener counted in a time.
type Traffic struct {
	Active Sample // flows or connections that were open: a value for each time at which they were counted
	New    int    // flows for which a target was chosen; or connections of clients and to targets
	Bytes  int    // without the headers of TCP and IP

	// Resets of flows by who sent them.
	ClientResets, TargetResets, BalancerResets int

	Requests         int         // for which a target was chosen
	TargetAnswers    [6]int      // by the first digit of their status
	BalancerAnswers  map[int]int // of the balancer itself, by status
	ConnectionErrors int         // connections to targets that failed
	ResponseTime     Sample      // seconds from a request to the first byte of its target's answer, in real time
}

// Answer counts an answer of the balancer itself.
func (t *Traffic) Answer(status int) {
	if t.BalancerAnswers == nil {
		t.BalancerAnswers = map[int]int{}
	}
	t.BalancerAnswers[status]++
}

// AddBeside adds what another listener counted at the same time.
func (t *Traffic) AddBeside(other Traffic) {
	active := One(t.Active.Sum + other.Active.Sum)
	t.Add(other)
	t.Active = active
}

// Add adds what was counted at another time.
func (t *Traffic) Add(other Traffic) {
	t.Active = t.Active.Merge(other.Active)
	t.New += other.New
	t.Bytes += other.Bytes
	t.ClientResets += other.ClientResets
	t.TargetResets += other.TargetResets
	t.BalancerResets += other.BalancerResets
	t.Requests += other.Requests
	for digit, n := range other.TargetAnswers {
		t.TargetAnswers[digit] += n
	}
	for status, n := range other.BalancerAnswers {
		if t.BalancerAnswers == nil {
			t.BalancerAnswers = map[int]int{}
		}
		t.BalancerAnswers[status] += n
	}
	t.ConnectionErrors += other.ConnectionErrors
	t.ResponseTime = t.ResponseTime.Merge(other.ResponseTime)
}
