package userdata_test

import (
	"fmt"
	"strings"

	"github.com/elastic-service/elastic-service/userdata"
)

// A service that systemd starts at every boot, from a file that the machine fetches at the first one.
func ExampleBootstrap_Render() {
	document, err := userdata.Bootstrap{
		Region: "us-east-1",
		Artifacts: []userdata.Artifact{{
			Path: "/usr/local/bin/hello", Bucket: "hello-artifacts-1a2b3c4", Key: "hello", SHA256: strings.Repeat("ab", 32),
		}},
		Services: []userdata.Service{{
			Name: "hello", Command: []string{"/usr/local/bin/hello", "-port", "8080"}, Port: 8080,
		}},
	}.Render()
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(string(document)) {
		for _, part := range []string{"#cloud-config", "path:", "ExecStart=/usr/local", "Restart=", "DynamicUser=", "enable"} {
			if strings.Contains(line, part) {
				fmt.Println(strings.TrimSpace(line))
			}
		}
	}
	// Output:
	// #cloud-config
	// - path: /etc/elastic-service/hello.sha256
	// - path: /etc/systemd/system/artifact-hello.service
	// Restart=on-failure
	// - path: /etc/systemd/system/hello.service
	// ExecStart=/usr/local/bin/hello -port 8080
	// Restart=always
	// DynamicUser=yes
	// - enable
}

// Every problem is reported, each with its path.
func ExampleBootstrap_Validate() {
	err := userdata.Bootstrap{
		Packages: []string{"nginx", "nginx"},
		Services: []userdata.Service{{Name: "web", Command: []string{"nginx"}, User: "root"}},
	}.Validate()
	fmt.Println(err)
	// Output:
	// packages[1]: "nginx" is listed twice
	// services[0].user: "root" is refused: services run unprivileged
	// services[0].command[0]: "nginx" is not an absolute path of letters, digits and ._+@-, without . and .. as folders
}
