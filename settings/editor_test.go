package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/elastic-service/elastic-service/internal/project"
)

// complete are stacks that set, together, every setting.
var complete = map[string]string{
	"processes in private subnets": `
aws:region: us-east-1
service: web
tags: {cost-center: "4711"}
network: {cidr: 10.0.0.0/20, zones: [us-east-1b, us-east-1d], private: true, nat: single, endpoints: true, acl: true, flowLogs: true,
  egress: [{to: 203.0.113.0/24, port: 5432, lastPort: 5440, protocol: tcp}]}
image: {fromInstance: i-0123456789abcdef0, reboot: true}
compute:
  instanceType: t3.micro
  cpuCredits: unlimited
  keyName: mine
  rootVolumeGiB: 20
  publicAddress: false
  sessionManager: true
  memoryMetric: true
  bastion: {instanceType: t3.nano, from: [203.0.113.0/24], update: May}
app:
  port: 8080
  artifacts:
    - {build: ./cmd/web, path: /usr/local/bin/web}
    - {file: LICENSE, path: /usr/local/share/LICENSE}
    - {directory: docs, path: /srv/docs}
    - {archive: site.tar.gz, path: /srv/site}
  files:
    - {path: /etc/web/web.conf, content: "a\n", mode: "0640", owner: root, group: web}
    - {path: /srv/docs/LICENSE, file: LICENSE}
  setup:
    - name: migrate
      command: [/usr/local/bin/web, migrate]
      user: web
      directory: /var/lib/web
      environment: {A: b}
      secrets:
        KEY: {secret: web/api, key: token}
        PARAMETER: {parameter: /web/token}
        TOKEN: {value: hidden}
        PASSWORD: {database: password}
      timeout: 60
  services:
    - name: web
      command: [/usr/local/bin/web]
      before: [[/usr/local/bin/web, check]]
      user: web
      directory: /var/lib/web
      environment: {A: b}
      environmentFile: /etc/web.env
      secrets:
        KEY: {secret: web/api, key: token}
        PARAMETER: {parameter: /web/token}
        TOKEN: {value: hidden}
        PASSWORD: {database: password}
      sandbox: standard
      relax: [PrivateTmp]
      limits: {openFiles: 1024, memory: 256, tasks: 64}
  packages: [jq]
  logs: {retention: 14}
  targets:
    - name: admin
      port: 8090
      health: {protocol: HTTP, port: 8090, formerPort: 5002, path: /, matcher: "200", interval: 10, timeout: 5, healthy: 3, unhealthy: 3}
  permissions: [{actions: [s3:GetObject], resources: ["*"], conditions: [{operator: StringEquals, key: aws:RequestedRegion, values: [a]}]},
    {actions: ["*"], resources: ["*"], everything: true}]
health: {protocol: HTTP, port: 8080, formerPort: 5001, path: /, matcher: "200", interval: 10, timeout: 5, healthy: 3, unhealthy: 3}
balancer:
  type: application
  internal: true
  listeners: [{port: 80, protocol: HTTP, redirect: 443}, {port: 443, protocol: HTTPS}, {port: 8443, protocol: HTTPS, target: admin}]
  certificate: arn:aws:acm:us-east-1:123456789012:certificate/1a
  alias: {zone: example.com, name: www.example.com, createZone: true}
  accessLogs: true
  idleTimeout: 120
  drain: 30
  algorithm: least_outstanding_requests
scaling:
  min: 2
  max: 4
  grace: 60
  healthCheck: EC2
  maxInstanceLifetime: 604800
  policies:
    - step:
        {metric: cpu, period: 60, warmup: 60, above: 80, aboveFor: 60, add: 1, below: 20, belowFor: 60, remove: 1}
  schedules: [{name: night, cron: 0 22 * * *, timeZone: UTC, min: 1, max: 2, desired: 1}]
  release: {checkpoints: [10, 50], checkpointDelay: 60, bake: 120, timeout: 900}
  hooks: [{name: wait, transition: launching, timeout: 60, result: abandon}]
  notify: [{protocol: email, endpoint: me@example.com}]
database:
  {engine: mysql, version: "8.4", instanceClass: db.t4g.micro, storageGiB: 20, multiAZ: true, name: app, username: app,
   backupDays: 7, allowMajorUpgrade: false, maxStorageGiB: 100, finalSnapshot: true, applyImmediately: true}
monitoring: {dashboard: true, alarms: true}
protect: true
`,
	"containers": `
aws:region: us-east-1
aws:profile: mine
service: web
network: {private: true, nat: single}
image: {parameter: /aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id, update: 2026-11-26}
database: {engine: postgres, version: "17"}
containers:
  {image: nginx, command: [nginx], environment: {A: b}, port: 80, cpu: 256, memory: 128,
   secrets: {KEY: {secret: "arn:aws:secretsmanager:us-east-1:123456789012:secret:api-AbCdEf", key: token}, PARAMETER: {parameter: token},
   TOKEN: {value: hidden}, PASSWORD: {database: password}},
   permissions: [{actions: ["*"], resources: ["*"], everything: true,
   conditions: [{operator: StringEquals, key: aws:RequestedRegion, values: [a]}]}],
   links: [agent], dependsOn: {migrate: SUCCESS},
   sidecars: [
     {name: migrate, image: "nginx:1", command: [migrate], essential: false, secrets: {PASSWORD: {database: password},
      PARAMETER: {parameter: token}, TOKEN: {value: hidden},
      KEY: {secret: "arn:aws:secretsmanager:us-east-1:123456789012:secret:api-AbCdEf", key: token}}},
     {name: agent, image: "nginx:1", environment: {A: b}, links: [cache], dependsOn: {migrate: COMPLETE}, cpu: 2, memory: 6},
     {name: cache, image: "nginx:1"}],
   min: 1, desired: 1, max: 2, targetCPU: 60, wait: true}
health: {protocol: HTTP, path: /}
balancer: {type: application}
monitoring: {alarms: true, latency: 0.5}
`,
	"an existing network": `
aws:region: us-east-1
service: web
network: {existing: {vpc: vpc-0123456789abcdef0, public: {tags: {Tier: public}}, private: {subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e]},
  isolated: {tags: {Tier: isolated}}}}
image: {id: ami-0123456789abcdef0}
app: {port: 5000, services: [{name: web, command: [/bin/web]}]}
database: {engine: postgres, version: "16"}
`,
	"a network by its tags": `
aws:region: us-east-1
service: web
network: {existing: {tags: {Name: shared}, public: {subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e]}, private: {tags: {Tier: private}},
  isolated: {subnets: [subnet-0a1b2c4d, subnet-0a1b2c4e]}}}
compute: {securityGroups: [sg-0a1b2c3d]}
image: {id: ami-0123456789abcdef0}
app: {port: 5000, services: [{name: web, command: [/bin/web]}]}
database: {engine: postgres, version: "16"}
`,
	"a network balancer": `
aws:region: us-east-1
service: web
network: {subnets: [192.168.0.0/24, 192.168.1.0/24]}
compute: {keyName: mine, sshFrom: [0.0.0.0/0], sshFromAnywhere: true}
image: {id: ami-0123456789abcdef0}
app: {port: 5000, services: [{name: web, command: [/bin/web]}]}
balancer: {from: [203.0.113.0/24, pl-01234567], idleTimeout: 6000, drain: 0, crossZone: false}
scaling: {policies: [{targetTracking: {metric: cpu, target: 50, warmup: 300}}]}
`,
}

// stackTree reads a stack as an editor does.
func stackTree(t testing.TB, text string) map[string]any {
	t.Helper()
	given, tree := map[string]any{}, map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(text), &given))
	for key, value := range given {
		if !strings.Contains(key, ":") {
			key = namespace + key
		}
		tree[key] = value
	}
	return plain(t, tree).(map[string]any)
}

// plain turns a value into what JSON has for it, so that it can be changed without changing another.
func plain(t testing.TB, value any) (copied any) {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return parseJSON(string(text))
}

// encryptedIn are the settings of the complete stacks that Pulumi has encrypted.
var encryptedIn = []string{namespace + "app.services[0].secrets.TOKEN.value", namespace + "app.setup[0].secrets.TOKEN.value",
	namespace + "containers.secrets.TOKEN.value", namespace + "containers.sidecars[0].secrets.TOKEN.value"}

// verdicts are those of the editor and of the program about a stack.
func verdicts(t testing.TB, check *jsonschema.Schema, tree map[string]any) (editor, program error) {
	t.Helper()
	flat := map[string]string{}
	for key, value := range tree {
		flat[key] = handOver(t, value)
	}
	_, program = Parse(flat, encryptedIn...)
	return check.Validate(map[string]any{"config": tree}), program
}

func TestEditorsAcceptTheStackFiles(t *testing.T) {
	check := compiled(t)
	for _, stack := range project.Shipped {
		file := "../Pulumi." + stack + ".yaml"
		var tree map[string]any
		text := readFile(t, file)
		require.NoError(t, yaml.Unmarshal([]byte(text), &tree))
		assert.NoError(t, check.Validate(plain(t, tree)), file)
		assert.True(t, strings.HasPrefix(text, "# yaml-language-server: $schema=docs/settings.schema.json\n"), "the head of %s", file)
	}
}

func TestEditorsAcceptEverySetting(t *testing.T) {
	check := compiled(t)
	var given, all []string
	for name, text := range complete {
		tree := stackTree(t, text)
		editor, program := verdicts(t, check, tree)
		assert.NoError(t, program, name)
		assert.NoError(t, editor, name)
		for _, s := range occurrences(reference(t), tree) {
			given = append(given, s.name)
		}
	}
	for _, s := range reference(t) {
		for _, row := range s.rows("") {
			all = append(all, strings.Trim(row[0], "`"))
		}
	}
	assert.Subset(t, given, all, "settings in none of the stacks")
}

// Whatever is wrong with a single value is refused by the editor where it is refused by the program, and the other way round.
func TestEditorsRefuseWhatTheProgramRefuses(t *testing.T) {
	check := compiled(t)
	for name, text := range complete {
		for _, s := range occurrences(reference(t), stackTree(t, text)) {
			for what, change := range s.mistakes() {
				tree := stackTree(t, text)
				change(tree)
				editor, program := verdicts(t, check, tree)
				require.Error(t, editor, "%s: %s: %s", name, s.name, what)
				require.ErrorContains(t, program, s.names(what), "%s: %s", name, what)
			}
		}
	}
}

// occurrence is a setting at a place in a stack.
type occurrence struct {
	setting
	name string // as in docs/settings.md
	path []any  // keys and indices
}

// occurrences finds the settings that a tree has values for.
func occurrences(all []setting, tree map[string]any) []occurrence {
	var found []occurrence
	for _, s := range all {
		if value, given := tree[namespace+s.key]; given {
			found = append(found, s.within(value, s.key, []any{namespace + s.key})...)
		}
	}
	return found
}

func (s setting) within(value any, name string, path []any) []occurrence {
	found := []occurrence{{s, name, path}}
	objects, at := []any{value}, [][]any{path}
	if list, isList := value.([]any); isList && s.inner != nil {
		objects, at, name = list, nil, name+"[]"
		for i := range list {
			at = append(at, append(path[:len(path):len(path)], i))
		}
	}
	if entries, isObject := value.(map[string]any); isObject && s.values != nil && s.inner != nil {
		objects, at, name = nil, nil, name+".NAME"
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			objects, at = append(objects, entries[key]), append(at, append(path[:len(path):len(path)], key))
		}
	}
	for i, object := range objects {
		fields, _ := object.(map[string]any)
		for _, inner := range s.inner {
			if value, given := fields[inner.key]; given {
				found = append(found, inner.within(value, name+"."+inner.key, append(at[i][:len(at[i]):len(at[i])], inner.key))...)
			}
		}
	}
	return found
}

// mistakes are changes that spoil a stack at one place.
func (o occurrence) mistakes() map[string]func(tree map[string]any) {
	all := map[string]func(map[string]any){}
	value := func(what string, v any) { all[what] = func(tree map[string]any) { put(tree, v, o.path...) } }
	if len(o.path) > 1 || o.typ.Kind() != reflect.String { // a key that is text takes everything as text
		value("another type", json.Number("1.5"))
		if o.typ.Kind() == reflect.Float64 {
			value("another type", "much")
		}
	}
	if o.required() {
		all["missing"] = func(tree map[string]any) { remove(tree, o.path...) }
	}
	if o.enum() != nil {
		value("another choice", "other")
	}
	_, hasDefault := o.Tag.Lookup("default")
	leftOut := o.Tag.Get("minimum") == "1" && !o.required() && !hasDefault // the program takes 0 for a setting that is left out
	if low, err := strconv.Atoi(o.Tag.Get("minimum")); err == nil && !leftOut {
		value("too small", json.Number(strconv.Itoa(low-1)))
	}
	if high, err := strconv.Atoi(o.Tag.Get("maximum")); err == nil {
		value("too large", json.Number(strconv.Itoa(high+1)))
	}
	if low := o.Tag.Get("above"); low != "" {
		value("not above", json.Number(low))
	}
	if o.inner != nil && o.element == nil && o.values == nil {
		all["unknown key"] = func(tree map[string]any) { put(tree, "?", append(o.path[:len(o.path):len(o.path)], "unknown")...) }
	}
	if is[map[string]string](o.setting) {
		value("a number in it", map[string]any{"A": json.Number("1")})
	}
	return all
}

// names returns the words by which the program's report names the place.
func (o occurrence) names(mistake string) string {
	var name strings.Builder
	name.WriteString(strings.TrimPrefix(fmt.Sprint(o.path[0]), namespace))
	for _, step := range o.path[1:] {
		if index, isIndex := step.(int); isIndex {
			fmt.Fprintf(&name, "[%d]", index)
		} else {
			name.WriteString("." + step.(string))
		}
	}
	if mistake == "unknown key" {
		name.WriteString(".unknown: is not a setting")
	}
	return name.String()
}

func put(in any, value any, path ...any) {
	switch step := path[0].(type) {
	case string:
		if object := in.(map[string]any); len(path) == 1 {
			object[step] = value
		} else {
			put(object[step], value, path[1:]...)
		}
	case int:
		put(in.([]any)[step], value, path[1:]...)
	}
}

func remove(in any, path ...any) {
	for len(path) > 1 {
		switch step := path[0].(type) {
		case string:
			in = in.(map[string]any)[step]
		case int:
			in = in.([]any)[step]
		}
		path = path[1:]
	}
	delete(in.(map[string]any), path[0].(string))
}

func TestEditorsRefuseKeysThatAreNoSettings(t *testing.T) {
	check := compiled(t)
	for _, key := range []string{namespace + "networks", namespace + "scaling.max"} {
		tree := stackTree(t, complete["a network balancer"])
		tree[key] = "1"
		editor, program := verdicts(t, check, tree)
		require.Error(t, program, key)
		require.Error(t, editor, key)
	}
}

func TestEditorsWantOneOfWhatExcludesEachOther(t *testing.T) {
	check := compiled(t)
	for name, change := range map[string]string{
		"no software":         `app: ~`,
		"both kinds of it":    `containers: {image: nginx, port: 80}`,
		"no image":            `image: {}`,
		"two images":          `image: {id: ami-0123456789abcdef0, parameter: /a}`,
		"two sources":         `app: {port: 1, services: [{name: a, command: [/a]}], artifacts: [{path: /opt/a, file: a, build: ./a}]}`,
		"a policy of no kind": `scaling: {policies: [{}]}`,
	} {
		tree := stackTree(t, complete["a network balancer"])
		changed := stackTree(t, change)
		maps.Copy(tree, changed)
		maps.DeleteFunc(tree, func(_ string, value any) bool { return value == nil })
		editor, program := verdicts(t, check, tree)
		require.Error(t, program, name)
		require.Error(t, editor, name)
	}
}
