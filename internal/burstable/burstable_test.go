package burstable_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/internal/burstable"
)

func TestBaselinesOfBurstableTypesOnly(t *testing.T) {
	for instanceType, want := range map[string]float64{
		"t2.micro": 10, "t2.xlarge": 22.5, "t3.nano": 5, "t3.micro": 10, "t3a.large": 30, "t4g.2xlarge": 40,
		"t3.huge": 0, "t1.micro": 0, "m5.large": 0, "c7g.medium": 0, "trn1.2xlarge": 0, "": 0,
	} {
		percent, ok := burstable.Baseline(instanceType)
		assert.InDelta(t, want, percent, 0, instanceType)
		assert.Equal(t, want > 0, ok, instanceType)
	}
}
