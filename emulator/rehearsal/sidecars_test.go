package rehearsal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// shop is a stack whose container waits for a command that asks the agent beside it.
const shop = `config:
  aws:region: us-east-1
  elastic-service:service: shop
  elastic-service:network: {cidr: 192.168.0.0/23, zones: 2}
  elastic-service:image: {parameter: /aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id}
  elastic-service:compute: {instanceType: t3.micro}
  elastic-service:containers:
    image: web:1
    command: [web, serve, -listen, ":5000"]
    port: 5000
    memory: 64
    desired: 2
    targetCPU: 0
    wait: true
    links: [agent]
    dependsOn: {ask: SUCCESS}
    sidecars:
      - {name: agent, image: "web:1", command: [web, serve, -listen, ":9000"], environment: {RELEASE: agent-1}}
      - name: ask
        image: bash:5
        command: [bash, -c, 'until exec 3<>/dev/tcp/agent/9000; do sleep 0.1; done; printf "GET / HTTP/1.0\r\n\r\n" >&3; cat <&3']
        essential: false
        links: [agent]
  elastic-service:health: {protocol: HTTP, path: /ping}
  elastic-service:balancer: {type: application, listeners: [{port: 80, protocol: HTTP}]}
  elastic-service:scaling: {min: 2, max: 2}
`

func startShop(t *testing.T) releases {
	t.Helper()
	root, project := must(session.EnterProject("dev"))(t), t.TempDir()
	copySettings(t, root, project, strings.NewReplacer())
	require.NoError(t, os.WriteFile(filepath.Join(project, "Pulumi.dev.yaml"), []byte(shop), 0o600))
	r := releases{t, opened(t, project, "dev")}
	t.Cleanup(func() {
		for _, task := range r.tasks() {
			if t.Failed() {
				t.Log(task.ID, task.State, task.Reason)
			}
		}
	})
	require.NoError(t, r.deploy(t.Context()))
	require.NoError(t, r.awaitHealthy(t.Context()))
	return r
}

// answerOf returns what a container of a task has printed.
func (r releases) answerOf(task ecs.Task, container string) string {
	r.Helper()
	folder := filepath.Join(r.deployment.Session.Options().Folder, "tasks", task.ID, container)
	return string(must(os.ReadFile(filepath.Join(folder, "log", "container.log")))(r.T))
}

// tasks returns all tasks, including those that stopped within the last hour.
func (r releases) tasks() []ecs.Task {
	return cloud.Get(r.deployment.Cloud(), func(m *cloud.Model) []ecs.Task { return m.ECS.DescribeTasks() })
}

// processOf returns the process with a variable in its environment that runs for a task.
func processOf(t *testing.T, task ecs.Task, variable string) int {
	t.Helper()
	files := must(filepath.Glob("/proc/[0-9]*/environ"))(t)
	for _, file := range files {
		content, _ := os.ReadFile(file) // the process may have ended
		environment := bytes.Split(content, []byte{0})
		has := func(text string) bool {
			return slices.ContainsFunc(environment, func(line []byte) bool { return string(line) == text })
		}
		if has("HOSTNAME="+task.ID[:12]) && has(variable) {
			return must(strconv.Atoi(filepath.Base(filepath.Dir(file))))(t)
		}
	}
	require.Fail(t, "no process of the task", "%s with %s", task.ID, variable)
	return 0
}

func TestSidecarsAreReleasedCrashAndGo(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := startShop(t)
	require.Len(t, r.deployment.servingTasks(), 2)
	for _, task := range r.deployment.servingTasks() {
		assert.Equal(t, 0, *task.ByName("ask").ExitCode, "the main container has waited for it")
		assert.Contains(t, r.answerOf(task, "ask"), "release agent-1", "it has found the agent by its name")
	}

	clients := r.startClients(t.Context())
	r.set("agent-2", "containers", "sidecars", 0, "environment", "RELEASE")
	require.NoError(t, r.up())
	require.NoError(t, r.awaitHealthy(t.Context()))
	for _, task := range r.deployment.servingTasks() {
		assert.Contains(t, r.answerOf(task, "ask"), "release agent-2")
	}
	counts := clients.Stop()
	t.Log(counts)
	assert.Zero(t, counts.Failed)

	victim := r.deployment.servingTasks()[0]
	require.NoError(t, unix.Kill(processOf(t, victim, "RELEASE=agent-2"), unix.SIGKILL))
	stopped := ecs.Task{}
	require.NoError(t, session.Poll(t.Context(), r.deployment.Real(20*time.Minute), func() bool {
		for _, task := range r.tasks() {
			if task.ID == victim.ID && task.State == ecs.TaskStopped {
				stopped = task
			}
		}
		return stopped.ID != ""
	}))
	assert.Equal(t, "Essential container in task exited: signal: killed", stopped.Reason)
	assert.Equal(t, 137, *stopped.ByName("agent").ExitCode)
	assert.Equal(t, 0, *stopped.ByName("shop").ExitCode, "it was asked to end")
	require.NoError(t, r.awaitTasks(t.Context(), 2))

	r.set([]string{"bash", "-c", "exit 3"}, "containers", "sidecars", 1, "command")
	require.ErrorContains(t, r.up(), "failed and was rolled back")
	failed := slices.IndexFunc(r.tasks(), func(task ecs.Task) bool {
		return task.ByName("ask").ExitCode != nil && *task.ByName("ask").ExitCode == 3
	})
	require.GreaterOrEqual(t, failed, 0)
	assert.Equal(t, "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [ask] for target [shop] "+
		"as dependency did not exit successfully", r.tasks()[failed].Reason)
	require.NoError(t, r.awaitTasks(t.Context(), 2))

	for _, key := range []string{"sidecars", "links", "dependsOn"} {
		r.set(nil, "containers", key)
	}
	require.NoError(t, r.up())
	require.NoError(t, r.awaitTasks(t.Context(), 2))
	for _, task := range r.deployment.servingTasks() {
		assert.Len(t, task.Containers, 1, fmt.Sprint(task))
	}
}
