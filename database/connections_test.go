package database

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestConnectionsFollowTheMemoryOfTheClass(t *testing.T) {
	for class, want := range map[string][2]int{
		"db.t4g.micro": {112, 85}, "db.t3.small": {225, 170}, "db.m6g.large": {901, 682}, "db.r6g.large": {1802, 1365},
		"db.r6g.xlarge": {3604, 2730}, "db.r6g.4xlarge": {5000, 10922}, "db.r6g.16xlarge": {5000, 16000},
		"db.x2g.large": {0, 0}, "db.t4g.": {0, 0}, "db.r6gd.metal": {0, 0}, "": {0, 0},
	} {
		assert.Equal(t, want[0], (&Args{Engine: "postgres", InstanceClass: class}).MaxConnections(), class)
		assert.Equal(t, want[1], (&Args{Engine: "mysql", InstanceClass: class}).MaxConnections(), class)
	}
}
