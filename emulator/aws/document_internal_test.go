package aws

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/logstore"
	"github.com/elastic-service/elastic-service/internal/docstest"
)

func TestTheDocumentListsTheOperations(t *testing.T) {
	c, err := cloud.New("us-east-1", clockwork.NewFakeClock(), func(netip.Addr) bool { return true })
	require.NoError(t, err)
	api := New(c, t.TempDir(), logstore.Open(t.TempDir()))
	services := slices.SortedFunc(maps.Values(api.services), func(a, b *service) int { return strings.Compare(a.title, b.title) })
	var rows [][]string
	for _, s := range services {
		operations := slices.Sorted(maps.Keys(s.operations))
		rows = append(rows, []string{s.title, "`" + strings.Join(operations, "`, `") + "`"})
	}
	docstest.Section(t, "../../docs/emulator.md", "operations of the API", docstest.Table([]string{"service", "operations"}, rows))
}
