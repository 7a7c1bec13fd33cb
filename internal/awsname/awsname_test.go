package awsname_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/internal/awsname"
)

func TestReservedFor(t *testing.T) {
	internal := awsname.Reserved{Prefix: "internal-", Of: awsname.LoadBalancer}
	for _, test := range []struct {
		name  string
		kinds []awsname.Kind
		want  []awsname.Reserved
	}{
		{name: "musicguru"},
		{name: "internal"},
		{name: "internal-web"},
		{name: "internal-web", kinds: []awsname.Kind{awsname.LoadBalancer}, want: []awsname.Reserved{internal}},
		{name: "internal-web", kinds: []awsname.Kind{awsname.Bucket}},
		{
			name: "ECSweb", kinds: []awsname.Kind{awsname.LoadBalancer, awsname.CapacityProvider},
			want: []awsname.Reserved{{Prefix: "ecs", Of: awsname.CapacityProvider}},
		},
	} {
		assert.Equal(t, test.want, awsname.ReservedFor(test.name, test.kinds...), "%s %v", test.name, test.kinds)
	}
}
