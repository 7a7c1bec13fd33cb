package loopback

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPortsThatAreRootsAreMovedForOthers(t *testing.T) {
	user, root := privileges{start: 1024}, privileges{start: 1024, always: true}
	for name, test := range map[string]struct {
		port, want uint16
		who        privileges
	}{
		"80 of a user":                          {80, 8080, user},
		"443 of a user":                         {443, 8443, user},
		"the last that is root's":               {1023, 9023, user},
		"the first that is everybody's":         {1024, 1024, user},
		"a moved one is not moved again":        {8080, 8080, user},
		"any free one":                          {0, 0, user},
		"80 of root":                            {80, 80, root},
		"80 where it is everybody's":            {80, 80, privileges{start: 80}},
		"79 where 80 is everybody's":            {79, 8079, privileges{start: 80}},
		"80 where all are everybody's":          {80, 80, privileges{start: 0}},
		"a high one that the machine keeps":     {60_000, 60_000, privileges{start: 65_535}},
		"a low one where the machine keeps all": {80, 8080, privileges{start: 65_535}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, movePort(test.port, test.who)) })
	}
}
