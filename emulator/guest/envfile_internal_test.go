package guest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAnEnvironmentFileIsReadAsSystemdReadsIt(t *testing.T) {
	got := map[string]string{"KEPT": "1"}
	parseEnvironment(`# a comment
; another
A=1
 B = two words
QUOTED="a \"b\" $HOME \n"
SINGLE='a\b "c"'
LONG=one \
two
EMPTY=
not an assignment
1X=no
`, got)
	assert.Equal(t, map[string]string{
		"KEPT": "1", "A": "1", "B": "two words", "QUOTED": `a "b" $HOME \n`, "SINGLE": `a\b "c"`, "LONG": "one two", "EMPTY": "",
	}, got)
}
