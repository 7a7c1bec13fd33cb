package stack

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/docstest"
	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/project"
)

// root is the project's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	require.NoError(t, err)
	return dir
}

// world is the one that a stack file describes, with changes of its settings: paths such as health.port and values.
func world(t *testing.T, stack string, changes map[string]any) graphtest.World {
	t.Helper()
	root := rootOf(t, stack)
	config, err := project.Config(root, stack)
	require.NoError(t, err)
	for path, value := range changes {
		change(t, config, path, value)
	}
	return graphtest.World{Stack: stack, Root: root, Config: config}
}

// places are the folders of the projects with the stacks of the documents.
var places = map[string]string{}

// rootOf returns the folder of the project that has a stack's file.
func rootOf(t *testing.T, stack string) string {
	t.Helper()
	if folder, found := places[stack]; found {
		return folder
	}
	return root(t)
}

func change(t *testing.T, config map[string]string, path string, value any) {
	t.Helper()
	section, field, nested := strings.Cut(path, ".")
	key := "elastic-service:" + section
	if !nested {
		config[key] = fmt.Sprint(value)
		return
	}
	fields := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(config[key]), &fields))
	fields[field] = value
	text, err := json.Marshal(fields)
	require.NoError(t, err)
	config[key] = string(text)
}

func deploy(t *testing.T, w graphtest.World) *graphtest.Graph {
	t.Helper()
	g, err := graphtest.Run(t, w, Deploy)
	require.NoError(t, err)
	return g
}

// graphs are the stack files' own, deployed once.
var graphs = map[string]*graphtest.Graph{}

// everyStack runs a test on the graph of each stack file, and of the stacks in the documents.
func everyStack(t *testing.T, test func(*testing.T, *graphtest.Graph)) {
	t.Helper()
	stacks, err := project.Stacks(root(t))
	require.NoError(t, err)
	require.Subset(t, stacks, project.Shipped)
	for _, document := range []string{"docs/your-own-stack.md", "docs/recipes.md"} {
		folder := docstest.Project(t, root(t), document)
		// Built by the reader of the document.
		if err := os.WriteFile(filepath.Join(folder, "orders", "orders.jar"), []byte("jar"), 0o600); err != nil {
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
		found, err := project.Stacks(folder)
		require.NoError(t, err)
		for _, stack := range found {
			places[stack] = folder
		}
		stacks = append(stacks, found...)
	}
	for _, stack := range stacks {
		t.Run(stack, func(t *testing.T) {
			if graphs[stack] == nil {
				graphs[stack] = deploy(t, world(t, stack, nil))
			}
			test(t, graphs[stack])
		})
	}
}

// A stack file that a user adds gets a golden file by -update, and is compared with it from then on.
func TestGraphIsTheReviewedOne(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		stack := filepath.Base(t.Name())
		golden := filepath.Join("testdata", stack+".golden")
		if _, document := places[stack]; document {
			return
		}
		if slices.Contains(project.Shipped, stack) || graphtest.HasGolden(golden) {
			graphtest.Golden(t, golden, g.Text())
		}
	})
}

func TestGraphIsTheSameEveryTime(t *testing.T) {
	first := deploy(t, world(t, "dev", nil)).Text()
	assert.Equal(t, first, deploy(t, world(t, "dev", nil)).Text())
}

func TestOutputsAreTheDocumentedOnes(t *testing.T) {
	got := map[string]string{}
	var mu sync.Mutex
	g, err := graphtest.Run(t, world(t, "dev", nil), func(ctx *pulumi.Context) error {
		p, err := load(ctx)
		if err != nil {
			return err
		}
		outputs, err := p.wire(ctx)
		for name, output := range outputs {
			output.(pulumi.StringOutput).ApplyT(func(value string) string {
				mu.Lock()
				defer mu.Unlock()
				got[name] = value
				return value
			})
		}
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"address":     g.OfType("LoadBalancer")[0].Outputs["dnsName"].StringValue() + ":5000",
		"balancer":    g.OfType("LoadBalancer")[0].Outputs["arn"].StringValue(),
		"targetGroup": g.OfType("TargetGroup")[0].Outputs["arn"].StringValue(),
		"group":       g.OfType("aws:autoscaling/group:Group")[0].Outputs["name"].StringValue(),
		"vpc":         g.OfType("Vpc")[0].Outputs["vpcId"].StringValue(),
	}, got)
}
