package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/userdatatest"
)

// problems deploys the stack dev with changes, which must register nothing, and returns what is said against them.
func problems(t *testing.T, changes map[string]any, worlds ...func(*graphtest.World)) string {
	t.Helper()
	w := world(t, "dev", changes)
	for _, change := range worlds {
		change(&w)
	}
	g, err := graphtest.Run(t, w, Deploy)
	require.Error(t, err)
	assert.Empty(t, g.Resources, "registered in spite of %v", err)
	_, text, _ := strings.Cut(err.Error(), "occurred:\n\t* ") // the words of Pulumi's SDK
	text = strings.TrimSpace(text)
	assertSettings(t, text)
	return text
}

// assertSettings checks that each line begins with the path of a setting.
func assertSettings(t *testing.T, text string) {
	t.Helper()
	schema, err := os.ReadFile("../docs/settings.schema.json")
	require.NoError(t, err)
	for line := range strings.SplitSeq(text, "\n") {
		path, _, ok := strings.Cut(line, ": ")
		if !assert.True(t, ok && !strings.Contains(path, " "), "%q begins with no path", line) || strings.Contains(line, "is not a setting") {
			continue
		}
		for name := range strings.SplitSeq(path, ".") {
			name, _, _ = strings.Cut(name, "[")
			assert.Regexp(t, `"(elastic-service:)?`+name+`": `, string(schema), "%s in %q is no setting", name, line)
			if name == "environment" {
				break // its names are the user's
			}
		}
	}
}

func artifacts(list ...map[string]string) map[string]any {
	return map[string]any{"app.artifacts": list}
}

func TestWhatTheSettingsForbidRegistersNothing(t *testing.T) {
	for name, test := range map[string]struct {
		changes map[string]any
		want    string
	}{
		"a range with host bits":  {map[string]any{"network.cidr": "192.168.0.1/23"}, "network.cidr: 192.168.0.1/23 "},
		"a service name too long": {map[string]any{"service": strings.Repeat("m", 22)}, "service: "},
		"max below min":           {map[string]any{"scaling.max": 1}, "scaling.m"},
		"an unknown field":        {map[string]any{"scaling.maximum": 3}, "maximum"},
		"a port for two":          {map[string]any{"health.port": 5000}, "5000"},
	} {
		t.Run(name, func(t *testing.T) { assert.Contains(t, problems(t, test.changes), test.want) })
	}
}

func TestSecretsRegisterNothing(t *testing.T) {
	const rule = " is a secret, and would be plain text in Pulumi's state and in the user data of the instances"
	secret := func(w *graphtest.World) {
		w.Secret = []string{"elastic-service:app", "aws:secretKey"}
		w.Config["elastic-service:app"] = strings.Replace(w.Config["elastic-service:app"], `"name":"musicguru"`,
			`"name":"musicguru","environment":{"TOKEN":"hunter2\n"}`, 1)
	}
	t.Run("the stack's file is elsewhere", func(t *testing.T) {
		text := problems(t, nil, secret)
		assert.Contains(t, text, "app:"+rule)
		assert.NotContains(t, text, "hunter2", "the value has a fault, and must not be shown with it")
	})
	t.Run("the stack's file says which", func(t *testing.T) {
		text := problems(t, nil, secret, func(w *graphtest.World) {
			file := "config:\n  elastic-service:app: {services: [{environment: {TOKEN: {secure: v1:x}}}]}\n"
			w.Root = t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(w.Root, "Pulumi.dev.yaml"), []byte(file), 0o600))
		})
		assert.Contains(t, text, "app.services[0].environment.TOKEN:"+rule)
		assert.Contains(t, text, "pulumi config rm --path 'elastic-service:app.services[0].environment.TOKEN'")
		assert.NotContains(t, text, "hunter2")
	})
}

func TestWhatOnlyAComponentKnowsRegistersNothing(t *testing.T) {
	for _, test := range []struct {
		name, stack string
		changes     map[string]any
		want        string
	}{
		{
			name:    "a version of the engine that is too old",
			stack:   "swiftcode",
			changes: map[string]any{"database.version": "14"},
			want:    `database.version: "14" is below 15`,
		},
		{
			name:    "a version that is no major one",
			stack:   "lamp",
			changes: map[string]any{"database.version": "8"},
			want:    `database.version: "8" is not a major version`,
		},
		{
			name:    "a class without encryption",
			stack:   "lamp",
			changes: map[string]any{"database.instanceClass": "db.t2.micro"},
			want:    `database.instanceClass: "db.t2.micro" `,
		},
		{
			name:    "a field of cron that is out of range",
			stack:   "dev",
			changes: map[string]any{"scaling.schedules": []any{map[string]any{"name": "a", "cron": "61 * * * *", "min": 2}}},
			want:    `scaling.schedules[0].cron: "61 * * * *" `,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, err := graphtest.Run(t, world(t, test.stack, test.changes), Deploy)
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, g.Resources)
		})
	}
}

func TestWhatOnlyTheRegionCanShowRegistersNothing(t *testing.T) {
	for name, test := range map[string]struct {
		changes map[string]any
		world   func(*graphtest.World)
		want    string
	}{
		"more zones than the region has": {
			map[string]any{"network.zones": 4}, func(*graphtest.World) {},
			"network.zones: 4 is more than us-east-1 has (3: us-east-1a, us-east-1b, us-east-1c)",
		},
		"more zones than offer the type": {
			map[string]any{"network.zones": 3}, func(w *graphtest.World) { w.Lacks = []string{"us-east-1b"} },
			"network.zones: 3 is more than offer t2.micro in us-east-1 (2: us-east-1a, us-east-1c)",
		},
		"a zone of another region": {
			map[string]any{"network.zones": []string{"us-east-1a", "us-west-2b"}}, func(*graphtest.World) {},
			`network.zones[1]: "us-west-2b" is not a zone of us-east-1 (us-east-1a, us-east-1b, us-east-1c)`,
		},
		"a zone without the type": {
			map[string]any{"network.zones": []string{"us-east-1a", "us-east-1b"}}, func(w *graphtest.World) { w.Lacks = []string{"us-east-1b"} },
			`network.zones[1]: "us-east-1b" does not offer t2.micro (those that do: us-east-1a, us-east-1c)`,
		},
		"more tags than an artifact takes": {
			map[string]any{"tags": `{"a":"","b":"","c":"","d":"","e":"","f":"","g":""}`},
			func(w *graphtest.World) { w.Config["aws:defaultTags"] = `{"tags":{"a":"1","h":"","i":""}}` },
			"tags: 11 are more than the 10 that an artifact takes in S3: 2 of aws:defaultTags, 7 of tags, Service and Stack",
		},
		"default tags that are none": {
			nil, func(w *graphtest.World) { w.Config["aws:defaultTags"] = `[]` }, "tags: aws:defaultTags is not {tags: {KEY: VALUE}}",
		},
		"an instance of another architecture than the image": {
			map[string]any{"compute.instanceType": "t4g.micro"}, func(*graphtest.World) {},
			`compute.instanceType: "t4g.micro" has the architecture arm64, the image (ami-`,
		},
		"an image of another architecture than the instance": {
			nil, func(w *graphtest.World) { w.Image.Architecture = "arm64" },
			`compute.instanceType: "t2.micro" has the architecture amd64, the image (ami-`,
		},
		"a volume smaller than the image's": {
			map[string]any{"compute.rootVolumeGiB": 8}, func(w *graphtest.World) { w.Image.RootGiB = 30 },
			"compute.rootVolumeGiB: 8 is less than the image (ami-",
		},
		"an image without a volume": {
			nil, func(w *graphtest.World) { w.Image.RootType = "instance-store" },
			"has its root device in an instance store, it must be an EBS volume",
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Contains(t, problems(t, test.changes, test.world), test.want) })
	}
}

func TestArtifactsThatCannotBeMadeRegisterNothing(t *testing.T) {
	for _, test := range []struct {
		name     string
		artifact map[string]string
		want     string
	}{
		{
			name:     "a package that is not there",
			artifact: map[string]string{"build": "./cmd/nothing", "path": "/usr/local/bin/x"},
			want:     "app.artifacts[0].build: ",
		},
		{name: "a library", artifact: map[string]string{"build": "./healthcheck", "path": "/usr/local/bin/x"}, want: "app.artifacts[0].build: "},
		{
			name:     "a file that is not there",
			artifact: map[string]string{"file": "nothing.txt", "path": "/opt/nothing"},
			want:     `app.artifacts[0].file: "nothing.txt" does not exist in `,
		},
		{
			name:     "a file by its full name",
			artifact: map[string]string{"file": "/etc/hostname", "path": "/opt/nothing"},
			want:     `app.artifacts[0].file: "/etc/hostname" is not relative to the project's folder`,
		},
		{
			name:     "a folder",
			artifact: map[string]string{"file": "stack", "path": "/opt/nothing"},
			want:     `app.artifacts[0].file: "stack" is not a regular file`,
		},
		{
			name:     "a file as a folder",
			artifact: map[string]string{"directory": "go.mod", "path": "/opt/nothing"},
			want:     `app.artifacts[0].directory: "go.mod" is not a folder`,
		},
		{
			name:     "the project as a folder",
			artifact: map[string]string{"directory": "./stack/..", "path": "/opt/nothing"},
			want:     `app.artifacts[0].directory: "./stack/.." is the project's folder: name a folder in it`,
		},
		{
			name:     "a folder outside of the project",
			artifact: map[string]string{"directory": "../..", "path": "/opt/nothing"},
			want:     `app.artifacts[0].directory: "../.." is outside the project's folder: copy it into `,
		},
		{
			name:     "a folder that is not there",
			artifact: map[string]string{"directory": "nothing", "path": "/opt/nothing"},
			want:     `app.artifacts[0].directory: "nothing" does not exist in `,
		},
		{
			name:     "an archive that is not there",
			artifact: map[string]string{"archive": "nothing.zip", "path": "/opt/nothing"},
			want:     `app.artifacts[0].archive: "nothing.zip" does not exist in `,
		},
	} {
		t.Run(test.name, func(t *testing.T) { assert.Contains(t, problems(t, artifacts(test.artifact)), test.want) })
	}
}

func TestArtifactsFromOutsideTheProjectRegisterNothing(t *testing.T) {
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
	project := t.TempDir()
	for name, target := range map[string]string{
		"file": filepath.Join(outside, "secret"), "folder": outside, "chain": "file", "up": "../" + filepath.Base(outside) + "/secret",
		"dangling": filepath.Join(outside, "nothing"),
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(project, name)))
	}
	for _, test := range []struct{ name, file, want string }{
		{"a file above", "../secret", `"../secret" is outside the project's folder: copy it into `},
		{"a file above, through a folder", "a/../../secret", `"a/../../secret" is outside the project's folder`},
		{"a link to a file", "file", `"file" is a link to a file outside the project's folder: copy it into `},
		{"a link to a folder", "folder/secret", `"folder/secret" is a link to a file outside the project's folder`},
		{"a link to a link", "chain", `"chain" is a link to a file outside the project's folder`},
		{"a relative link", "up", `"up" is a link to a file outside the project's folder`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := regularFile(project, test.file)
			assert.ErrorContains(t, err, test.want)
		})
	}
	_, err := regularFile(project, "dangling")
	require.Error(t, err)
}

func TestFilesThatCannotBeReadRegisterNothing(t *testing.T) {
	for name, test := range map[string]struct{ file, want string }{
		"a file that is not there": {"nothing.conf", `app.files[0].file: "nothing.conf" does not exist in `},
		"a file of the user's":     {"/etc/passwd", `app.files[0].file: "/etc/passwd" is not relative to the project's folder`},
		"a file above":             {"../x", `app.files[0].file: "../x" is outside the project's folder: copy it into `},
		"a folder":                 {"stack", `app.files[0].file: "stack" is not a regular file`},
	} {
		t.Run(name, func(t *testing.T) {
			files := []map[string]string{{"file": test.file, "path": "/etc/x/x"}}
			assert.Contains(t, problems(t, map[string]any{"app.files": files}), test.want)
		})
	}
}

func TestAnArchiveThatCannotBeUsedIsNamedWithItsFault(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "a.zip"), []byte("no archive"), 0o600))
	_, err := packed(regularFile, root, "a.zip", compute.PackArchive)
	require.EqualError(t, err, `: "a.zip" cannot be used: unpacking a.zip: zip: not a valid zip file`)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "site"), 0o700))
	require.NoError(t, os.Symlink("../a.zip", filepath.Join(root, "site", "link")))
	_, err = packed(folder, root, "site", compute.PackFolder)
	require.ErrorContains(t, err, `"site" cannot be used: packing site: link is a link to "../a.zip"`)
}

func TestALinkWithinTheProjectIsFollowed(t *testing.T) {
	project := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(project, "real"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(project, "real", "songs.csv"), nil, 0o600))
	require.NoError(t, os.Symlink("real", filepath.Join(project, "linked")))
	elsewhere := filepath.Join(t.TempDir(), "project")
	require.NoError(t, os.Symlink(project, elsewhere)) // the project's own folder may be a link
	for _, root := range []string{project, elsewhere} {
		file, err := regularFile(root, "linked/songs.csv")
		require.NoError(t, err)
		assert.Equal(t, filepath.Join(root, "linked/songs.csv"), file)
	}
}

func TestUserDataAboveTheLimitRegistersNothing(t *testing.T) {
	var services []map[string]any
	random := userdatatest.Incompressible(40000)
	for i := range 20 {
		services = append(services, map[string]any{
			"name": fmt.Sprintf("service-%d", i), "command": []string{"/usr/bin/true", random[2000*i : 2000*(i+1)]},
		})
	}
	text := problems(t, map[string]any{"app.services": services})
	assert.Regexp(t, "^app: user data has [0-9]+ bytes, compressed: EC2 takes 16384 at most", text)
}

func TestFaultsOfAllKindsAreReportedTogether(t *testing.T) {
	changes := artifacts(
		map[string]string{"build": "./cmd/nothing", "path": "/usr/local/bin/x"},
		map[string]string{"file": "nothing.txt", "path": "/usr/local/bin/y"},
	)
	changes["network.zones"], changes["compute.rootVolumeGiB"] = 4, 8
	text := problems(t, changes, func(w *graphtest.World) { w.Image.RootGiB = 30 })
	for _, want := range []string{
		"network.zones: ", "compute.rootVolumeGiB: ", "app.artifacts[0].build: ", "app.artifacts[1].file: ",
	} {
		assert.Contains(t, text, want)
	}
}

func TestFaultsOfTheSettingsAndOfWhatTheyNameAreReportedTogether(t *testing.T) {
	changes := artifacts(map[string]string{"build": "./cmd/nothing", "path": "/usr/local/bin/x"})
	changes["network.zones"], changes["scaling.min"], changes["health.port"] = 4, 9, 5000
	text := problems(t, changes)
	for _, want := range []string{"network.zones: ", "app.artifacts[0].build: ", "scaling.max: ", "health.port: "} {
		assert.Equal(t, 1, strings.Count(text, want), "%s in\n%s", want, text)
	}
}

func TestFaultsThatOnlyComponentsKnowAreReportedWithTheOthers(t *testing.T) {
	g, err := graphtest.Run(t, world(t, "swiftcode", map[string]any{
		"database.version": "14", "scaling.max": 1, "network.zones": 4, "compute.keyName": " x",
	}), Deploy)
	require.Error(t, err)
	assert.Empty(t, g.Resources)
	for _, want := range []string{"database.version: ", "scaling.max: ", "network.zones: ", "compute.keyName: "} {
		assert.Equal(t, 1, strings.Count(err.Error(), want), "%s in\n%s", want, err)
	}
}

func TestTooManyRulesOfAnACLAreAProblemOfItsSetting(t *testing.T) {
	var listeners []any
	for port := range 20 {
		listeners = append(listeners, map[string]any{"port": 5000 + port})
	}
	text := problems(t, map[string]any{"network.acl": true, "balancer.listeners": listeners})
	assert.Regexp(t, `^network.acl: [0-9]+ rules for what comes into the public subnets are more than AWS takes \(20\)$`, text)
}

// Pulumi's Automation API may run the program beside a copy of the project's YAML files.
func TestWithoutAModuleInTheRootTheWorkingDirectoryIsBuilt(t *testing.T) {
	w := world(t, "dev", nil)
	t.Chdir(root(t))
	w.Root = t.TempDir()
	g := deploy(t, w)
	assert.Len(t, g.OfType("BucketObjectv2"), 2)
}

func TestAFileArtifactIsTakenAsItIs(t *testing.T) {
	w := world(t, "dev", map[string]any{
		"app.artifacts": []map[string]string{{"file": "songs.csv", "path": "/opt/songs.csv"}},
		"app.services":  []map[string]any{{"name": "songs", "command": []string{"/usr/bin/cat", "/opt/songs.csv"}}},
	})
	// The responder is built from the module in the root, so the file needs one beside it.
	w.Root = t.TempDir()
	for file, text := range map[string]string{
		"songs.csv": "Float On\n", "go.mod": "module example\n", "cmd/healthcheck/main.go": "package main\n\nfunc main() {}\n",
	} {
		name := filepath.Join(w.Root, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	object := deploy(t, w).Find("BucketObjectv2", "musicguru-artifacts/opt/songs.csv")
	require.NotNil(t, object)
	assert.Equal(t, filepath.Join(w.Root, "songs.csv"), object.Inputs["source"].AssetValue().Path)
	// SHA-256 of "Float On\n".
	assert.Equal(t, "artifacts/opt/songs.csv/1317aa5217df305001b9f838c551209d51ee416d101257563b155514b2d8f88d",
		object.Inputs["key"].StringValue())
}
