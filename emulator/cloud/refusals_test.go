package cloud_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/elastic-service/elastic-service/internal/docstest"
)

// refusal is one thing that AWS refuses, with the code that it gives and the document that says so.
type refusal[W any] struct {
	code, source string
	try          func(W) error
}

// refusals are named for what is refused.
type refusals[W any] map[string]refusal[W]

// emulatorsOwn stands for a document where AWS would do it, and the emulator cannot.
const emulatorsOwn = "none: AWS does this, the emulator doesn't"

const document = "../../docs/refusals.md"

func (r refusals[W]) document(t *testing.T, section string) {
	t.Helper()
	var rows [][]string
	for _, what := range slices.Sorted(maps.Keys(r)) {
		rows = append(rows, []string{what, "`" + r[what].code + "`", r[what].source})
	}
	docstest.Section(t, document, section, docstest.Table([]string{"refused", "code", "according to"}, rows))
}

func TestTheDocumentListsWhatIsRefused(t *testing.T) {
	stackRefusals(t).document(t, "stack")
	applicationRefusals(t).document(t, "application balancers")
	tieredRefusals(t).document(t, "tiered network")
	scalingRefusals(t).document(t, "scaling")
	eventRefusals(t).document(t, "events")
	ecsRefusals(t).document(t, "containers")
	recordedRefusals(t).document(t, "recorded")
	quotaRefusals(t).document(t, "quotas")
	changeRefusals(t).document(t, "changes")
	orderRefusals(t).document(t, "order")
	tieredOrderRefusals(t).document(t, "tiered order")
}
