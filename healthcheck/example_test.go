package healthcheck_test

import (
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/healthcheck"
)

// A check says how long the balancer takes to notice.
func ExampleCheck() {
	check := healthcheck.Check{
		Protocol: healthcheck.TCP, Port: 5001, Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3,
	}
	fmt.Println("valid:", check.Validate() == nil)
	fmt.Println("a dead target is found within", check.Detection())
	fmt.Println("a new one is used within", check.Recovery())
	// Output:
	// valid: true
	// a dead target is found within 35s
	// a new one is used within 35s
}

func ExampleCheck_Validate() {
	fmt.Println(healthcheck.Check{
		Protocol: healthcheck.HTTP, Path: "ping", Interval: 5 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3,
	}.Validate())
	// Output:
	// path: "ping" does not begin with a slash
	// timeout: 5s is not below interval (5s)
}
