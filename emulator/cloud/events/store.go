// Package events is EventBridge and Simple Notification Service: rules that send events to topics, and the messages that
// the topics took.
//
//	event ──▶ rule: does the pattern match? ──▶ topic: does the policy allow it? ──▶ Notification
package events

import "github.com/elastic-service/elastic-service/emulator/cloud/aws"

// State is what survives a restart of the emulator.
type State struct {
	Rules         map[string]*Rule  `left:"event rule"` // by name
	Topics        map[string]*Topic // by ARN
	Notifications []Notification    // the oldest first
}

// Store holds the rules, topics and messages of a region.
type Store struct {
	State

	region aws.Region
}

// New returns a region without rules and topics.
func New(region aws.Region) *Store {
	s := &Store{region: region}
	aws.MakeTables(&s.State)
	return s
}
