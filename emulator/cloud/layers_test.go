package cloud_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// layers are the services from the lowest to the highest. A service uses those of lower layers only.
var layers = [][]string{
	{"aws"}, {"iam", "route53", "ssm", "secretsmanager"}, {"s3", "vpc", "acm"}, {"rds", "ec2"}, {"elb"}, {"events"}, {"cloudwatch"},
	{"autoscaling"}, {"ecs"},
	{"fault", "analyzer"},
}

func layerOf(service string) int {
	return slices.IndexFunc(layers, func(layer []string) bool { return slices.Contains(layer, service) })
}

func TestServicesUseLowerServicesOnly(t *testing.T) {
	const prefix = "github.com/elastic-service/elastic-service/emulator/cloud/"
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		service := entry.Name()
		require.GreaterOrEqual(t, layerOf(service), 0, "%s is in no layer", service)
		files, err := filepath.Glob(filepath.Join(service, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			require.NoError(t, err)
			for _, i := range parsed.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				require.NoError(t, err)
				if used, ours := strings.CutPrefix(path, prefix); ours {
					assert.Less(t, layerOf(used), layerOf(service), "%s uses %s", file, used)
				}
			}
		}
	}
}
