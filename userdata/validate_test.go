package userdata

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEachRuleNamesPathAndValue(t *testing.T) {
	const plainPathRule = `is not an absolute path of letters, digits and ._+@-, without . and .. as folders`
	for name, c := range map[string]struct {
		change func(*Bootstrap)
		want   string
	}{
		"no region":              {func(b *Bootstrap) { b.Region = "" }, `region: "" is not a region such as us-east-1`},
		"region with a newline":  {func(b *Bootstrap) { b.Region = "us-east-1\n" }, `region: "us-east-1\n" is not a region such as us-east-1`},
		"package with a newline": {func(b *Bootstrap) { b.Packages = []string{"a\nb"} }, `packages[0]: "a\nb" is not the name of a package`},
		"package twice":          {func(b *Bootstrap) { b.Packages = []string{"a", "b", "a"} }, `packages[2]: "a" is listed twice`},
		"relative artifact":      {func(b *Bootstrap) { b.Artifacts[1].Path = "bin/x" }, `artifacts[1].path: "bin/x" ` + plainPathRule},
		"artifact up a folder":   {func(b *Bootstrap) { b.Artifacts[1].Path = "/opt/../x" }, `artifacts[1].path: "/opt/../x" ` + plainPathRule},
		"artifact with a space":  {func(b *Bootstrap) { b.Artifacts[1].Path = "/opt/a b" }, `artifacts[1].path: "/opt/a b" ` + plainPathRule},
		"artifact that is a root": {func(b *Bootstrap) { b.Artifacts[1].Path = "/opt" },
			`artifacts[1].path: "/opt" is not below /usr/local, /opt, /srv`},
		"artifact in the system": {func(b *Bootstrap) { b.Artifacts[1].Path = "/etc/passwd" },
			`artifacts[1].path: "/etc/passwd" is not below /usr/local, /opt, /srv`},
		"artifacts of a name": {func(b *Bootstrap) { b.Artifacts[1].Path = "/opt/musicguru" },
			`artifacts[1].path: "/opt/musicguru" has the file name of artifacts[0]`},
		"no artifact path":     {func(b *Bootstrap) { b.Artifacts[0].Path = "" }, `artifacts[0].path: must be set`},
		"bucket with capitals": {func(b *Bootstrap) { b.Artifacts[0].Bucket = "B" }, `artifacts[0].bucket: "B" is not the name of a bucket`},
		"key with a newline":   {func(b *Bootstrap) { b.Artifacts[0].Key = "a\nb" }, `artifacts[0].key: "a\nb" is not a key: at most 255 letters, digits and ._+@=/-`},
		"short checksum":       {func(b *Bootstrap) { b.Artifacts[0].SHA256 = "ab" }, `artifacts[0].sha256: "ab" is not a SHA-256 in 64 lower-case hex digits`},
		"no services":          {func(b *Bootstrap) { b.Services = nil }, `services: needs at least one`},
		"no service name":      {func(b *Bootstrap) { b.Services[1].Name = "" }, `services[1].name: must be set`},
		"service with a slash": {func(b *Bootstrap) { b.Services[1].Name = "a/b" }, `services[1].name: "a/b" is not the name of a unit: at most 64 of a–z, 0–9, _ and -, beginning with a letter`},
		"service like an artifact's": {func(b *Bootstrap) { b.Services[1].Name = "artifact-x" },
			`services[1].name: "artifact-x" belongs to the system`},
		"service with the artifacts' state": {func(b *Bootstrap) { b.Services[1].Name = "elastic-service" },
			`services[1].name: "elastic-service" belongs to the system`},
		"services of a name":         {func(b *Bootstrap) { b.Services[1].Name, b.Services[1].After = "musicguru", nil }, `services[1].name: "musicguru" is the name of services[0]`},
		"description of two lines":   {func(b *Bootstrap) { b.Services[0].Description = "a\nUser=root" }, `services[0].description: "a\nUser=root" has a line break or another control character`},
		"no command":                 {func(b *Bootstrap) { b.Services[0].Command = nil }, `services[0].command: must be set: an absolute path and its arguments`},
		"relative command":           {func(b *Bootstrap) { b.Services[0].Command[0] = "serve" }, `services[0].command[0]: "serve" ` + plainPathRule},
		"command with a prefix":      {func(b *Bootstrap) { b.Services[0].Command[0] = "+/bin/x" }, `services[0].command[0]: "+/bin/x" ` + plainPathRule},
		"argument with a newline":    {func(b *Bootstrap) { b.Services[0].Command[1] = "a\nUser=root" }, `services[0].command[1]: "a\nUser=root" has a line break or another control character`},
		"argument with a return":     {func(b *Bootstrap) { b.Services[0].Command[1] = "a\r" }, `services[0].command[1]: "a\r" has a line break or another control character`},
		"argument that is no UTF-8":  {func(b *Bootstrap) { b.Services[0].Command[1] = "\xff" }, `services[0].command[1]: "\xff" is not text in UTF-8`},
		"argument of no character":   {func(b *Bootstrap) { b.Services[0].Command[1] = "\ufffe" }, `services[0].command[1]: "\ufffe" is not text in UTF-8`},
		"root":                       {func(b *Bootstrap) { b.Services[0].User = "root" }, `services[0].user: "root" is refused: services run unprivileged`},
		"user of two lines":          {func(b *Bootstrap) { b.Services[0].User = "a\nb" }, `services[0].user: "a\nb" is not a user: at most 31 of a–z, 0–9, _ and -, not beginning with a digit`},
		"relative directory":         {func(b *Bootstrap) { b.Services[0].Directory = "srv" }, `services[0].directory: "srv" ` + plainPathRule},
		"variable with a space":      {func(b *Bootstrap) { b.Services[0].Environment = map[string]string{"A B": ""} }, `services[0].environment: "A B" is not the name of a variable: letters, digits and _`},
		"variable of two lines":      {func(b *Bootstrap) { b.Services[0].Environment = map[string]string{"A": "\n"} }, `services[0].environment.A: "\n" has a line break or another control character`},
		"negative port":              {func(b *Bootstrap) { b.Services[0].Port = -1 }, `services[0].port: -1 is not from 1 to 65535, or 0 for none`},
		"port too high":              {func(b *Bootstrap) { b.Services[0].Port = 65536 }, `services[0].port: 65536 is not from 1 to 65535, or 0 for none`},
		"cluster with a newline":     {func(b *Bootstrap) { b.Cluster = "a\nECS_DISABLE_PRIVILEGED=false" }, `cluster: "a\nECS_DISABLE_PRIVILEGED=false" is not the name of a cluster: at most 255 letters, digits, _ and -`},
		"after an unknown service":   {func(b *Bootstrap) { b.Services[1].After = []string{"x"} }, `services[1].after[0]: "x" is not a service here`},
		"after itself":               {func(b *Bootstrap) { b.Services[0].After = []string{"musicguru"} }, `services[0].after[0]: "musicguru" starts after musicguru itself`},
		"after one that comes after": {func(b *Bootstrap) { b.Services[0].After = []string{"healthcheck"} }, "services[0].after[0]: \"healthcheck\" starts after musicguru itself\nservices[1].after[0]: \"musicguru\" starts after healthcheck itself"},
	} {
		t.Run(name, func(t *testing.T) {
			b := dev()
			c.change(&b)
			require.EqualError(t, b.Validate(), c.want)
			document, err := b.Render()
			require.EqualError(t, err, c.want)
			assert.Nil(t, document)
		})
	}
}

func TestFaultsAreReportedTogether(t *testing.T) {
	b := dev()
	b.Region, b.Artifacts[0].SHA256, b.Services[0].Name = "", "", "A"
	b.Services[1].After = nil
	assert.Len(t, strings.Split(b.Validate().Error(), "\n"), 3)
}

func TestMachineIsValidBeforeItsArtifactsAreInABucket(t *testing.T) {
	b := dev()
	b.Region = ""
	for i := range b.Artifacts {
		b.Artifacts[i] = Artifact{Path: b.Artifacts[i].Path}
	}
	require.NoError(t, b.ValidateMachine())
	require.Error(t, b.Validate())
}
