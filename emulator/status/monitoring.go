package status

import (
	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/analyzer"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
)

func alarms(m *cloud.Model) []api.Alarm {
	all := []api.Alarm{}
	for _, a := range m.CloudWatch.DescribeAlarms() {
		one := api.Alarm{
			Name: a.Spec.Name, Namespace: a.Spec.Namespace, Statistic: a.Spec.Statistic, Metric: a.Spec.Metric,
			Comparison: a.Spec.Comparison, Threshold: a.Spec.Threshold, Period: a.Spec.Period.Seconds(),
			EvaluationPeriods: a.Spec.EvaluationPeriods, DatapointsToAlarm: a.Spec.DatapointsToAlarm,
			Policy: a.Policy, History: []api.Transition{}, State: a.State, Reason: a.Reason, Since: a.Since, Value: a.Value,
		}
		for _, t := range a.History {
			one.History = append(one.History, api.Transition(t))
		}
		all = append(all, one)
	}
	return all
}

func notifications(m *cloud.Model) []api.Notification {
	all := []api.Notification{}
	for _, n := range m.Events.ListNotifications() {
		all = append(all, api.Notification(n))
	}
	return all
}

// Faults describes faults.
func Faults(faults []fault.Fault) []api.Fault {
	all := []api.Fault{}
	for _, f := range faults {
		all = append(all, api.Fault(f))
	}
	return all
}

// FaultActions describes the actions of faults.
func FaultActions(actions []fault.Action) []api.FaultAction {
	all := []api.FaultAction{}
	for _, a := range actions {
		one := api.FaultAction{Name: a.Name, Description: a.Description, Targets: a.Targets, Lasting: a.Lasting, Endless: a.Endless}
		one.Parameters = []api.FaultParameter{}
		for _, p := range a.Parameters {
			one.Parameters = append(one.Parameters, api.FaultParameter(p))
		}
		all = append(all, one)
	}
	return all
}

// Path describes whether a connection can be opened.
func Path(p analyzer.Path) api.Path {
	one := api.Path{From: p.From, To: p.To, Port: p.Port, Hops: []api.Hop{}}
	for _, hop := range p.Hops {
		one.Hops = append(one.Hops, api.Hop(hop))
	}
	if p.Blocked != nil {
		one.Blocked = &api.Blocked{Code: p.Blocked.Code, Reason: p.Blocked.Reason}
	}
	return one
}
