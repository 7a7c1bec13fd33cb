package guest_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"

	"github.com/elastic-service/elastic-service/emulator/guest"
)

// An instance with a service, whose program and unit come from user data.
func ExampleBoot() {
	const userData = `#cloud-config
write_files:
- path: /usr/local/bin/greet
  permissions: "0755"
  content: |
    #!/bin/sh
    while :; do echo hello from $NAME; sleep 60; done
- path: /etc/systemd/system/greet.service
  content: |
    [Service]
    ExecStart=/usr/local/bin/greet
    Environment=NAME=cloud
    Restart=always
    DynamicUser=yes
runcmd:
- systemctl enable --now greet
`
	folder, err := os.MkdirTemp("", "instance")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)

	instance, err := guest.Boot(context.Background(), guest.Spec{
		ID: "i-0123456789abcdef0", Address: netip.MustParseAddr("10.5.0.10"), Directory: folder,
		UserData: []byte(userData), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	defer instance.Kill()

	if err := instance.StartService("greet"); err != nil { // waits for the start by user data
		panic(err)
	}
	for _, service := range instance.Services() {
		fmt.Println(service.Name, service.State)
	}
	for _, line := range instance.Skipped() {
		fmt.Println("skipped:", line)
	}
	// Output:
	// greet running
	// skipped: DynamicUser=yes: processes run as the emulator's own user (greet.service)
}
