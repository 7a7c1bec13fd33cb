package guest_test

import (
	"context"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/guest"
)

func TestUserDataThatCloudInitWouldPassOverIsRefused(t *testing.T) {
	for _, c := range []struct{ userData, want string }{
		{"#!/bin/sh\necho hi\n", `its first line is "#!/bin/sh", not "#cloud-config"`},
		{"\n#cloud-config\n", "user data is not a cloud-config document"},
		{"#cloud-config\na: [\n", "user data: yaml:"},
		{"#cloud-config\n- a\n", "no mapping"},
		{"#cloud-config\nruncmd: go\n", "runcmd: it is not a list"},
		{"#cloud-config\nwrite_files: [{path: relative}]\n", `path "relative" is not absolute`},
		{"#cloud-config\nwrite_files: [{path: /a, permissions: rw}]\n", `permissions "rw" are not octal`},
		{"#cloud-config\nwrite_files: [{path: /a, encoding: rot13}]\n", `encoding "rot13"`},
		{"#cloud-config\nwrite_files: [{path: /a, encoding: b64, content: '!'}]\n", "illegal base64"},
		{"#cloud-config\nwrite_files: [{path: /a, contents: typo}]\n", "contents"},
		{"#cloud-config\nwrite_files: [{path: /etc/systemd/system/a.service, content: '[Unit]'}]\n", "a.service: has no ExecStart="},
		{
			document(service("a", "After=b.service", ""), service("b", "After=a.service", "")),
			"units wait for each other: a.service after b.service after a.service",
		},
	} {
		_, err := guest.Boot(t.Context(), newMachine(t, "10.3.0.10", c.userData))
		require.ErrorContains(t, err, c.want, c.userData)
		assert.ErrorContains(t, err, "boot i-10x3x0x10: ")
	}
}

func TestMachineThatCannotBeIsRefused(t *testing.T) {
	for address, want := range map[string]string{"fd00::1": "is not an IPv4 address", "10.0.0.1": "the host's own"} {
		m := newMachine(t, "10.3.0.10", "#cloud-config\n")
		m.Address = netip.MustParseAddr(address)
		_, err := guest.Boot(t.Context(), m)
		require.ErrorContains(t, err, want)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	_, err := guest.Boot(ended, newMachine(t, "10.3.0.11", "#cloud-config\n"))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestWhatNeedsAWholeMachineIsReportedAsSkipped(t *testing.T) {
	r := boot(t, newMachine(t, "10.3.0.12", `#cloud-config
package_update: true
packages: [nginx, [jq, 1.6]]
users: [default, {name: app, system: true}]
ntp: {enabled: true}
write_files:
- path: /etc/systemd/system/a.service
  owner: "app:app"
  content: "[Service]\nExecStart=/a\nUser=app\nProtectHome=yes\nPrivateTmp=yes\nLockPersonality=yes\nPrivateDevices=yes\nProtectClock=yes\n"
runcmd:
- [systemctl, daemon-reload]
- systemctl daemon-reload
- [systemctl, enable, later]
- [systemctl, enable, --now, nginx]
- echo hi > /etc/motd
- [curl, https://example.com]
- echo hi > /etc/motd
`))
	assert.Equal(t, []string{
		"User=app: processes run as the emulator's own user (a.service)",
		"cloud-config key ntp is not supported",
		"package_update: no package is installed",
		"packages: jq is not installed: units use this machine's programs, if it has them",
		"packages: nginx is not installed: units use this machine's programs, if it has them",
		"runcmd: curl https://example.com is not run: only systemctl is",
		"runcmd: echo hi > /etc/motd is not run: only systemctl is, without shell syntax",
		"sandboxing of services is not applied: LockPersonality, PrivateDevices, PrivateTmp, ProtectClock and 1 more",
		"systemctl: later.service is neither in user data nor in the image",
		"systemctl: nginx.service is neither in user data nor in the image",
		"users: app is not created: processes run as the emulator's user",
		"write_files: owner app:app of /etc/systemd/system/a.service is not set: files belong to the emulator's user",
	}, r.Skipped())
	assert.Equal(t, guest.Stopped, r.status("a").State, "nobody started it")
}

func TestFilesAreWrittenBelowTheInstancesRootWithTheirPermissions(t *testing.T) {
	m := newMachine(t, "10.3.0.13", `#cloud-config
write_files:
- {path: /a/plain, content: text}
- {path: /a/secret, content: aGlkZGVu, encoding: b64, permissions: "0600"}
- {path: /a/number, content: x, permissions: 0750}
- {path: /../../escape, content: x}
- {path: /a/plain, content: " and more", append: true}
`)
	boot(t, m)
	for file, want := range map[string]struct {
		content string
		mode    fs.FileMode
	}{"/a/plain": {"text and more", 0o644}, "/a/secret": {"hidden", 0o600}, "/a/number": {"x", 0o750}, "/escape": {"x", 0o644}} {
		content, err := os.ReadFile(m.Directory + "/root" + file)
		require.NoError(t, err)
		assert.Equal(t, want.content, string(content))
		info, err := os.Stat(m.Directory + "/root" + file)
		require.NoError(t, err)
		assert.Equal(t, want.mode, info.Mode().Perm(), file)
	}
}

func TestSkippedLinesStayShort(t *testing.T) {
	r := boot(t, newMachine(t, "10.3.0.14", "#cloud-config\nruncmd:\n- echo "+strings.Repeat("é", 200)+"\n"))
	require.Len(t, r.Skipped(), 1)
	assert.Less(t, len(r.Skipped()[0]), 150)
}
